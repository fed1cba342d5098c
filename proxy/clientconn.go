package proxy

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// standIn is the only command that redcon reads: its handler takes the
// connection over. redcon never sees a client's bytes: its reader has no limits,
// keeps a buffer twice as big as the largest command for the life of the
// connection, and copies every command once more.
const standIn = "*1\r\n$7\r\nconnect\r\n"

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
	// stranger reports whether the client has yet to authenticate, all that was
	// read of it before being answered; sure is false where nobody knows now.
	stranger() (yes, sure bool)
	// quiet reports that the client may be silent for as long as it likes.
	quiet() bool
	// footprint is the memory that the session holds, in bytes.
	footprint() int
}

// errEvicted is returned by next when the client has held more than all others
// and too much for all.
var errEvicted = errors.New("proxy: the client holds too much memory")

// clientConn is a client's connection. It frames and checks what the client
// sends, into batches of complete commands.
type clientConn struct {
	net.Conn // the real one
	// Fixed after the accept.
	idle    time.Duration
	session sink
	closed  func(*clientConn)
	free    int // what it may hold that does not count

	// Owned by the goroutine that reads.
	fr      framer
	reader  *sockReader
	spaces  *workspaces
	ahead   ahead
	settled int // what of the account is for all that is not read ahead

	*workspace // nil while the client is waited for

	account account

	draining atomic.Bool
	done     atomic.Bool
}

// newClientConn makes one without a session. What it holds is counted in budget.
func newClientConn(conn net.Conn, limits Limits, bufs *bufferPool, spaces *workspaces, budget *budget, idle time.Duration) *clientConn {
	c := &clientConn{Conn: conn, fr: newFramer(limits, bufs), spaces: spaces, idle: idle, free: freeHeld, account: account{budget: budget}}
	c.ahead = ahead{bufs: bufs, mine: &c.account}
	c.reader = newSockReader(conn, c.fr.space, c.rest)
	return c
}

// Read is redcon's, before it hands the connection over.
func (c *clientConn) Read(p []byte) (int, error) { return copy(p, standIn), nil }

// next waits until the client has sent at least one complete command and returns
// those that are there. They are valid until the next call; only the last may be
// a part. A violation of the protocol is answered once everything before it is,
// and ends the stream.
func (c *clientConn) next() (batch []request, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.session.panicked(r)
			batch, err = nil, net.ErrClosed
		}
	}()
	for {
		c.forget()
		if c.done.Load() {
			return nil, net.ErrClosed
		}
		if c.frame(); len(c.batch) > 0 && !c.account.gone.Load() {
			return c.batch, nil
		}
		if c.fr.doubt != "" {
			stranger, sure := c.session.stranger()
			c.fr.judge(!stranger, sure)
			continue
		}
		if c.fr.err != "" {
			c.session.violation(c.fr.err)
			c.linger()
			return nil, io.EOF
		}
		if err := c.session.flush(); err != nil {
			return nil, err
		}
		if err := c.more(); err != nil {
			return nil, err
		}
	}
}

// frame collects the complete commands among the bytes held.
func (c *clientConn) frame() {
	if c.workspace == nil {
		c.workspace = c.spaces.get()
	}
	most := maxBatch
	if c.account.budget.tight() {
		most = tightBatch
	}
	for len(c.batch) < most && len(c.arena) < maxBatchArgs {
		req, arena, ok := c.fr.next(c.arena)
		c.arena = arena
		if !ok {
			break
		}
		c.batch = append(c.batch, req)
		if req.part {
			break
		}
		if resetsAuth(req.args) {
			c.fr.trusted = false // from the next on, which waits for its reply
			break
		}
		if len(c.batch) == fewCommands {
			c.workspace = c.spaces.enlarge(c.workspace)
		}
	}
	if len(c.batch) > 0 {
		// Else the replies so far are written first, and rest does it.
		c.settle(0)
	}
}

// forget drops the last batch, so that idle connections pin no buffers.
func (c *clientConn) forget() {
	c.fr.loose = 0
	if c.workspace != nil {
		c.spaces.put(c.workspace)
		c.workspace = nil
	}
}

// more waits for more bytes and gives them to the framer.
func (c *clientConn) more() error {
	if c.account.budget.tight() {
		c.fr.much = 0
		c.account.budget.ease()
	}
	if size := c.fr.growth(); size > 0 && !c.settle(size) {
		return errEvicted
	}
	got, err := c.wait()
	if err != nil {
		return err
	}
	c.fr.commit(got)
	return nil
}

// rest is called when the client has nothing to read yet.
func (c *clientConn) rest() {
	c.fr.release()
	c.settle(0)
}

// settle brings the account up to date: before anything is waited for, and
// before more bytes of memory are taken. It reports false if they may not be.
func (c *clientConn) settle(more int) bool {
	held := c.held(more)
	if held == c.settled {
		return true
	}
	change := held - c.settled
	c.settled = held
	return c.account.add(int64(change))
}

// settleInTurn is settle for much that is not taken for long: it rather waits
// for others who hold as much than has one of them leave.
func (c *clientConn) settleInTurn() bool {
	held := c.held(0)
	if change := held - c.settled; change > 0 && c.account.await(int64(change)) {
		c.settled = held
		return true
	}
	return c.settle(0)
}

// held is what the client holds that counts, with so many bytes more.
func (c *clientConn) held(more int) int {
	held := c.fr.footprint() + c.session.footprint() + more
	if c.workspace != nil {
		held += c.workspace.footprint()
	}
	return max(0, held-c.free)
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

// drop gives the buffers back, when nothing serves the connection any more.
func (c *clientConn) drop() {
	c.fr.drop()
	c.ahead.drop()
	c.account.close()
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
