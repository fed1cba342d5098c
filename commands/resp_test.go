package commands

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
)

// What decode makes of RESP, besides []any for arrays and sets of RESP2.
type (
	statusReply string
	errorReply  string
	mapReply    []any // key, value, key, value ...
	setReply    []any
)

// decode reads the whole of b as one RESP value.
func decode(t *testing.T, b []byte) any {
	t.Helper()
	v, rest, err := decodeOne(b)
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	if len(rest) > 0 {
		t.Fatalf("%q: %q is left over", b, rest)
	}
	return v
}

func decodeOne(b []byte) (any, []byte, error) {
	line, rest, found := bytes.Cut(b, []byte("\r\n"))
	if !found || len(line) == 0 {
		return nil, nil, fmt.Errorf("no line in %q", b)
	}
	text := string(line[1:])
	switch line[0] {
	case '+':
		return statusReply(text), rest, nil
	case '-':
		return errorReply(text), rest, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, nil, err
	}
	switch line[0] {
	case ':':
		return n, rest, nil
	case '$':
		if int64(len(rest)) < n+2 {
			return nil, nil, fmt.Errorf("short bulk in %q", b)
		}
		return string(rest[:n]), rest[n+2:], nil
	case '%':
		list, rest, err := decodeList(rest, 2*n)
		return mapReply(list), rest, err
	case '~':
		list, rest, err := decodeList(rest, n)
		return setReply(list), rest, err
	case '*':
		return decodeAny(rest, n)
	}
	return nil, nil, fmt.Errorf("unknown type in %q", line)
}

func decodeAny(b []byte, n int64) (any, []byte, error) {
	list, rest, err := decodeList(b, n)
	return list, rest, err
}

func decodeList(b []byte, n int64) ([]any, []byte, error) {
	list := make([]any, 0, n)
	for range n {
		v, rest, err := decodeOne(b)
		if err != nil {
			return nil, nil, err
		}
		list, b = append(list, v), rest
	}
	return list, b, nil
}

// words makes the arguments of a command.
func words(line ...string) [][]byte {
	var list [][]byte
	for _, w := range line {
		list = append(list, []byte(w))
	}
	return list
}

// mustLookup finds a command that has to exist.
func mustLookup(t testing.TB, name string) *Command {
	t.Helper()
	c := Lookup([]byte(name))
	if c == nil {
		t.Fatalf("%s: no such command", name)
	}
	return c
}
