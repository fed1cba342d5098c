package proxy

import (
	"github.com/distkit/distkit-proxy/commands"
)

// kind is how the session treats a command. Commands that it knows nothing of
// are plain: there is no list of what is supported.
type kind uint8

const (
	plain      kind = iota // forwarded; one reply
	setsUp                 // sets the connection up, and can be repeated: HELLO, AUTH, SELECT…
	keepsState             // plain, and may leave state that cannot be made again
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
	inMulti                // sent in MULTI to spoil the transaction; its reply is replaced
)

// uncertain reports whether the session knows only after the reply if it is in MULTI.
func (k kind) uncertain() bool {
	return k == opensMulti || k == execs || k == discards || k == resets
}

// kindTable knows the commands that are not plain. It never changes once made.
type kindTable struct {
	foreign map[string]kind            // by lower-case name
	denied  map[*commands.Command]bool // ours on the deny list
}

// maxKindName is more than the longest name in the table, the deny list apart.
const maxKindName = 32

func newKindTable(deny []string) kindTable {
	t := kindTable{foreign: map[string]kind{
		"hello": setsUp, "auth": setsUp, "select": setsUp, "readonly": setsUp, "readwrite": setsUp,
		"client": keepsState, "watch": watches, "unwatch": unwatches,
		"multi": opensMulti, "exec": execs, "discard": discards, "reset": resets,
		"subscribe": pumps, "psubscribe": pumps, "ssubscribe": pumps,
		"unsubscribe": pumps, "punsubscribe": pumps, "sunsubscribe": pumps,
		"monitor": pumps, "sync": pumps, "psync": pumps,
		"quit": quits, "command": listsTable, "info": informs,
		"post": attacks, "host:": attacks,
	}}
	for _, name := range deny {
		if cmd := commands.Lookup([]byte(name)); cmd == nil {
			t.foreign[lower(name)] = denied
		} else {
			if t.denied == nil {
				t.denied = make(map[*commands.Command]bool)
			}
			t.denied[cmd] = true
		}
	}
	return t
}

// of classifies a command; cmd is set if it is one of ours.
func (t *kindTable) of(args [][]byte) (k kind, cmd *commands.Command) {
	name := args[0]
	if cmd = commands.Lookup(name); cmd != nil {
		switch {
		case t.denied != nil && t.denied[cmd]:
			return denied, nil
		case cmd.Barrier():
			return fromRedis, cmd
		}
		return fromMemory, cmd
	}
	if len(name) > maxKindName {
		return t.foreign[lower(string(name))], nil
	}
	var buf [maxKindName]byte
	name = appendLower(buf[:0], name)
	if k = t.foreign[string(name)]; k == keepsState && string(name) == "client" {
		k = clientKind(word(args, 1))
	}
	return k, nil
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
