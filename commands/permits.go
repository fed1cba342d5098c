package commands

import (
	"bytes"
	"iter"

	"github.com/distkit/distkit-proxy/engine"
)

// Family is the command's family of counters.
func (c *Command) Family() engine.Family { return c.family }

// Writes reports whether the command changes counters, or has them written.
func (c *Command) Writes() bool {
	return len(c.verb.effect.flags) > 0 && c.verb.effect.flags[0] == "write"
}

// Administers reports whether the command is only for who may do everything: it
// tells what other users do.
func (c *Command) Administers() bool {
	return len(c.verb.effect.flags) > 0 && c.verb.effect.flags[0] == "admin"
}

// Namespaces are those whose counters the command touches, each at least once;
// args[0] is the command's name. Where it names none, as with ID or FLUSH of
// everything, it is the default one. Some or all are left out where Run refuses
// the whole command for its arguments.
func (c *Command) Namespaces(e *engine.Engine, args [][]byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !c.Takes(len(args)) {
			return
		}
		if c.verb.keys == noKeys || len(args) == 1 {
			if ns := c.namespaceOf(e, args[1:]); ns != nil {
				yield(ns)
			}
			return
		}
		raw, ok := c.appendKeys(nil, args[1:])
		if !ok {
			return
		}
		var last []byte
		for _, r := range raw {
			key, err := e.ParseKey(r)
			switch {
			case err != nil:
				return
			case last != nil && bytes.Equal(key.Namespace, last):
			case !yield(key.Namespace):
				return
			}
			last = key.Namespace
		}
	}
}

// namespaceOf is the namespace of a command without keys, or nil.
func (c *Command) namespaceOf(e *engine.Engine, args [][]byte) []byte {
	switch {
	case len(args) == 0:
		return e.DefaultNS()
	case c.verb.name == "scan":
		a, err := parseScan(e, args)
		if err != nil {
			return nil
		}
		return a.namespace
	}
	ns, err := e.ParseNamespace(args[0])
	if err != nil {
		return nil
	}
	return ns
}
