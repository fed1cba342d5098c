package keyspec

import "bytes"

// Table is what a Redis says of its commands. It never changes, and is safe for
// concurrent use. The nil Table knows no command.
type Table struct {
	entries map[string]*entry // by name in lower case
	longest int               // of the names and those of subcommands, in bytes
}

// entry is a command, or a subcommand.
type entry struct {
	specs []spec
	effect
	ask bool
	// subs are the subcommands by name in lower case. What is not among them is
	// rest; without that it is unknown.
	subs map[string]*entry
	rest *entry
}

// Len is the number of commands, subcommands apart.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.entries)
}

// Touched tells what a command touches; args begins with its name. Keys are in
// the memory of buf, or in a new one if that does not suffice. No arguments make
// it panic. It allocates for Others alone, and for more keys than buf has room for.
func (t *Table) Touched(args, buf [][]byte) Answer {
	keys := buf[:0]
	if len(args) == 0 {
		return Answer{Keys: keys}
	}
	e := t.lookup(args)
	if e == nil {
		return Answer{Keys: keys, Loose: Everywhere, Unknown: true}
	}
	for i := range e.specs {
		keys = e.specs[i].appendKeys(keys, args)
	}
	a := Answer{Keys: keys, Whole: e.whole, Loose: e.loose, Flush: e.flush, Reloads: e.reloads, Ask: e.ask}
	if e.reading != bySpecs {
		a.refine(e.reading, args)
	}
	return a
}

// lookup finds a command by its name, and its subcommand by the next argument.
func (t *Table) lookup(args [][]byte) *entry {
	if t == nil {
		return nil
	}
	var buf [64]byte
	if len(args[0]) > t.longest {
		return nil
	}
	e := t.entries[string(appendLower(buf[:0], args[0]))]
	if e == nil || e.subs == nil || len(args) == 1 {
		return e
	}
	if len(args[1]) <= t.longest {
		if sub := e.subs[string(appendLower(buf[:0], args[1]))]; sub != nil {
			return sub
		}
	}
	return e.rest
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

func lower(s string) string { return string(bytes.ToLower([]byte(s))) }
