package commands

import (
	"errors"
	"strings"

	"github.com/distkit/distkit-proxy/engine"
)

// Reply is the answer to one command. It is a plain value that owns all it
// needs; the zero value is the integer reply 0 and a copy is as good as the
// original. The small replies, up to a conditional item's five integers, are
// held without an allocation.
type Reply struct {
	kind  kind
	count uint8    // of ints, for kindInts
	ints  [5]int64 // ints[0] alone for kindInt
	text  string   // without CR and LF for kindError and kindStatus
	raw   []byte   // RESP
}

type kind uint8

const (
	kindInt    kind = iota // :n
	kindInts               // *count of :n
	kindStatus             // +text
	kindBulk               // $text
	kindError              // -text
	kindRaw                // raw, encoded already
)

// replySize is a guess at the bytes of one item in a many-key reply.
const replySize = 24

func integer(n int64) Reply { return Reply{kind: kindInt, ints: [5]int64{n}} }

// integers makes an array of at most five integers.
func integers(ns ...int64) Reply {
	r := Reply{kind: kindInts, count: uint8(len(ns))}
	copy(r.ints[:], ns)
	return r
}

func ok() Reply                 { return Reply{kind: kindStatus, text: "OK"} }
func bulk(s string) Reply       { return Reply{kind: kindBulk, text: s} }
func composed(raw []byte) Reply { return Reply{kind: kindRaw, raw: raw} }

// FromError makes an error reply. An *engine.Error, wrapped or not, is sent as
// it is, and so is any text that begins like an error of Redis; others become
// ERR.
func FromError(err error) Reply {
	text := err.Error()
	if own, found := errors.AsType[*engine.Error](err); found {
		text = own.Error()
	} else if !hasCode(text) {
		text = "ERR " + text
	}
	return Reply{kind: kindError, text: oneLine(text)}
}

// several makes the reply to a command of n items, each in its place. Where all
// of them failed alike, for no reason of their own, as while Redis is away, the
// reply is that error: client libraries know it and try again.
func several(n int, item func(i int) Reply) Reply {
	raw := appendArray(make([]byte, 0, 16+replySize*n), n)
	var first Reply
	alike := n > 0
	for i := range n {
		r := item(i)
		if i == 0 {
			first = r
		}
		alike = alike && r.kind == kindError && r.text == first.text
		raw = r.inPlace().AppendTo(raw)
	}
	if code, _, _ := strings.Cut(first.text, " "); alike && !ofItem(code) {
		return first
	}
	return composed(raw)
}

// ofItem reports whether an error code says something of one counter.
func ofItem(code string) bool { return code == "ERR" || code == "WRONGTYPE" }

// inPlace is the reply as an item of an array. Errors there keep to the codes
// that Redis has in such places: go-redis 9 takes others for the end of the
// array, and what is left of it for the replies to later commands.
func (r Reply) inPlace() Reply {
	if code, _, _ := strings.Cut(r.text, " "); r.kind == kindError && !ofItem(code) {
		r.text = "ERR " + r.text
	}
	return r
}

// AppendTo appends the reply as RESP: the same bytes in RESP2 and RESP3.
func (r Reply) AppendTo(dst []byte) []byte {
	switch r.kind {
	case kindInts:
		dst = appendArray(dst, int(r.count))
		for _, n := range r.ints[:r.count] {
			dst = appendInt(dst, n)
		}
		return dst
	case kindStatus:
		return appendLine(dst, '+', r.text)
	case kindBulk:
		return appendBulk(dst, r.text)
	case kindError:
		return appendLine(dst, '-', r.text)
	case kindRaw:
		return append(dst, r.raw...)
	}
	return appendInt(dst, r.ints[0])
}

// IsError reports whether the reply is an error as a whole. A many-key reply
// with errors in some places is not.
func (r Reply) IsError() bool { return r.kind == kindError }

// hasCode reports whether text begins with an error code: an upper-case word
// of two letters or more before a space.
func hasCode(text string) bool {
	code, _, found := strings.Cut(text, " ")
	if !found || len(code) < 2 {
		return false
	}
	for _, c := range []byte(code) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// oneLine replaces what would end the error's line early.
func oneLine(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, text)
}
