package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// errTooBig is returned by collect for a reply beyond its bound.
var errTooBig = errors.New("proxy: reply from Redis is too big to be held")

// asyncWrite is the number of bytes that may be written to Redis before its
// replies are read: less than what the sockets in between hold, so that neither
// side waits for the other.
const asyncWrite = 16 << 10

// upstream is a connection to Redis: a session's private one, or that of a line. Commands go out once
// and are never repeated: a lost reply does not mean that one was not executed.
//
// It belongs to one goroutine at a time, the session's or, once it reads for
// itself, the pump's; close and writing beside a reader are safe.
type upstream struct {
	conn   net.Conn
	bufs   *bufferPool
	reader *sockReader
	fr     replyFramer
	buf    []byte // bytes read and not scanned: buf[at:]
	at     int
	wbuf   []byte
	sent   bool // something has been written
	proven bool // Redis has replied
	once   sync.Once
	heard  func() // Redis has sent something
	closed func()
}

func newUpstream(conn net.Conn, bufs *bufferPool, heard, closed func()) *upstream {
	u := &upstream{conn: conn, bufs: bufs, heard: heard, closed: closed}
	u.reader = newSockReader(conn, u.space, u.release)
	return u
}

// nearBuffer bounds the bytes that wait in the system for a Redis on the same
// machine, where no distance has to be bridged. Redis reads all that has come of a
// big value at once: with what the system makes of a buffer by itself, a hundred
// clients that send 100 MB each hold Redis up for seconds, for everybody.
const nearBuffer = 64 << 10

// dialRedis opens a raw connection as the options say: no handshake, no AUTH.
func dialRedis(ctx context.Context, o *redis.Options) (net.Conn, error) {
	network, addr := o.Network, o.Addr
	if network == "" {
		network = "tcp"
		if strings.HasPrefix(addr, "/") {
			network = "unix"
		}
	}
	timeout := o.DialTimeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d := &net.Dialer{KeepAlive: keepAlive}
	switch {
	case o.Dialer != nil:
		return o.Dialer(ctx, network, addr)
	case o.TLSConfig != nil:
		return (&tls.Dialer{NetDialer: d, Config: o.TLSConfig}).DialContext(ctx, network, addr)
	}
	conn, err := d.DialContext(ctx, network, addr)
	if tcp, ok := conn.(*net.TCPConn); ok && tcp.RemoteAddr().(*net.TCPAddr).IP.IsLoopback() {
		tcp.SetWriteBuffer(nearBuffer) // best effort: what the system chooses works, too
	}
	return conn, err
}

// close closes the connection, once. Safe from any goroutine.
func (u *upstream) close() {
	u.once.Do(func() {
		u.conn.Close()
		u.closed()
	})
}

// alive reports whether Redis has not closed the idle connection.
func (u *upstream) alive() bool { return u.reader.peek() != peerGone }

// space and release are the reader's: see sockReader.
func (u *upstream) space() []byte {
	if u.buf == nil {
		u.buf = u.bufs.get()
	}
	if u.at == len(u.buf) {
		u.buf, u.at = u.buf[:0], 0
	}
	return u.buf[len(u.buf):cap(u.buf)]
}

func (u *upstream) release() {
	if u.buf != nil && u.at == len(u.buf) {
		u.bufs.put(u.buf)
		u.buf, u.at = nil, 0
	}
}

// pending reports whether bytes have been read that were not scanned yet.
func (u *upstream) pending() bool { return u.at < len(u.buf) }

// fill waits for bytes from Redis. Call it when nothing is pending.
func (u *upstream) fill() error {
	n, err := u.reader.read()
	if err != nil {
		return fmt.Errorf("proxy: read from Redis: %w", err)
	}
	u.buf = u.buf[:len(u.buf)+n]
	u.heard()
	return nil
}

// scan returns the next piece of a reply from what is pending, and whether it
// completes the reply. The piece is valid until the next fill.
func (u *upstream) scan() (piece []byte, done bool, err error) {
	n, done, err := u.fr.scan(u.buf[u.at:])
	piece = u.buf[u.at : u.at+n]
	u.at += n
	return piece, done, err
}

// scanSome returns what is pending of the next most replies, the pushes among them
// included, and how many of them are complete. The piece is valid until the next fill.
func (u *upstream) scanSome(most int) (piece []byte, done int, err error) {
	from := u.at
	for done < most && err == nil && u.pending() {
		var whole bool
		if _, whole, err = u.scan(); whole {
			if !u.fr.push() {
				done++
			}
			u.fr.reset()
		}
	}
	return u.buf[from:u.at], done, err
}

// whole returns the next reply in one piece. fill waits for bytes; pushes before the
// reply are given to pushed.
func (u *upstream) whole(fill func() error, pushed func([]byte)) ([]byte, error) {
	var whole []byte
	for {
		if !u.pending() {
			if err := fill(); err != nil {
				return nil, err
			}
		}
		piece, done, err := u.scan()
		if err == nil && len(whole)+len(piece) > maxCollected {
			err = fmt.Errorf("%w: more than %d bytes", errTooBig, maxCollected)
		}
		if err != nil {
			return nil, err
		}
		whole = append(whole, piece...)
		if !done {
			continue
		}
		push := u.fr.push()
		u.fr.reset()
		if !push {
			return whole, nil
		}
		pushed(whole)
		whole = whole[:0]
	}
}

// size is the number of bytes of the commands.
func size(raws [][]byte) int {
	n := 0
	for _, raw := range raws {
		n += len(raw)
	}
	return n
}

// write sends commands in as few writes as is cheap.
func (u *upstream) write(raws [][]byte) error {
	if len(raws) == 1 {
		return u.send(raws[0])
	}
	u.wbuf = u.bufs.get()
	defer func() {
		u.bufs.put(u.wbuf)
		u.wbuf = nil
	}()
	for _, raw := range raws {
		if len(u.wbuf)+len(raw) > cap(u.wbuf) {
			if err := u.send(u.wbuf); err != nil {
				return err
			}
			u.wbuf = u.wbuf[:0]
		}
		if len(raw) > cap(u.wbuf)/2 {
			if err := u.send(u.wbuf); err != nil {
				return err
			}
			u.wbuf = u.wbuf[:0]
			if err := u.send(raw); err != nil {
				return err
			}
			continue
		}
		u.wbuf = append(u.wbuf, raw...)
	}
	return u.send(u.wbuf)
}

// writeNow sends as much of the commands as the system takes at once, and returns what
// is left.
func (u *upstream) writeNow(raws [][]byte) (left [][]byte, err error) {
	if u.reader.raw == nil {
		return raws, nil
	}
	buf := u.bufs.get()
	defer u.bufs.put(buf)
	for len(raws) > 0 {
		p, n := raws[0], 1
		if len(p) < cap(buf)/2 {
			p, n = buf[:0], 0
			for ; n < len(raws) && len(p)+len(raws[n]) <= cap(buf); n++ {
				p = append(p, raws[n]...)
			}
		}
		sent, err := u.reader.writeNow(p)
		u.sent = u.sent || sent > 0
		if err != nil {
			return raws, fmt.Errorf("proxy: write to Redis: %w", err)
		}
		if sent == len(p) {
			raws = raws[n:]
			continue
		}
		for ; sent >= len(raws[0]); raws = raws[1:] {
			sent -= len(raws[0])
		}
		raws[0] = raws[0][sent:]
		return raws, nil
	}
	return nil, nil
}

func (u *upstream) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	n, err := 0, error(nil)
	if u.reader.raw != nil {
		n, err = u.reader.writeNow(p)
		u.sent = u.sent || n > 0
	}
	if err == nil && n < len(p) {
		n, err = u.conn.Write(p[n:])
		u.sent = u.sent || n > 0
	}
	if err != nil {
		return fmt.Errorf("proxy: write to Redis: %w", err)
	}
	return nil
}

// dialer opens the private connections and remembers a failure for a moment, so
// that a pipeline of many commands does not wait for as many failures.
// Safe for concurrent use.
type dialer struct {
	// Fixed.
	opts       *redis.Options
	maxSockets int // 0: no bound
	log        *slog.Logger
	bufs       *bufferPool
	m          *metrics
	heard      func() // called whenever Redis has sent something

	// suspect: the last connection was accepted and died without a reply.
	suspect atomic.Bool

	mu     sync.Mutex // guards the following fields
	failed time.Time
	err    error
	warned time.Time // of a lack of sockets
}

const (
	dialPause    = 100 * time.Millisecond
	socketsPause = time.Minute // between two warnings of a lack of sockets
)

// errNoSockets is returned by dial when clients and private connections are as
// many as may be.
var errNoSockets = errors.New("proxy: no file descriptor is left for a connection to Redis")

// room reports whether there may be one more socket beside so many clients.
func (d *dialer) room(clients int) bool {
	return d.maxSockets == 0 || int64(clients)+d.m.upstreams.Load()+d.m.lines.Load()+d.m.tlsSockets.Load() < int64(d.maxSockets)
}

// dial opens a private connection.
func (d *dialer) dial(ctx context.Context) (*upstream, error) {
	return d.open(ctx, &d.m.upstreams, &d.m.upstreamsOpened)
}

// open opens a connection that is counted in now while it is open, and in ever.
func (d *dialer) open(ctx context.Context, now *atomic.Int64, ever *atomic.Uint64) (*upstream, error) {
	if err := d.recentFailure(time.Now()); err != nil {
		return nil, err
	}
	if !d.room(int(d.m.clients.Load())) {
		d.warnOfSockets(time.Now())
		return nil, errNoSockets
	}
	now.Add(1) // before the dial: many may dial at once
	conn, err := dialRedis(ctx, d.opts)
	if err != nil {
		now.Add(-1)
		d.remember(err)
		return nil, err
	}
	ever.Add(1)
	return newUpstream(conn, d.bufs, d.heard, func() { now.Add(-1) }), nil
}

// warnOfSockets says, not too often, that clients go without Redis for want of
// file descriptors.
func (d *dialer) warnOfSockets(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.warned.IsZero() || now.Sub(d.warned) >= socketsPause {
		d.warned = now
		d.log.Warn("too many connections: commands for Redis are refused; raise the limit of open files (ulimit -n) or lower --max-clients",
			"most_connections", d.maxSockets)
	}
}

// broken tells that a new connection was of no use: it counts as a failure.
func (d *dialer) broken(err error) {
	d.suspect.Store(true)
	d.remember(err)
}

func (d *dialer) remember(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed, d.err = time.Now(), err
}

func (d *dialer) recentFailure(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil && now.Sub(d.failed) < dialPause {
		return d.err
	}
	d.err = nil
	return nil
}
