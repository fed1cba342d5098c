package proxy

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
)

// markPrefix begins the marks of this process. Nobody can guess it, so that no
// value in Redis is taken for one.
var markPrefix = "distkit:" + rand.Text() + ":"

// maxMark is longer than any reply to a PING that is a mark.
const maxMark = 128

// mark is what Redis is sent for an errand, in one of two forms. PING with it is
// answered where other commands are, and as they would be. As a name of a command
// it is refused, with an error that tells the mark, whoever the client is and
// whatever it has done, and in MULTI it spoils the transaction.
func mark(number uint64) string { return markPrefix + strconv.FormatUint(number, 10) }

// pong begins what a PING is answered in RESP2's subscribed mode.
const pong = "*2\r\n$4\r\npong\r\n"

// mayBeMark reports whether a reply that begins with b can be one to a mark.
func mayBeMark(b []byte) bool {
	if len(b) > 0 && b[0] == '*' {
		n := min(len(b), len(pong))
		if string(b[:n]) != pong[:n] {
			return false
		}
		b = b[n:]
	}
	const head = len("$36\r\n")
	if len(b) <= head {
		return len(b) == 0 || b[0] == '$'
	}
	b = b[head:]
	n := min(len(b), len(markPrefix))
	return string(b[:n]) == markPrefix[:n]
}

// marked returns the number in a reply to a PING with a mark, and whether it has
// the form that Redis gives to it in RESP2's subscribed mode.
func marked(reply []byte) (number uint64, subscribed, ok bool) {
	reply, subscribed = bytes.CutPrefix(reply, []byte(pong))
	if len(reply) == 0 || reply[0] != '$' {
		return 0, false, false
	}
	_, text, _ := bytes.Cut(reply, []byte("\r\n"))
	text, ok = bytes.CutPrefix(text, []byte(markPrefix))
	if !ok {
		return 0, false, false
	}
	number, err := strconv.ParseUint(string(bytes.TrimSuffix(text, []byte("\r\n"))), 10, 64)
	return number, subscribed, err == nil
}

// markedName returns the number in Redis' refusal of a mark as a command.
func markedName(reply []byte) (number uint64, ok bool) {
	text, ok := cutPrefixFold(unknownName(reply), markPrefix)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(string(text), 10, 64)
	return number, err == nil
}

// unknownName is the name in Redis' complaint about a command that it does not
// know; nil for any other reply.
func unknownName(reply []byte) []byte {
	rest, found := bytes.CutPrefix(reply, []byte("-ERR unknown command "))
	if !found || len(rest) < 2 || rest[0] != '\'' && rest[0] != '`' {
		return nil
	}
	name, _, found := bytes.Cut(rest[1:], rest[:1])
	if !found {
		return nil
	}
	return name
}

// cutPrefixFold is bytes.CutPrefix in any case: the embedded Redis tells a name that
// it does not know in capitals.
func cutPrefixFold(s []byte, prefix string) (rest []byte, found bool) {
	if len(s) < len(prefix) || !strings.EqualFold(string(s[:len(prefix)]), prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
