package proxy

import (
	"slices"

	"github.com/distkit/distkit-proxy/engine"
)

// What Redis refuses of a counted key is tried again until a command has
// overwritten the key: then it went with what the key held (rule L5).

// overwrite is whether anything is left of what a command's keys held.
type overwrite uint8

const (
	keeps      overwrite = iota
	mayReplace           // its reply tells
	replaces             // unless it fails
)

var overwriting = map[string]overwrite{
	"set": replaces, "setex": replaces, "psetex": replaces, "getset": replaces, "mset": replaces, "msetnx": mayReplace, "setnx": mayReplace,
	"del": replaces, "unlink": replaces, "getdel": replaces, "flushdb": replaces, "flushall": replaces,
}

// reloading is the command after which Redis may have others.
const reloading = "module"

// markOverwritten marks what a queued command touches, if it overwrites that
// whatever its reply in the transaction is, which nobody looks at.
func markOverwritten(touches []engine.Touch, args [][]byte) {
	name := word(args, 0)
	if overwriting[name] != replaces || name == "getset" || name == "set" && (hasOption(args, "nx") || hasOption(args, "get")) {
		return // GETSET and SET GET fail on a key of another type
	}
	overwritten(touches)
}

// overwrote reports whether a command that did not fail has overwritten its keys:
// seen begins its reply.
func overwrote(args [][]byte, seen []byte) bool {
	missing := len(seen) > 1 && (seen[0] == '_' || seen[1] == '-')
	switch {
	case len(seen) < 2:
		return false
	case seen[0] == ':':
		return seen[1] != '0'
	case seen[0] == '+' || word(args, 0) != "set":
		return !missing
	case hasOption(args, "nx"): // with GET: the reply is what stays
		return missing && hasOption(args, "get")
	}
	return !missing || hasOption(args, "get") && !hasOption(args, "xx")
}

// hasOption reports whether SET has an option.
func hasOption(args [][]byte, option string) bool {
	return len(args) > 3 && slices.ContainsFunc(args[3:], func(arg []byte) bool {
		return len(arg) == len(option) && lower(string(arg)) == option
	})
}

// voidRefused has what Redis refuses of the keys that a command has overwritten
// dropped: seen begins the reply, which was no error.
func (s *session) voidRefused(it *item, seen []byte) {
	e := s.srv.lax.engine
	switch {
	case word(it.req.args, 0) == reloading:
		s.srv.lax.table.Refresh()
	case it.kind == execs:
		if len(seen) > 1 && seen[0] == '*' && seen[1] != '-' {
			e.VoidRefused(s.lax.queued)
		}
	case !e.AnyRefused():
	case it.req.part: // its options are not known
		if len(seen) > 0 && seen[0] == '+' {
			e.VoidRefused(overwritten(s.srv.lax.pieceTouches(s.ctx, s.setup.db, it.req.args, nil)))
		}
	case overwrote(it.req.args, seen):
		touches, _ := s.srv.lax.touches(s.ctx, s.setup.db, it.req.args, nil, nil)
		e.VoidRefused(overwritten(touches))
	}
}

func overwritten(touches []engine.Touch) []engine.Touch {
	for i := range touches {
		touches[i].Overwritten = true
	}
	return touches
}
