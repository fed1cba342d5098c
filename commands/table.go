package commands

// verb is one entry of the table, shared by the families that have it.
type verb struct {
	name string // lower case, without the family's prefix
	// ofInstances verbs do not exist in the plain families.
	ofInstances bool
	// ofProxy verbs speak of no family, and have the prefix DK. alone.
	ofProxy bool
	// arity counts the name; negative means at least so many.
	arity int
	// most bounds the arguments, the name included, where only plain optional
	// ones follow. 0: no bound.
	most int
	// fromMemory verbs are not a barrier in the lax families.
	fromMemory bool
	row        rowStep // what it does where it need not wait
	effect     effect
	keys       keys
	// fast as Redis says it: the time does not grow with what is stored.
	fast bool

	run handler

	summary    string
	complexity string
	args       []arg
	// reply describes the reply in the instance-aware families, plain in the
	// plain ones; plain is empty where it is the same or does not exist.
	reply, plain string
}

const (
	perKey  = "O(1)"
	perKeys = "O(N) where N is the number of keys"
	perAll  = "O(N) where N is the number of counters in the namespace"
)

// verbs is the table.
var verbs = []verb{
	{name: "inc", arity: -2, fromMemory: true, row: rowInc, effect: grows, keys: oneKey, fast: true, run: cmdInc,
		summary: "Adds to a counter", complexity: perKey,
		args:  []arg{keyArg, optional(deltaArg), condition},
		reply: "[total, mine]", plain: "total"},
	{name: "dec", arity: -2, fromMemory: true, row: rowDec, effect: grows, keys: oneKey, fast: true, run: cmdDec,
		summary: "Subtracts from a counter", complexity: perKey,
		args:  []arg{keyArg, optional(deltaArg), condition},
		reply: "[total, mine]", plain: "total"},
	{name: "get", arity: 2, fromMemory: true, row: rowGet, effect: reads, keys: oneKey, fast: true, run: cmdGet,
		summary: "Returns a counter", complexity: perKey,
		args:  []arg{keyArg},
		reply: "[total, mine]", plain: "total"},
	{name: "set", arity: -3, effect: grows, keys: oneKey, fast: true, run: cmdSet,
		summary: "Sets a counter's total", complexity: perKey,
		args:  []arg{keyArg, valueArg, condition},
		reply: "[total, mine]", plain: "total"},
	{name: "seti", ofInstances: true, arity: -3, fromMemory: true, effect: grows, keys: oneKey, fast: true, run: cmdSetI,
		summary: "Sets what this instance contributes to a counter", complexity: perKey,
		args:  []arg{keyArg, valueArg, condition},
		reply: "[total, mine]"},
	{name: "del", arity: 2, effect: deletes, keys: oneKey, fast: true, run: cmdDel,
		summary: "Deletes a counter", complexity: perKey,
		args:  []arg{keyArg},
		reply: "[old total, old mine]", plain: "old total"},
	{name: "deli", ofInstances: true, arity: 2, effect: deletes, keys: oneKey, fast: true, run: cmdDelI,
		summary: "Removes what this instance contributes to a counter", complexity: perKey,
		args:  []arg{keyArg},
		reply: "[new total, removed]"},
	{name: "clear", arity: -1, most: 2, effect: wipes, run: cmdClear,
		summary: "Deletes all counters of a namespace", complexity: perAll,
		args:  []arg{optional(namespaceArg)},
		reply: "OK"},
	{name: "cleari", ofInstances: true, arity: -1, most: 2, effect: wipes, run: cmdClearI,
		summary: "Removes what this instance contributes to all counters of a namespace", complexity: perAll,
		args:  []arg{optional(namespaceArg)},
		reply: "OK"},
	{name: "mget", arity: -2, fromMemory: true, effect: reads, keys: allKeys, fast: true, run: cmdMGet,
		summary: "Returns many counters", complexity: perKeys,
		args:  []arg{repeated(keyArg)},
		reply: "array of [total, mine]", plain: "array of totals"},
	{name: "mgeti", ofInstances: true, arity: -2, fromMemory: true, effect: reads, keys: allKeys, fast: true, run: cmdMGetI,
		summary: "Returns what this instance contributes to many counters", complexity: perKeys,
		args:  []arg{repeated(keyArg)},
		reply: "array of mine"},
	{name: "minc", arity: -3, fromMemory: true, effect: grows, keys: itemKeys, run: cmdMInc,
		summary: "Adds to many counters", complexity: perKeys,
		args:  []arg{itemsOf(deltaArg)},
		reply: "array of [total, mine]", plain: "array of totals"},
	{name: "mset", arity: -3, effect: grows, keys: itemKeys, run: cmdMSet,
		summary: "Sets the totals of many counters", complexity: perKeys,
		args:  []arg{itemsOf(valueArg)},
		reply: "array of [total, mine]", plain: "array of totals"},
	{name: "mseti", ofInstances: true, arity: -3, fromMemory: true, effect: grows, keys: itemKeys, run: cmdMSetI,
		summary: "Sets what this instance contributes to many counters", complexity: perKeys,
		args:  []arg{itemsOf(valueArg)},
		reply: "array of [total, mine]"},
	{name: "flush", arity: -1, effect: writes, keys: optionalKeys, run: cmdFlush,
		summary: "Waits until Redis has these counters, or without keys all of all families", complexity: perKeys,
		args:  []arg{optional(repeated(keyArg))},
		reply: "counters flushed"},
	{name: "id", ofInstances: true, arity: 1, fromMemory: true, effect: none, fast: true, run: cmdID,
		summary: "Returns the id of this instance", complexity: perKey,
		reply: "id"},
	{name: "instances", ofInstances: true, arity: -1, most: 2, effect: lists, run: cmdInstances,
		summary: "Lists the instances that contribute to a namespace", complexity: "O(N) where N is the number of instances",
		args:  []arg{optional(namespaceArg)},
		reply: "array of [id, ms since its heartbeat, alive]"},
	{name: "hot", ofProxy: true, arity: -1, most: 2, fromMemory: true, effect: administers, run: cmdHot,
		summary:    "Lists the ordinary keys with most increments, and what lax would save on them",
		complexity: "O(N) where N is the number of keys that are observed, at most 4096",
		args:       []arg{optional(arg{name: "count", typ: "integer"})},
		reply:      "array of [db, key, increments, reads, holds, saved, verdict, pattern]"},
	{name: "scan", arity: -2, effect: lists, run: cmdScan,
		summary:    "Iterates the counters of a namespace",
		complexity: "O(1) for every call, O(N) for a complete iteration, where N is the number of counters in the namespace",
		args: []arg{
			{name: "cursor", typ: "integer"},
			optional(arg{name: "glob", typ: "pattern", token: "MATCH"}),
			optional(arg{name: "count", typ: "integer", token: "COUNT"}),
			optional(arg{name: "namespace", typ: "string", token: "NS"}),
		},
		reply: "[cursor, array of [key, total, mine]]", plain: "[cursor, array of [key, total]]"},
}

// replyDoc describes the reply of the verb to a reader.
func (v *verb) replyDoc(plain bool) string {
	if plain && v.plain != "" {
		return v.plain
	}
	return v.reply
}
