package engine

// MaxGlob is the longest glob in bytes that Scan may be given.
const MaxGlob = 1024

// globMatches reports whether a name is what the glob describes, by the rules of
// Redis: * is anything, ? any byte, [a-z] and [^a-z] one byte of a class, and \
// takes the next byte as it is. Only the last * seen is ever tried again, as what
// an earlier one could take instead it can as well: the time is bounded by the
// product of the lengths, where trying all of them is exponential.
func globMatches[S string | []byte](glob string, name S) bool {
	at, i := 0, 0
	star, from := -1, 0 // behind the last *, and what of the name it leaves
	for i < len(name) {
		if at < len(glob) && glob[at] == '*' {
			at++
			star, from = at, i
			continue
		}
		if at < len(glob) {
			if ok, next := globByte(glob[at:], name[i]); ok {
				at, i = at+next, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		at, i = star, from
	}
	for at < len(glob) && glob[at] == '*' {
		at++
	}
	return at == len(glob)
}

// globByte matches one byte with the beginning of a glob, which is no *, and
// returns how long that is.
func globByte(glob string, c byte) (ok bool, next int) {
	switch glob[0] {
	case '?':
		return true, 1
	case '[':
		return globClass(glob, c)
	case '\\':
		if len(glob) > 1 {
			return glob[1] == c, 2
		}
	}
	return glob[0] == c, 1
}

// globClass is globByte for a class. One that does not end ends with the glob.
func globClass(glob string, c byte) (ok bool, next int) {
	i := 1
	negated := i < len(glob) && glob[i] == '^'
	if negated {
		i++
	}
	found := false
	for i < len(glob) && glob[i] != ']' {
		switch {
		case glob[i] == '\\' && i+1 < len(glob):
			found = found || glob[i+1] == c
			i += 2
		case i+2 < len(glob) && glob[i+1] == '-':
			low, high := min(glob[i], glob[i+2]), max(glob[i], glob[i+2])
			found = found || low <= c && c <= high
			i += 3
		default:
			found = found || glob[i] == c
			i++
		}
	}
	return found != negated, min(i+1, len(glob))
}
