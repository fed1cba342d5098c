package proxy

import (
	"strings"

	"github.com/distkit/distkit-proxy/commands"
)

// kind is how the session treats a command. Commands that it knows nothing of
// are plain: there is no list of what is supported.
type kind uint8

const (
	plain      kind = iota // forwarded; one reply
	setsUp                 // sets the connection up, and can be repeated: HELLO, AUTH, SELECT…
	keepsState             // plain, and may leave state that cannot be made again
	blocks                 // plain, and may wait in Redis for others: BLPOP…
	watches                // WATCH
	unwatches              // UNWATCH
	opensMulti             // MULTI
	execs                  // EXEC
	discards               // DISCARD
	resets                 // RESET
	pumps                  // its replies are not one for one: SUBSCRIBE, MONITOR…
	quits                  // QUIT
	listsTable             // COMMAND
	informs                // INFO
	denied                 // on the deny list
	attacks                // POST, Host: — a browser was tricked into talking to us
	fromMemory             // ours, and answered from memory
	fromRedis              // ours, and may wait for Redis
	counts                 // on ordinary keys that may be counted in memory: INCR, GET…
	inMulti                // sent in MULTI to spoil the transaction; its reply is replaced
	aborts                 // DISCARD, sent in place of an EXEC; its reply is replaced
)

// uncertain reports whether the session knows only after the reply if it is in MULTI.
func (k kind) uncertain() bool {
	return k == opensMulti || k == execs || k == discards || k == resets
}

// followed reports whether a command is needed whole where a pump brings the reply.
func (k kind) followed() bool {
	switch k {
	case setsUp, opensMulti, execs, discards, resets, listsTable, informs, attacks:
		return true
	}
	return false
}

// kindTable knows the commands that are not plain, or that are and may be shared. It
// never changes once made.
type kindTable struct {
	foreign map[string]trait           // by lower-case name
	denied  map[*commands.Command]bool // ours on the deny list
	subs    map[string]map[string]bool // subcommands on it, by container
	rows    bool                       // INCR and its like may be counted, and none is on the deny list
}

// aliases are the other names of what Redis has under two: who refuses one means
// both.
var aliases = map[string]string{
	"replicaof": "slaveof", "slaveof": "replicaof",
	"getrange": "substr", "substr": "getrange",
	"restore": "restore-asking", "restore-asking": "restore",
}

// maxKindName is more than the longest name in the table, the deny list apart.
const maxKindName = 32

func newKindTable(deny []string, counting bool) kindTable {
	t := kindTable{foreign: make(map[string]trait)}
	for name, k := range map[string]kind{
		"hello": setsUp, "auth": setsUp, "select": setsUp, "readonly": setsUp, "readwrite": setsUp,
		"client": keepsState, "watch": watches, "unwatch": unwatches,
		"multi": opensMulti, "exec": execs, "discard": discards, "reset": resets,
		"subscribe": pumps, "psubscribe": pumps, "ssubscribe": pumps,
		"unsubscribe": pumps, "punsubscribe": pumps, "sunsubscribe": pumps,
		"monitor": pumps, "sync": pumps, "psync": pumps,
		"blpop": blocks, "brpop": blocks, "brpoplpush": blocks, "blmove": blocks, "blmpop": blocks,
		"bzpopmin": blocks, "bzpopmax": blocks, "bzmpop": blocks, "xread": blocks, "xreadgroup": blocks,
		"wait": blocks, "waitaof": blocks,
		"quit": quits, "command": listsTable, "info": informs,
		"post": attacks, "host:": attacks,
	} {
		t.foreign[name] = trait{kind: k}
	}
	addShareable(t.foreign)
	countable := []string{"incr", "incrby", "decr", "decrby", "get", "mget"}
	if counting {
		for _, name := range countable {
			was := t.foreign[name]
			was.kind = counts
			t.foreign[name] = was
		}
	}
	for _, name := range deny {
		t.deny(lower(name))
	}
	t.rows = counting
	for _, name := range countable {
		t.rows = t.rows && t.foreign[name].kind == counts && t.subs[name] == nil
	}
	return t
}

// deny puts a name on the deny list, in lower case: that of a command, with all
// its subcommands, or container|subcommand.
func (t *kindTable) deny(name string) {
	container, sub, found := strings.Cut(name, "|")
	cmd := commands.Lookup([]byte(name))
	switch {
	case found:
		if t.subs == nil {
			t.subs = make(map[string]map[string]bool)
		}
		if t.subs[container] == nil {
			t.subs[container] = make(map[string]bool)
		}
		t.subs[container][sub] = true
	case cmd != nil:
		if t.denied == nil {
			t.denied = make(map[*commands.Command]bool)
		}
		t.denied[cmd] = true
	default:
		t.foreign[name] = trait{kind: denied}
		if other, found := aliases[name]; found {
			t.foreign[other] = trait{kind: denied}
		}
	}
}

// deniedSub reports whether the command, by its name in lower case, is denied
// for its subcommand.
func (t *kindTable) deniedSub(name []byte, args [][]byte) bool {
	subs := t.subs[string(name)]
	return subs != nil && len(args) > 1 && subs[lower(string(args[1]))]
}

// refusal is the reply to a command that is denied.
func (t *kindTable) refusal(args [][]byte) string { return refusal(t.refusedName(args)) }

// refusedName is what a denied command is refused as.
func (t *kindTable) refusedName(args [][]byte) string {
	name := lower(string(args[0]))
	if t.foreign[name].kind != denied && t.deniedSub([]byte(name), args) {
		name += "|" + lower(string(args[1]))
	}
	return name
}

// of classifies a command; cmd is set if it is one of ours.
func (t *kindTable) of(args [][]byte) (kind, *commands.Command) {
	tr, cmd := t.look(args)
	return tr.kind, cmd
}

// look is of with all that is known of a command of Redis'.
func (t *kindTable) look(args [][]byte) (tr trait, cmd *commands.Command) {
	name := args[0]
	if cmd = commands.Lookup(name); cmd != nil {
		switch {
		case t.denied != nil && t.denied[cmd]:
			return trait{kind: denied}, nil
		case cmd.Barrier():
			return trait{kind: fromRedis}, cmd
		}
		return trait{kind: fromMemory}, cmd
	}
	var buf [maxKindName]byte
	if len(name) <= maxKindName {
		name = appendLower(buf[:0], name)
	} else {
		name = appendLower(nil, name)
	}
	if t.subs != nil && t.deniedSub(name, args) {
		return trait{kind: denied}, nil
	}
	if tr = t.foreign[string(name)]; tr.kind == keepsState && string(name) == "client" {
		tr.kind = clientKind(word(args, 1))
	}
	return tr, nil
}

// clientKind classifies the subcommands of CLIENT. One that is not known here
// may leave anything behind.
func clientKind(sub string) kind {
	switch sub {
	case "setname", "setinfo", "no-evict", "no-touch", "maint_notifications":
		return setsUp
	case "reply", "tracking":
		return pumps
	case "", "id", "info", "list", "getname", "getredir", "trackinginfo", "kill", "pause", "unpause", "unblock", "help":
		return plain
	}
	return keepsState
}

func appendLower(dst, s []byte) []byte {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func lower(s string) string { return string(appendLower(nil, []byte(s))) }
