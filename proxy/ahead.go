package proxy

import (
	"net"
	"time"
)

// maxAhead bounds the memory for what is read ahead of one client; that of all is
// bounded by half of the budget. Past the bounds a client that takes no replies is
// not read from either.
const maxAhead = 32 << 20

// How long a write to a client stalls before its next commands are read ahead,
// and how seldom that is tried in the end.
const (
	minStall = 5 * time.Millisecond
	maxStall = 500 * time.Millisecond
)

// ahead is what was read from a client that took no replies at the time. Many
// clients write a whole pipeline before they read a byte. Redis serves them, as
// it keeps their replies in memory; a proxy that just waited for them to read
// would wait for ever, as they wait for it. So it takes in their commands
// instead, which are smaller than the replies more often than not.
//
// It holds less than two chunks more than the bytes not taken yet, and copies
// each byte once. Owned by the goroutine that reads.
type ahead struct {
	// Fixed after the accept.
	bufs *bufferPool
	mine *account // has the chunks

	// Pooled; none is empty, and all but the last are full.
	chunks [][]byte
	at     int // what of chunks[0] is taken; less than its length
}

// fill reads until there is nothing, or no room within the bounds.
func (a *ahead) fill(read func(p []byte) (int, error)) {
	for a.grow() {
		last := &a.chunks[len(a.chunks)-1]
		n, err := read((*last)[len(*last):cap(*last)])
		if n > 0 {
			*last = (*last)[:len(*last)+n]
		}
		if empty := *last; len(empty) == 0 {
			*last = nil
			a.chunks = a.chunks[:len(a.chunks)-1]
			a.release(empty)
		}
		if n <= 0 || err != nil {
			return
		}
	}
}

// grow sees to room in the last chunk, and reports false if there may be none.
func (a *ahead) grow() bool {
	if n := len(a.chunks); n > 0 && len(a.chunks[n-1]) < cap(a.chunks[n-1]) {
		return true
	}
	if (len(a.chunks)+1)*bufferSize > maxAhead {
		return false
	}
	if !a.mine.reserve(bufferSize) {
		return false
	}
	a.chunks = append(a.chunks, a.bufs.get())
	return true
}

// release gives a chunk back that has been taken off the list.
func (a *ahead) release(chunk []byte) {
	a.bufs.put(chunk)
	a.mine.add(-bufferSize)
}

// take moves bytes into the room that space lends, if there are any.
func (a *ahead) take(space func() []byte) int {
	if len(a.chunks) == 0 {
		return 0
	}
	p, n := space(), 0
	for n < len(p) && len(a.chunks) > 0 {
		first := a.chunks[0]
		k := copy(p[n:], first[a.at:])
		n += k
		if a.at += k; a.at == len(first) {
			a.chunks[0], a.at = nil, 0
			a.chunks = a.chunks[1:]
			a.release(first)
		}
	}
	if len(a.chunks) == 0 {
		a.chunks = nil
	}
	return n
}

// drop gives back whatever is held.
func (a *ahead) drop() {
	for _, chunk := range a.chunks {
		a.release(chunk)
	}
	a.chunks, a.at = nil, 0
}

// deliver writes replies to the client. It is called by the goroutine that reads.
func (c *clientConn) deliver(p []byte) error {
	if c.reader.raw == nil {
		_, err := c.Conn.Write(p)
		return err
	}
	n, err := c.reader.writeNow(p)
	if err != nil || n == len(p) {
		return err
	}
	p = p[n:]
	if !c.settle(0) {
		return errEvicted
	}
	_, err = writeStalled(c.Conn, p, c.readAhead)
	return err
}

// writeStalled writes all of p, and calls stalled now and then while the other
// side takes nothing.
func writeStalled(conn net.Conn, p []byte, stalled func()) (written int, err error) {
	for stall := minStall; ; stall = min(2*stall, maxStall) {
		if err := conn.SetWriteDeadline(time.Now().Add(stall)); err != nil {
			return written, err
		}
		n, err := conn.Write(p)
		if n > 0 {
			stall = minStall
		}
		written += n
		if p = p[n:]; len(p) == 0 {
			return written, conn.SetWriteDeadline(time.Time{})
		}
		if !isTimeout(err) {
			return written, err
		}
		stalled()
	}
}

// readAhead takes in what the client has sent so far. An error shows again when
// the session reads.
func (c *clientConn) readAhead() {
	c.ahead.fill(func(p []byte) (int, error) { return readNow(c.reader.raw, p) })
}
