package proxy

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// standIn is what redcon reads when a batch of commands is ready. Its handler
// takes the batch from the clientConn. redcon never sees a client's bytes: its
// reader would keep a buffer twice as big as the largest command for the life
// of the connection, and copy every command once more.
const standIn = "*1\r\n$5\r\nbatch\r\n"

// How long and how much is read from a client that was sent its last reply, so
// that unread bytes do not reset the connection before the reply has arrived.
const (
	lingerTime  = 100 * time.Millisecond
	lingerBytes = 256 << 10
)

// sink is what a clientConn tells its session. All are called by the reading goroutine.
type sink interface {
	// flush sends the replies so far; the conn is about to wait for the client.
	flush() error
	// violation answers a protocol error, after everything before it.
	violation(protocolError)
	// panicked reports a panic while reading.
	panicked(any)
	// stranger reports that the client has yet to authenticate, all that was
	// read of it before being answered.
	stranger() bool
	// quiet reports that the client may be silent for as long as it likes.
	quiet() bool
}

// clientConn is a client's connection as redcon sees it. Its Read frames and
// checks what the client sends and then reports a batch of complete commands.
type clientConn struct {
	net.Conn // the real one; Write goes straight through
	// Fixed after the accept.
	idle    time.Duration
	session sink
	closed  func(*clientConn)

	// Owned by the goroutine that reads.
	fr     framer
	reader *sockReader
	batch  []request
	arena  [][]byte
	ahead  ahead

	draining atomic.Bool
	done     atomic.Bool
}

// newClientConn makes one without a session. readAhead counts what all of them
// hold read ahead.
func newClientConn(conn net.Conn, limits Limits, bufs *bufferPool, readAhead *atomic.Int64, idle time.Duration) *clientConn {
	c := &clientConn{Conn: conn, fr: newFramer(limits, bufs), idle: idle, ahead: ahead{bufs: bufs, all: readAhead}}
	c.reader = newSockReader(conn, c.fr.space, c.fr.release)
	return c
}

// Read waits until the client has sent at least one complete command, puts the
// batch aside for takeBatch and returns the stand-in. A violation of the
// protocol is answered once everything before it is, and ends the stream.
func (c *clientConn) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.session.panicked(r)
			n, err = 0, net.ErrClosed
		}
	}()
	for {
		c.forget()
		if c.done.Load() {
			return 0, net.ErrClosed
		}
		if c.frame(); len(c.batch) > 0 {
			return copy(p, standIn), nil
		}
		if c.fr.doubt != "" {
			c.fr.judge(!c.session.stranger())
			continue
		}
		if c.fr.err != "" {
			c.session.violation(c.fr.err)
			c.linger()
			return 0, io.EOF
		}
		if err := c.session.flush(); err != nil {
			return 0, err
		}
		got, err := c.wait()
		if err != nil {
			return 0, err
		}
		c.fr.commit(got)
	}
}

// takeBatch returns the commands that the last Read reported. They are valid
// until the next Read.
func (c *clientConn) takeBatch() []request { return c.batch }

// frame collects the complete commands among the bytes held.
func (c *clientConn) frame() {
	for {
		req, arena, ok := c.fr.next(c.arena)
		c.arena = arena
		if !ok {
			return
		}
		c.batch = append(c.batch, req)
		if resetsAuth(req.args) {
			c.fr.trusted = false // from the next on, which waits for its reply
			return
		}
	}
}

// forget drops the last batch, so that idle connections pin no buffers.
func (c *clientConn) forget() {
	const keep = 1024
	if cap(c.arena) > keep || cap(c.batch) > keep {
		c.arena, c.batch = nil, nil
		return
	}
	clear(c.arena)
	clear(c.batch)
	c.arena, c.batch = c.arena[:0], c.batch[:0]
}

// wait reads from the client once.
func (c *clientConn) wait() (int, error) {
	if c.idle > 0 {
		var deadline time.Time
		if !c.session.quiet() {
			deadline = time.Now().Add(c.idle)
		}
		if err := c.Conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	// drain sets the flag before the deadline: one of the two is seen here.
	if c.draining.Load() {
		return 0, io.EOF
	}
	if n := c.ahead.take(c.fr.space); n > 0 {
		return n, nil
	}
	n, err := c.reader.read()
	if err != nil && c.draining.Load() {
		err = io.EOF
	}
	return n, err
}

// drain ends the stream once what has been read is answered. Safe from any goroutine.
func (c *clientConn) drain() {
	c.draining.Store(true)
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
}

// Write sends to the client. redcon flushes its empty writer after every
// batch: nothing is not written.
func (c *clientConn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return c.Conn.Write(p)
}

// drop gives the buffers back, when nothing serves the connection any more.
func (c *clientConn) drop() {
	c.fr.drop()
	c.ahead.drop()
}

// Close closes the connection, once. Safe from any goroutine.
func (c *clientConn) Close() error {
	if !c.done.CompareAndSwap(false, true) {
		return nil
	}
	err := c.Conn.Close()
	if c.closed != nil {
		c.closed(c)
	}
	return err
}

// linger ends our side and reads for a moment what the client still sends.
func (c *clientConn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil || c.draining.Load() {
		return
	}
	buf := c.fr.bufs.get()
	defer c.fr.bufs.put(buf)
	for n := 0; n < lingerBytes; {
		k, err := c.Conn.Read(buf[:cap(buf)])
		if n += k; err != nil {
			return
		}
	}
}

// isTimeout reports whether a deadline passed.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
