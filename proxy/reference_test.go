package proxy

import (
	"bytes"
	"strconv"
	"strings"
)

// refParse takes all of in apart as Redis does, the plainest way: a copy of
// every argument, and what is there looked at again for each command.
func refParse(in []byte, limits Limits) (cmds [][]string, err protocolError) {
	limits = limits.withDefaults()
	for len(in) > 0 {
		var args []string
		var n int
		if in[0] == '*' {
			args, n, err = refArray(in, limits)
		} else {
			args, n, err = refLine(in)
		}
		if n == 0 || err != "" {
			return cmds, err
		}
		if len(args) > 0 {
			cmds = append(cmds, args)
		}
		in = in[n:]
	}
	return cmds, ""
}

// refHeader is the text before a CR, and where what follows its LF begins; 0 if
// more is needed.
func refHeader(in []byte, room int, tooBig protocolError) (text string, next int, err protocolError) {
	text, _, found := strings.Cut(string(in), "\r")
	switch {
	case len(text) > maxLine:
		return "", 0, tooBig
	case len(text) > room:
		return "", 0, errBigQuery
	case !found || len(in) < len(text)+2:
		return "", 0, ""
	}
	return text, len(text) + 2, ""
}

// refNumber is a number that is written as it would be printed.
func refNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

func refArray(in []byte, limits Limits) (args []string, size int, err protocolError) {
	text, at, err := refHeader(in, limits.MaxQueryBuffer, errBigMultibulk)
	if at == 0 {
		return nil, 0, err
	}
	count, ok := refNumber(text[1:])
	if !ok || count > int64(limits.MaxArgs) {
		return nil, 0, errMultibulkLen
	}
	for range max(count, 0) {
		text, next, err := refHeader(in[at:], limits.MaxQueryBuffer-at, errBigBulk)
		if next == 0 {
			return nil, 0, err
		}
		if text == "" || text[0] != '$' {
			got := byte(' ')
			if text != "" && text[0] != '\n' {
				got = text[0]
			}
			return nil, 0, protocolError("expected '$', got '" + string([]byte{got}) + "'")
		}
		n, ok := refNumber(text[1:])
		at += next
		switch {
		case !ok || n < 0 || n > int64(limits.MaxBulk):
			return nil, 0, errBulkLen
		case at+int(n) > limits.MaxQueryBuffer:
			return nil, 0, errBigQuery
		case len(in) < at+int(n)+2:
			return nil, 0, ""
		}
		args = append(args, string(in[at:at+int(n)]))
		at += int(n) + 2
	}
	return args, at, ""
}

func refLine(in []byte) (args []string, size int, err protocolError) {
	line, _, found := strings.Cut(string(in), "\n")
	if strings.Contains(line, "\x00") {
		line, found = string(in), false
	}
	switch {
	case len(line) > maxLine:
		return nil, 0, errBigInline
	case !found:
		return nil, 0, ""
	}
	args, ok := refSplit(strings.TrimSuffix(line, "\r"))
	if !ok {
		return nil, 0, errQuotes
	}
	return args, len(line) + 1, ""
}

// refSplit splits a line with a state for each kind of text.
func refSplit(line string) (args []string, ok bool) {
	const between, bare, single, double, after = 0, 1, 2, 3, 4
	state, arg := between, ""
	for i := 0; i < len(line); i++ {
		c := line[i]
		blank := strings.ContainsRune(" \t\n\r\v\f", rune(c))
		rest := line[i:]
		switch state {
		case after:
			if !blank {
				return nil, false
			}
			state = between
		case between, bare:
			switch {
			case state == between && blank, c == ' ', c == '\t', c == '\n', c == '\r':
				if state == bare {
					args, arg = append(args, arg), ""
				}
				state = between
			case c == '"':
				state = double
			case c == '\'':
				state = single
			default:
				arg, state = arg+string([]byte{c}), bare
			}
		case single:
			switch {
			case strings.HasPrefix(rest, `\'`):
				arg, i = arg+"'", i+1
			case c == '\'':
				args, arg, state = append(args, arg), "", after
			default:
				arg += string([]byte{c})
			}
		case double:
			switch {
			case len(rest) > 3 && rest[:2] == `\x` && refHex(rest[2]) >= 0 && refHex(rest[3]) >= 0:
				arg, i = arg+string([]byte{byte(refHex(rest[2])<<4 | refHex(rest[3]))}), i+3
			case c == '\\' && len(rest) > 1:
				if at := strings.IndexByte("nrtba", rest[1]); at >= 0 {
					arg += "\n\r\t\b\a"[at : at+1]
				} else {
					arg += rest[1:2]
				}
				i++
			case c == '"':
				args, arg, state = append(args, arg), "", after
			default:
				arg += string([]byte{c})
			}
		}
	}
	if state == bare {
		args = append(args, arg)
	}
	return args, state != single && state != double
}

func refHex(c byte) int {
	return strings.IndexByte("0123456789abcdef", bytes.ToLower([]byte{c})[0])
}
