package proxy

import "strconv"

// splitInline splits an inline command into its arguments by the rules of
// Redis: blanks separate, "…" knows \xNN, \n, \r, \t, \b and \a, '…' knows only
// \', and a closing quote ends its argument. It reports false for
// unbalanced quotes. The arguments are copies.
func splitInline(line []byte) ([][]byte, bool) {
	var args [][]byte
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		arg, rest, ok := inlineArg(line[i:])
		if !ok {
			return nil, false
		}
		args = append(args, arg)
		i = len(line) - len(rest)
	}
}

// inlineArg takes one argument off the front of s, which begins with no blank.
func inlineArg(s []byte) (arg, rest []byte, ok bool) {
	arg = []byte{}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n': // not \v and \f: so has Redis
			return arg, s[i:], true
		case c == '"' || c == '\'':
			n := 0
			if arg, n, ok = appendQuoted(arg, s[i+1:], c); !ok {
				return nil, nil, false
			}
			rest = s[i+1+n:]
			return arg, rest, len(rest) == 0 || isBlank(rest[0])
		default:
			arg = append(arg, c)
		}
	}
	return arg, nil, true
}

// appendQuoted appends the quoted text at the front of s, which follows the
// opening quote; n is its length with the closing quote.
func appendQuoted(dst, s []byte, quote byte) (out []byte, n int, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == quote {
			return dst, i + 1, true
		}
		if c != '\\' || i+1 == len(s) {
			dst = append(dst, c)
			continue
		}
		if quote == '\'' {
			if s[i+1] == '\'' {
				c = '\''
				i++
			}
			dst = append(dst, c)
			continue
		}
		if s[i+1] == 'x' && i+3 < len(s) {
			if b, err := strconv.ParseUint(string(s[i+2:i+4]), 16, 8); err == nil {
				dst = append(dst, byte(b))
				i += 3
				continue
			}
		}
		i++
		dst = append(dst, unescape(s[i]))
	}
	return nil, 0, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

// isBlank is C's isspace.
func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// appendCommand appends a command as a RESP array of bulk strings.
func appendCommand[T []byte | string](dst []byte, args ...T) []byte {
	dst = appendHeader(dst, '*', len(args))
	for _, a := range args {
		dst = appendHeader(dst, '$', len(a))
		dst = append(dst, a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// appendHeader appends a type byte, a length and the end of the line.
func appendHeader(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}
