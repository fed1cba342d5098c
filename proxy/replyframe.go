package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// maxReplyDepth bounds the nesting of a reply. Redis' own replies stay below ten.
const maxReplyDepth = 1024

// errReplyDepth is returned for a reply nested deeper than maxReplyDepth.
var errReplyDepth = errors.New("proxy: reply from Redis is nested too deeply")

// replyState is what a replyFramer expects next.
type replyState uint8

const (
	wantType    replyState = iota // a type byte
	wantNumber                    // the rest of a line with a length
	wantText                      // the rest of a line whose text does not matter
	wantPayload                   // left bytes of a payload, its CRLF included
)

// level is an aggregate that is still open.
type level struct {
	left     int64 // elements to come; -1 for a streamed type
	attr     bool  // an attribute: no element of what is around it
	isString bool  // a streamed string, made of ';' chunks
}

// replyFramer finds where Redis' replies end, without parsing their values: all
// types of RESP2 and RESP3, the streamed ones included. It can be stopped and
// resumed at every byte and holds none of them. The zero value is ready.
//
// Not safe for concurrent use.
type replyFramer struct {
	stack []level
	state replyState
	left  int64 // bytes of payload to come

	kind     byte // type byte of the line being read
	num      int64
	digits   int
	negative bool
	streamed bool // the length is '?'
	cr       bool // the line's CR has been seen

	first byte // type byte of the reply itself, its attributes apart; 0 before it
}

// push reports whether the reply is one of RESP3's out-of-band messages, which
// answers no command. Valid once the first byte of the reply was scanned.
func (f *replyFramer) push() bool { return f.first == '>' }

// reset makes ready for the next reply. Call it when scan has reported done.
func (f *replyFramer) reset() { f.first = 0 }

// scan looks at p, the bytes that follow those scanned before, up to the end of
// one top-level reply: n bytes of p belong to it, and done tells that it is
// complete. An attribute belongs to the reply after it.
func (f *replyFramer) scan(p []byte) (n int, done bool, err error) {
	if f.state == wantType && len(f.stack) == 0 {
		if n = shortReply(p); n > 0 {
			f.first = p[0]
			return n, true, nil
		}
	}
	for n < len(p) {
		switch f.state {
		case wantType:
			if err := f.begin(p[n]); err != nil {
				return n, false, err
			}
			n++
		case wantText:
			i := bytes.IndexByte(p[n:], '\n')
			if i < 0 {
				return len(p), false, nil
			}
			n += i + 1
			done = f.valueEnds()
		case wantNumber:
			c := p[n]
			n++
			if f.cr && c == '\n' {
				done, err = f.lineEnds()
			} else {
				err = f.numberByte(c)
			}
		case wantPayload:
			if rest := int64(len(p) - n); rest < f.left {
				f.left -= rest
				return len(p), false, nil
			}
			n += int(f.left)
			f.left = 0
			done = f.payloadEnds()
		}
		if done || err != nil {
			return n, done, err
		}
	}
	return n, false, nil
}

// null is RESP2's reply of a key that is missing.
const null = "$-1\r\n"

// shortReply is the length of the reply that p begins with, if that is a single line
// or a string of up to 999 bytes, and complete; else 0. Most replies are such.
func shortReply(p []byte) int {
	if len(p) < len("+\r\n") {
		return 0
	}
	switch p[0] {
	case '+', '-', ':', '_', '#', ',':
		return bytes.IndexByte(p, '\n') + 1
	case '$':
		if len(p) >= len(null) && string(p[:len(null)]) == null {
			return len(null)
		}
		size, i := 0, 1
		for ; i < len(p) && i <= 3 && '0' <= p[i] && p[i] <= '9'; i++ {
			size = 10*size + int(p[i]-'0')
		}
		if end := i + len("\r\n") + size + len("\r\n"); i > 1 && end <= len(p) && p[i] == '\r' && p[i+1] == '\n' {
			return end
		}
	}
	return 0
}

// begin takes a type byte.
func (f *replyFramer) begin(c byte) error {
	inString := len(f.stack) > 0 && f.stack[len(f.stack)-1].isString
	if inString != (c == ';') {
		return replyGarbage(c)
	}
	switch c {
	case '+', '-', ':', ',', '#', '(', '_':
		f.state = wantText
	case '$', '=', '!', '*', '~', '>', '%', '|', ';':
		f.state = wantNumber
	case '.':
		if len(f.stack) == 0 || f.stack[len(f.stack)-1].left >= 0 {
			return replyGarbage(c)
		}
		f.state = wantText
	default:
		return replyGarbage(c)
	}
	if len(f.stack) == 0 && c != '|' {
		f.first = c
	}
	f.kind, f.num, f.digits, f.negative, f.streamed, f.cr = c, 0, 0, false, false, false
	return nil
}

// numberByte takes one byte of a length.
func (f *replyFramer) numberByte(c byte) error {
	bare := f.digits == 0 && !f.negative && !f.streamed && !f.cr
	switch {
	case c >= '0' && c <= '9' && !f.streamed && !f.cr && f.digits < 18:
		f.num = f.num*10 + int64(c-'0')
		f.digits++
	case c == '-' && bare:
		f.negative = true
	case c == '?' && bare:
		f.streamed = true
	case c == '\r' && !f.cr && (f.digits > 0 || f.streamed):
		f.cr = true
	default:
		return replyGarbage(c)
	}
	return nil
}

// lineEnds acts on a complete line with a length.
func (f *replyFramer) lineEnds() (done bool, err error) {
	switch {
	case f.negative: // -1: one of RESP2's nulls
		if f.num != 1 || f.kind == ';' || f.kind == '%' || f.kind == '|' {
			return false, replyGarbage('-')
		}
		return f.valueEnds(), nil
	case f.kind == ';':
		if f.streamed {
			return false, replyGarbage('?')
		}
		if f.num == 0 {
			f.stack = f.stack[:len(f.stack)-1]
			return f.valueEnds(), nil
		}
		f.left, f.state = f.num+2, wantPayload
		return false, nil
	case f.kind == '$' && f.streamed:
		return false, f.open(level{left: -1, isString: true})
	case f.kind == '$' || f.kind == '=' || f.kind == '!':
		if f.streamed {
			return false, replyGarbage('?')
		}
		f.left, f.state = f.num+2, wantPayload
		return false, nil
	}
	l := level{left: f.num, attr: f.kind == '|'}
	if f.kind == '%' || f.kind == '|' {
		if l.left > math.MaxInt64/2 {
			return false, replyGarbage(f.kind)
		}
		l.left *= 2
	}
	if f.streamed {
		l.left = -1
	}
	if l.left == 0 {
		if l.attr {
			f.state = wantType
			return false, nil
		}
		return f.valueEnds(), nil
	}
	return false, f.open(l)
}

func (f *replyFramer) open(l level) error {
	if len(f.stack) == maxReplyDepth {
		return errReplyDepth
	}
	f.stack = append(f.stack, l)
	f.state = wantType
	return nil
}

// payloadEnds acts on a complete payload.
func (f *replyFramer) payloadEnds() bool {
	if f.kind == ';' {
		f.state = wantType
		return false
	}
	return f.valueEnds()
}

// valueEnds counts a complete value in the aggregates around it, and reports
// whether the top-level reply is complete.
func (f *replyFramer) valueEnds() bool {
	f.state = wantType
	if f.kind == '.' { // it ends the streamed aggregate instead
		attr := f.stack[len(f.stack)-1].attr
		f.stack = f.stack[:len(f.stack)-1]
		if attr {
			return false
		}
	}
	for len(f.stack) > 0 {
		top := &f.stack[len(f.stack)-1]
		if top.left < 0 {
			return false
		}
		if top.left--; top.left > 0 {
			return false
		}
		attr := top.attr
		f.stack = f.stack[:len(f.stack)-1]
		if attr {
			return false
		}
	}
	return true
}

func replyGarbage(c byte) error {
	return fmt.Errorf("proxy: reply from Redis is not RESP: unexpected byte %q", c)
}
