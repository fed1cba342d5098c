package commands

import (
	"context"
	"slices"

	"github.com/distkit/distkit-proxy/engine"
)

// Command is one verb of one family, such as DKC.INC. Commands are made once
// and never change; all methods are safe for concurrent use.
type Command struct {
	verb     *verb
	family   engine.Family
	name     string // lower case
	arityErr *engine.Error
}

// handler runs a command whose arity has been checked; args is without the name.
type handler func(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply

// prefixes are the families' parts of a command name.
var prefixes = [...]string{
	engine.LaxInstance:    "dk.",
	engine.StrictInstance: "dks.",
	engine.LaxPlain:       "dkc.",
	engine.StrictPlain:    "dkcs.",
}

// The commands, and the same by name.
var (
	all    = makeAll()
	byName = makeIndex(all)
)

// makeAll multiplies the verbs by the families.
func makeAll() []*Command {
	var list []*Command
	for f, prefix := range prefixes {
		family := engine.Family(f)
		for i := range verbs {
			v := &verbs[i]
			if v.ofInstances && !family.InstanceAware() || v.ofProxy && family != engine.LaxInstance {
				continue
			}
			name := prefix + v.name
			list = append(list, &Command{verb: v, family: family, name: name, arityErr: wrongArity(name)})
		}
	}
	return list
}

func makeIndex(list []*Command) map[string]*Command {
	index := make(map[string]*Command, len(list))
	for _, c := range list {
		if index[c.name] != nil {
			panic("BUG: two commands named " + c.name)
		}
		index[c.name] = c
	}
	return index
}

// maxName is more than the length of the longest name.
const maxName = 24

// Lookup finds a command by its name in any case; nil means that it is not
// ours. It allocates nothing.
func Lookup(name []byte) *Command {
	// Nearly all names that are not ours end here.
	if len(name) < 4 || len(name) > maxName || name[0]|0x20 != 'd' || name[1]|0x20 != 'k' {
		return nil
	}
	var lower [maxName]byte
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return byName[string(lower[:len(name)])]
}

// All returns every command, by family and in the order of the table. The
// caller must not change the slice.
func All() []*Command { return all }

// Name is the command's full name in lower case.
func (c *Command) Name() string { return c.name }

// Barrier reports whether the command by its meaning talks to or waits for
// Redis. The others are answered from memory once their counters are there.
func (c *Command) Barrier() bool { return !c.family.Lax() || !c.verb.fromMemory }

// Accepts reports whether the command may accept a change in memory.
func (c *Command) Accepts() bool {
	return !c.Barrier() && slices.Contains(c.verb.effect.flags, "write")
}

// MaxArgs bounds the arguments of a command, its name included. A command that
// runs holds several times the memory of its arguments, for all of its items.
const MaxArgs = 1 << 17

// Run executes the command. args[0] is the name as it was sent; args may be
// reused once Run has returned.
func (c *Command) Run(ctx context.Context, e *engine.Engine, args [][]byte) Reply {
	switch {
	case !c.arityHolds(len(args)):
		return FromError(c.arityErr)
	case len(args) > MaxArgs:
		return FromError(errTooMany)
	}
	return c.verb.run(ctx, c, e, args[1:])
}

// Takes reports whether the command may have so many arguments, its name included.
func (c *Command) Takes(n int) bool { return n <= MaxArgs && c.arityHolds(n) }

// arityHolds checks the number of arguments, the name included.
func (c *Command) arityHolds(n int) bool {
	v := c.verb
	if v.arity > 0 {
		return n == v.arity
	}
	return n >= -v.arity && (v.most == 0 || n <= v.most)
}
