package commands

import "strings"

// arg documents one argument in the terms of Redis' COMMAND DOCS.
type arg struct {
	name, typ string
	token     string // the word before it
	optional  bool
	repeats   bool
	args      []arg // of a block or oneof
}

// The arguments that several verbs share.
var (
	keyArg       = arg{name: "key", typ: "key"}
	deltaArg     = arg{name: "delta", typ: "integer"}
	valueArg     = arg{name: "value", typ: "integer"}
	namespaceArg = arg{name: "namespace", typ: "string"}
	condition    = optional(arg{name: "condition", typ: "block", token: "IF", args: []arg{
		{name: "comparator", typ: "oneof", args: comparatorArgs()},
		{name: "operand", typ: "integer"},
	}})
)

func comparatorArgs() []arg {
	var args []arg
	for _, word := range comparators {
		if word != "" {
			args = append(args, arg{name: strings.ToLower(word), typ: "pure-token", token: word})
		}
	}
	return args
}

func optional(a arg) arg {
	a.optional = true
	return a
}

func repeated(a arg) arg {
	a.repeats = true
	return a
}

// itemsOf is the `key number [IF ...]` of the many-key verbs, once or more.
func itemsOf(number arg) arg {
	return repeated(arg{name: "item", typ: "block", args: []arg{keyArg, number, condition}})
}

// flags are the argument's flags by Redis' names and in its order.
func (a arg) flags() []string {
	var flags []string
	if a.optional {
		flags = append(flags, "optional")
	}
	if a.repeats {
		flags = append(flags, "multiple")
	}
	return flags
}
