package hot

// Class is what a command is to a key that is lax.
type Class uint8

const (
	// Increment is INCR, INCRBY, DECR or DECRBY.
	Increment Class = iota
	// Read is GET or MGET.
	Read
	// Hold is any other command, and also the former in a transaction.
	Hold
)

// ClassOf is the class of a command by its name, in any case. It allocates nothing.
func ClassOf(name []byte) Class {
	var lower [6]byte
	if len(name) > len(lower) {
		return Hold
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "incr", "incrby", "decr", "decrby":
		return Increment
	case "get", "mget":
		return Read
	}
	return Hold
}
