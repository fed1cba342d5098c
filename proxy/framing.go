package proxy

import (
	"bytes"
	"math"
	"slices"
)

// request is one complete command: its bytes as a RESP array, and its arguments.
// Both alias the framer's buffer: they are valid until the framer's next space. Beyond
// the end of raw, within its capacity, lies what came next: do not append to it.
type request struct {
	raw  []byte
	args [][]byte
	// part tells that this is the beginning of a big command: args are its first
	// arguments, and the rest comes by the framer's piece.
	part bool
}

// protocolError is a violation of the protocol, in Redis' own words.
type protocolError string

// Protocol errors, worded as by Redis, after "-ERR Protocol error: ".
const (
	errMultibulkLen = protocolError("invalid multibulk length")
	errBulkLen      = protocolError("invalid bulk length")
	errBigMultibulk = protocolError("too big mbulk count string")
	errBigBulk      = protocolError("too big bulk count string")
	errBigInline    = protocolError("too big inline request")
	errQuotes       = protocolError("unbalanced quotes in request")
	errStrangerArgs = protocolError("unauthenticated multibulk length")
	errStrangerBulk = protocolError("unauthenticated bulk length")
	// errBigQuery closes the client without a reply.
	errBigQuery = protocolError("query buffer limit")
)

// framerState is what the framer expects at pos.
type framerState uint8

const (
	wantCommand  framerState = iota // the first byte of a command
	wantInline                      // the rest of an inline line
	wantArgCount                    // the rest of the line "*<n>"
	wantBulkLen                     // a line "$<n>"
	wantBulk                        // a payload of bulk bytes and its CRLF
)

// framer cuts a client's bytes into complete commands and checks them against
// the limits on the way. It can be stopped and resumed at every byte, looks at
// each byte once, at the beginning of a command twice, and skips payloads by their length. What it hands out is
// canonical RESP whatever of the rest Redis would have let pass; but a line that
// would be too big a request for one who has not authenticated stays a line. It
// allocates for bytes that have come, not for bytes that a header promises.
//
// Not safe for concurrent use; make one with newFramer.
type framer struct {
	limits Limits
	bufs   *bufferPool

	buf   []byte // bytes held; start <= line <= len(buf)
	park  []byte // a small buffer for a remainder while the client is waited for
	much  int    // so many reads more are big ones: the client has sent much
	loose int    // memory of the requests handed out that is outside of buf
	start int    // first byte of the command being framed, or of what of it is held
	line  int    // first byte of the line being framed
	pos   int    // first byte not looked at; beyond len(buf) while in a payload
	state framerState
	left  int   // arguments still to come
	bulk  int   // length of the payload being skipped
	args  int   // arguments so far
	marks []int // begin and end of the first of them, maxMarks at most, relative to start
	nul   bool  // the inline line has a NUL: it never ends, as in Redis

	// trusted lifts the limits on those who have not authenticated. Only the
	// session knows, and only once it has answered what is framed already, so
	// a request that needs it stops the framer: doubt is the error it is else.
	trusted bool
	once    bool // … for the command being framed
	doubt   protocolError

	streams bool // the command is handed out in pieces
	asked   bool // it was asked whether the command may be
	passed  int  // bytes of the command handed out so far
	// mayStream reports whether a command that begins with these arguments may
	// be handed out in pieces; with none the name alone is streamFrom bytes long
	// or longer. Nil: none may.
	mayStream func(args [][]byte) bool

	err protocolError // the violation, final

	steps uint64 // bytes looked at and turns of the loop, so that tests can bound them
}

func newFramer(limits Limits, bufs *bufferPool) framer {
	return framer{limits: limits.withDefaults(), bufs: bufs}
}

// next returns the next complete command. It reports false when more bytes are
// needed or err is set.
func (f *framer) next(arena [][]byte) (req request, used [][]byte, ok bool) {
	for f.err == "" && f.doubt == "" && f.pos < len(f.buf) || f.state == wantBulk {
		f.steps++
		switch f.state {
		case wantCommand:
			if req, arena, ok = f.short(arena); ok {
				return req, arena, true
			}
			f.line = f.start
			if f.state = wantInline; f.buf[f.pos] == '*' {
				f.state = wantArgCount
			}
		case wantInline:
			line, done := f.inlineLine()
			if !done {
				return request{}, arena, false
			}
			args, balanced := splitInline(line)
			if !balanced {
				f.err = errQuotes
				return request{}, arena, false
			}
			f.finish()
			if len(args) == 0 {
				continue
			}
			req := inlineRequest(args)
			if !f.trusted && !small(args) {
				req.raw = append(bytes.Clone(line), "\r\n"...)
			}
			f.loose += cap(req.raw) + sliceSize*cap(args)
			return req, arena, true
		case wantArgCount:
			line, done := f.headerLine(errBigMultibulk)
			if !done {
				return request{}, arena, false
			}
			n, valid := parseLen(line[1:])
			if valid && n > strangerArgs && n <= math.MaxInt32 && !f.trusted {
				f.stop(errStrangerArgs)
				return request{}, arena, false
			}
			if !valid || n > int64(f.limits.MaxArgs) {
				f.err = errMultibulkLen
				return request{}, arena, false
			}
			if n <= 0 {
				f.finish()
				continue
			}
			f.left, f.state, f.line, f.args, f.marks = int(n), wantBulkLen, f.pos, 0, f.marks[:0]
		case wantBulkLen:
			if done := f.bulkLen(); !done {
				return f.begin(arena)
			}
		case wantBulk:
			end := f.pos + f.bulk
			if len(f.buf) < end+2 {
				return f.begin(arena)
			}
			f.buf[end], f.buf[end+1] = '\r', '\n'
			if f.args++; f.args <= maxMarks {
				f.marks = append(f.marks, f.pos-f.start, end-f.start)
			}
			f.pos, f.line, f.state = end+2, end+2, wantBulkLen
			if f.left--; f.left == 0 {
				req, arena = f.request(arena)
				f.finish()
				return req, arena, true
			}
		}
	}
	return request{}, arena, false
}

// bulkLen reads one line "$<n>".
func (f *framer) bulkLen() bool {
	line, done := f.headerLine(errBigBulk)
	if !done {
		return false
	}
	if len(line) == 0 || line[0] != '$' {
		got := byte(' ') // an empty line: Redis shows its CR as a blank
		if len(line) > 0 && line[0] != '\n' {
			got = line[0]
		}
		f.err = protocolError("expected '$', got '" + string(rune(got)) + "'")
		if got >= 0x80 {
			f.err = protocolError("expected '$', got '" + string([]byte{got}) + "'")
		}
		return false
	}
	n, valid := parseLen(line[1:])
	switch {
	case !valid || n < 0 || n > int64(f.limits.MaxBulk):
		f.err = errBulkLen
	case n > strangerBulk && !f.trusted:
		f.stop(errStrangerBulk)
	case int64(f.passed+f.pos-f.start)+n > int64(f.limits.MaxQueryBuffer):
		f.err = errBigQuery
	default:
		f.bulk, f.state = int(n), wantBulk
		return true
	}
	return false
}

// stop waits for judge before the line just read, which is read again then.
func (f *framer) stop(doubt protocolError) { f.doubt, f.pos = doubt, f.line }

// judge ends a doubt: the client is trusted, with this command alone if that is
// not sure, or what it sent is a violation.
func (f *framer) judge(trusted, sure bool) {
	if f.trusted, f.once = trusted, trusted && !sure; !trusted {
		f.err = f.doubt
	}
	f.doubt = ""
}

// headerLine returns the line at f.line without its end, once it is complete.
// Like Redis it looks for CR and takes whatever byte follows for the LF.
func (f *framer) headerLine(tooBig protocolError) ([]byte, bool) {
	end := len(f.buf)
	i := f.find(f.buf[f.pos:], '\r')
	if i >= 0 {
		end = f.pos + i
	}
	switch { // also where Redis, by luck, reads its end with it
	case end-f.line > maxLine:
		f.err = tooBig
		return nil, false
	case f.passed+end-f.start > f.limits.MaxQueryBuffer:
		f.err = errBigQuery
		return nil, false
	}
	if i >= 0 && end+1 < len(f.buf) {
		f.buf[end+1] = '\n'
		f.pos = end + 2
		return f.buf[f.line:end], true
	}
	f.pos = end // look at the CR again when its LF is here
	return nil, false
}

// inlineLine returns the inline line without its end, once it is complete.
func (f *framer) inlineLine() ([]byte, bool) {
	fresh := f.buf[f.pos:]
	i := f.find(fresh, '\n')
	if i >= 0 {
		fresh = fresh[:i] // what is behind it is looked at with its own line
	}
	if !f.nul {
		f.nul = f.find(fresh, 0) >= 0
	}
	end := f.pos + i
	if i < 0 || f.nul {
		f.pos, end = len(f.buf), len(f.buf)
	}
	if end-f.start > maxLine {
		f.err = errBigInline
		return nil, false
	}
	if i < 0 || f.nul {
		return nil, false
	}
	f.pos = end + 1
	line := f.buf[f.start:end]
	return bytes.TrimSuffix(line, []byte("\r")), true
}

// find is the index of c in p, or -1.
func (f *framer) find(p []byte, c byte) int {
	i := bytes.IndexByte(p, c)
	if i < 0 {
		f.steps += uint64(len(p))
	} else {
		f.steps += uint64(i)
	}
	return i
}

// maxMarks bounds the arguments whose ends are remembered.
const maxMarks = 2048

// request slices the complete command out of the buffer.
func (f *framer) request(arena [][]byte) (request, [][]byte) {
	arena = slices.Grow(arena, f.args)
	from, end := len(arena), 0
	for i := 0; i < len(f.marks); i += 2 {
		begin := f.start + f.marks[i]
		end = f.start + f.marks[i+1]
		arena = append(arena, f.buf[begin:end:end])
	}
	for range f.args - len(f.marks)/2 { // their headers are looked at again: that takes no memory
		begin := end + len("\r\n$")
		n := 0
		for ; f.buf[begin] != '\r'; begin++ {
			n = 10*n + int(f.buf[begin]-'0')
		}
		begin += len("\r\n")
		end = begin + n
		arena = append(arena, f.buf[begin:end:end])
	}
	return request{raw: f.buf[f.start:f.pos], args: arena[from:len(arena):len(arena)]}, arena
}

// finish ends the command being framed.
func (f *framer) finish() {
	f.start, f.line, f.state, f.nul = f.pos, f.pos, wantCommand, false
	f.streams, f.asked, f.passed = false, false, 0
	f.trusted, f.once = f.trusted && !f.once, false
}

// inlineRequest rewrites an inline command as a RESP array, of which its
// arguments are then parts.
func inlineRequest(args [][]byte) request {
	const header = len("$65536\r\n\r\n") // at most: an inline line is no longer
	size := header * (1 + len(args))
	for _, arg := range args {
		size += len(arg)
	}
	raw := appendCommand(make([]byte, 0, size), args...)
	end := len(raw)
	for i := len(args) - 1; i >= 0; i-- {
		end -= len("\r\n")
		begin := end - len(args[i])
		args[i] = raw[begin:end:end]
		end = bytes.LastIndexByte(raw[:begin], '$')
	}
	return request{raw: raw, args: args}
}

// parseLen is Redis' string2ll: a canonical signed 64-bit decimal, nothing around it.
func parseLen(b []byte) (int64, bool) {
	neg := len(b) > 1 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && (neg || len(b) > 1) {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case neg && n <= -math.MinInt64:
		return -int64(n), true
	case !neg && n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}
