package keyspec

// FirstKeyOnly reports whether a command, by its name, touches one key and nothing
// else, and that is its first argument: so what follows need not be known.
func (t *Table) FirstKeyOnly(name []byte) bool {
	e := t.lookup([][]byte{name})
	if e == nil || len(e.specs) != 1 || e.subs != nil || e.ask || e.effect != (effect{}) {
		return false
	}
	s := &e.specs[0]
	return s.word == "" && s.at == 1 && !s.counted && s.last == 0
}

// Keyless reports whether a command touches nothing, whatever its arguments are.
func (t *Table) Keyless(args [][]byte) bool {
	e := t.lookup(args)
	return e != nil && len(e.specs) == 0 && !e.ask && e.effect == (effect{})
}
