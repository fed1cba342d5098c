package proxy

import (
	"bytes"
	"math"
)

// request is one complete command: its bytes as a RESP array, and its arguments.
// Both alias the framer's buffer: they are valid until the framer's next space.
type request struct {
	raw  []byte
	args [][]byte
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
// each byte once and skips payloads by their length. What it hands out is
// canonical RESP whatever of the rest Redis would have let pass; but a line that
// would be too big a request for one who has not authenticated stays a line. It
// allocates for bytes that have come, not for bytes that a header promises.
//
// Not safe for concurrent use; make one with newFramer.
type framer struct {
	limits Limits
	bufs   *bufferPool

	buf   []byte // bytes held; start <= line <= len(buf)
	start int    // first byte of the command being framed
	line  int    // first byte of the line being framed
	pos   int    // first byte not looked at; beyond len(buf) while in a payload
	state framerState
	left  int   // arguments still to come
	bulk  int   // length of the payload being skipped
	marks []int // begin and end of each argument so far, relative to start
	nul   bool  // the inline line has a NUL: it never ends, as in Redis

	// trusted lifts the limits on those who have not authenticated. Only the
	// session knows, and only once it has answered what is framed already, so
	// a request that needs it stops the framer: doubt is the error it is else.
	trusted bool
	doubt   protocolError

	err protocolError // the violation, final

	steps uint64 // bytes looked at and turns of the loop, so that tests can bound them
}

func newFramer(limits Limits, bufs *bufferPool) framer {
	return framer{limits: limits.withDefaults(), bufs: bufs}
}

// space returns room for more bytes; commit says how many came. Requests handed
// out before are void.
func (f *framer) space() []byte {
	if f.buf == nil {
		f.buf = f.bufs.get()
	}
	if held := len(f.buf) - f.start; f.start > 0 || cap(f.buf) > bufferSize {
		// Back to the front, and out of a buffer that was grown for one command.
		switch {
		case cap(f.buf) > bufferSize && held <= bufferSize/2 && f.need() <= bufferSize:
			f.move(f.bufs.get())
		case f.start > 0 && (held == 0 || cap(f.buf)-len(f.buf) < cap(f.buf)/2):
			f.move(f.buf)
		}
	}
	if len(f.buf) == cap(f.buf) {
		size := 2 * cap(f.buf)
		if need := f.need(); need > cap(f.buf) && need < size {
			size = need
		}
		f.move(make([]byte, 0, size))
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// need is the number of bytes that the command being framed is known to have.
func (f *framer) need() int {
	if f.state == wantBulk {
		return f.pos + f.bulk + 2 - f.start
	}
	return len(f.buf) - f.start
}

// move puts the bytes held at the front of to, which may be the buffer itself.
func (f *framer) move(to []byte) {
	old, n := f.buf, f.start
	f.buf = append(to[:0], old[n:]...)
	f.start, f.line, f.pos = 0, f.line-n, f.pos-n
	if cap(old) != cap(f.buf) {
		f.bufs.put(old)
	}
}

// commit adds n bytes that were read into space.
func (f *framer) commit(n int) { f.buf = f.buf[:len(f.buf)+n] }

// release gives the buffer back if it holds nothing. Requests handed out before are void.
func (f *framer) release() {
	if f.buf != nil && f.start == len(f.buf) {
		f.bufs.put(f.buf)
		f.buf, f.start, f.line, f.pos = nil, 0, 0, 0
	}
}

// drop gives the buffer back whatever it holds; the framer is of no more use.
func (f *framer) drop() {
	f.start = len(f.buf)
	f.release()
	f.marks = nil
}

// next returns the next complete command. It reports false when more bytes are
// needed or err is set.
func (f *framer) next(arena [][]byte) (req request, used [][]byte, ok bool) {
	for f.err == "" && f.doubt == "" && f.pos < len(f.buf) || f.state == wantBulk {
		f.steps++
		switch f.state {
		case wantCommand:
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
			f.left, f.state, f.line, f.marks = int(n), wantBulkLen, f.pos, f.marks[:0]
		case wantBulkLen:
			if done := f.bulkLen(); !done {
				return request{}, arena, false
			}
		case wantBulk:
			end := f.pos + f.bulk
			if len(f.buf) < end+2 {
				return request{}, arena, false
			}
			f.buf[end], f.buf[end+1] = '\r', '\n'
			f.marks = append(f.marks, f.pos-f.start, end-f.start)
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
	case int64(f.pos-f.start)+n > int64(f.limits.MaxQueryBuffer):
		f.err = errBigQuery
	default:
		f.bulk, f.state = int(n), wantBulk
		return true
	}
	return false
}

// stop waits for judge before the line just read, which is read again then.
func (f *framer) stop(doubt protocolError) { f.doubt, f.pos = doubt, f.line }

// judge ends a doubt: the client is trusted, or what it sent is a violation.
func (f *framer) judge(trusted bool) {
	if f.trusted = trusted; !trusted {
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
	case end-f.start > f.limits.MaxQueryBuffer:
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

// request slices the complete command out of the buffer.
func (f *framer) request(arena [][]byte) (request, [][]byte) {
	from := len(arena)
	for i := 0; i < len(f.marks); i += 2 {
		begin, end := f.start+f.marks[i], f.start+f.marks[i+1]
		arena = append(arena, f.buf[begin:end:end])
	}
	if cap(f.marks) > 4096 {
		f.marks = nil
	}
	return request{raw: f.buf[f.start:f.pos:f.pos], args: arena[from:len(arena):len(arena)]}, arena
}

// finish ends the command being framed.
func (f *framer) finish() {
	f.start, f.line, f.state, f.nul = f.pos, f.pos, wantCommand, false
}

// inlineRequest rewrites an inline command as a RESP array.
func inlineRequest(args [][]byte) request {
	return request{raw: appendCommand(nil, args...), args: args}
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
