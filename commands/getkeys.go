package commands

// keys is where a verb has its keys.
type keys uint8

const (
	// noKeys: none.
	noKeys keys = iota
	// oneKey is the first argument.
	oneKey
	// allKeys are all arguments.
	allKeys
	// optionalKeys are all arguments, of which there may be none.
	optionalKeys
	// itemKeys begin each `key number [IF comparator operand]`.
	itemKeys
)

// legacyRange is first key, last key and step as COMMAND INFO has them.
func (k keys) legacyRange() (first, last, step int) {
	switch k {
	case oneKey, itemKeys:
		return 1, 1, 1
	case allKeys, optionalKeys:
		return 1, -1, 1
	}
	return 0, 0, 0
}

// Keys is COMMAND GETKEYS: the keys among args, whose first is the command's
// name. Its errors are worded as Redis words them and meant for FromError. The
// keys alias args.
func (c *Command) Keys(args [][]byte) ([][]byte, error) {
	if c.verb.keys == noKeys {
		return nil, errNoKeys
	}
	if !c.arityHolds(len(args)) {
		return nil, errGetKeysArity
	}
	keys, ok := c.appendKeys(nil, args[1:])
	if !ok {
		return nil, errGetKeysSyntax
	}
	return keys, nil
}

// appendKeys appends the keys of args, which is without the name and long
// enough for the arity. It looks at no more than is needed to find them.
func (c *Command) appendKeys(dst, args [][]byte) ([][]byte, bool) {
	switch c.verb.keys {
	case oneKey:
		return append(dst, args[0]), true
	case allKeys, optionalKeys:
		return append(dst, args...), true
	case itemKeys:
		for len(args) > 0 {
			if len(args) < 2 {
				return dst, false
			}
			dst = append(dst, args[0])
			args = args[2:]
			if len(args) == 0 || !isWord(args[0], "IF") {
				continue
			}
			if len(args) < conditionLen {
				return dst, false
			}
			args = args[conditionLen:]
		}
	}
	return dst, true
}
