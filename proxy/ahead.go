package proxy

import (
	"time"
)

// maxAhead bounds what is read ahead of one client.
const maxAhead = 256 << 20

// How long a write to a client stalls before its next commands are read ahead,
// and how seldom that is tried in the end.
const (
	minStall = 5 * time.Millisecond
	maxStall = 500 * time.Millisecond
)

// ahead is what was read from a client that took no replies at the time. Many
// clients write a whole pipeline, however long, before they read a byte. Redis
// serves them, as it keeps their replies in memory; a proxy that just waited for
// them to read would wait for ever, as they wait for it. So it takes in their
// commands instead, which are smaller than the replies more often than not.
// The zero value is empty.
type ahead struct {
	buf []byte // buf[at:] is not taken yet
	at  int
}

// take moves bytes into the room that space lends, if there are any.
func (a *ahead) take(space func() []byte) int {
	if a.at == len(a.buf) {
		return 0
	}
	n := copy(space(), a.buf[a.at:])
	if a.at += n; a.at == len(a.buf) {
		*a = ahead{}
	}
	return n
}

// deliver writes replies to the client. It is called by the goroutine that reads.
func (c *clientConn) deliver(p []byte) error {
	if c.reader.raw == nil {
		_, err := c.Conn.Write(p)
		return err
	}
	n, err := writeNow(c.reader.raw, p)
	if err != nil || n == len(p) {
		return err
	}
	p = p[n:]
	for stall := minStall; ; stall = min(2*stall, maxStall) {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(stall)); err != nil {
			return err
		}
		n, err := c.Conn.Write(p)
		if n > 0 {
			stall = minStall
		}
		if p = p[n:]; len(p) == 0 {
			return c.Conn.SetWriteDeadline(time.Time{})
		}
		if !isTimeout(err) {
			return err
		}
		c.readAhead()
	}
}

// readAhead takes in what the client has sent so far. An error shows again when
// the session reads.
func (c *clientConn) readAhead() {
	if c.ahead.at > 0 {
		c.ahead.buf = append([]byte(nil), c.ahead.buf[c.ahead.at:]...)
		c.ahead.at = 0
	}
	p := c.fr.bufs.get()
	defer c.fr.bufs.put(p)
	for len(c.ahead.buf) < maxAhead {
		n, err := readNow(c.reader.raw, p[:cap(p)])
		if n == 0 || err != nil {
			return
		}
		c.ahead.buf = append(c.ahead.buf, p[:n]...)
	}
}
