package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
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

// refReplies takes replies apart, each value with those in it at once.
type refReplies struct {
	in    []byte
	at    int
	depth int
}

// What ends the reading of replies.
var (
	errRefShort = errors.New("more is needed")
	errRefBad   = errors.New("no RESP")
)

// refReplyEnds says where the complete replies in in end, with the type of each,
// and whether what follows can be the beginning of one.
func refReplyEnds(in []byte) (ends []string, err error) {
	p := &refReplies{in: in}
	defer func() {
		if r := recover(); r != errRefShort {
			err, _ = r.(error)
		}
	}()
	for {
		first, _ := p.value(false)
		ends = append(ends, fmt.Sprintf("%d%c", p.at, first))
	}
}

// value reads one, its attributes included; ended tells that it is the end of what
// is streamed instead.
func (p *refReplies) value(streamed bool) (first byte, ended bool) {
	for {
		c := p.take(1)[0]
		switch c {
		case '+', '-', ':', ',', '#', '(', '_':
			p.line()
			return c, false
		case '.':
			if !streamed {
				panic(errRefBad)
			}
			p.line()
			return c, true
		case '$', '=', '!':
			switch n, open := p.length(); {
			case open && c == '$':
				p.chunks()
			case open:
				panic(errRefBad)
			case n >= 0:
				p.take(n + 2)
			}
			return c, false
		case '*', '~', '>':
			p.elements(p.length())
			return c, false
		case '%', '|':
			n, open := p.length()
			if n < 0 {
				panic(errRefBad)
			}
			if p.elements(2*n, open); c == '%' {
				return c, false
			}
		default:
			panic(errRefBad)
		}
	}
}

func (p *refReplies) elements(n int, open bool) {
	if n <= 0 && !open {
		return
	}
	p.deeper()
	defer func() { p.depth-- }()
	for i := 0; open || i < n; i++ {
		if _, ended := p.value(open); ended {
			return
		}
	}
}

func (p *refReplies) chunks() {
	p.deeper()
	defer func() { p.depth-- }()
	for {
		if p.take(1)[0] != ';' {
			panic(errRefBad)
		}
		n, open := p.length()
		switch {
		case open || n < 0:
			panic(errRefBad)
		case n == 0:
			return
		}
		p.take(n + 2)
	}
}

func (p *refReplies) deeper() {
	if p.depth++; p.depth > maxReplyDepth {
		panic(errRefBad)
	}
}

var (
	refLength      = regexp.MustCompile(`^(?:-0*1|[0-9]{1,18}|\?)\r\n`)
	refLengthBegun = regexp.MustCompile(`^(?:-[0-9]{0,18}|[0-9]{0,18}|(?:-?[0-9]{1,18}|\?)\r|\?)$`)
)

// length reads a line with a length: -1 for a null, open for what is streamed.
func (p *refReplies) length() (n int, open bool) {
	rest := p.in[p.at:]
	line := refLength.Find(rest[:min(len(rest), 24)])
	switch {
	case line == nil && refLengthBegun.Match(rest):
		panic(errRefShort)
	case line == nil || line[0] == '-' && len(line) > len("-\r\n")+18:
		panic(errRefBad)
	}
	p.at += len(line)
	text := string(line[:len(line)-2])
	if text == "?" {
		return 0, true
	}
	n, _ = strconv.Atoi(text)
	return n, false
}

func (p *refReplies) line() {
	n := bytes.IndexByte(p.in[p.at:], '\n')
	if n < 0 {
		panic(errRefShort)
	}
	p.at += n + 1
}

func (p *refReplies) take(n int) []byte {
	if n > len(p.in)-p.at {
		panic(errRefShort)
	}
	p.at += n
	return p.in[p.at-n : p.at]
}
