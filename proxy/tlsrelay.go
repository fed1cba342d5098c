package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// What a relay carries at once of a client that sends or gets much, how much it
// holds then with what TLS makes of it, and how long it waits for more.
const (
	burstSize = 16 << 10
	burstHeld = 3 * burstSize
	burstWait = 50 * time.Millisecond
)

// partingTime is how long a client has to take its last replies.
const partingTime = 5 * time.Second

// socket is a connection that the system knows.
type socket interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// tlsClient is a client that speaks TLS, as a session sees it: plain.
type tlsClient struct {
	socket
	records *tlsRecords // the client's side
}

func (c *tlsClient) RemoteAddr() net.Addr { return c.records.RemoteAddr() }
func (c *tlsClient) LocalAddr() net.Addr  { return c.records.LocalAddr() }

// Close ends the session's side. What was written still goes to the client.
func (c *tlsClient) Close() error {
	_ = c.records.SetWriteDeadline(time.Now().Add(partingTime)) // ends the relay, if it comes to that
	return c.socket.Close()
}

// relay carries bytes between a client that speaks TLS and the other end of its
// session's pair of sockets. While nothing is to be carried it holds no buffer;
// what it holds of a burst is in the client's account.
type relay struct {
	tls     *tls.Conn
	raw     net.Conn
	records *tlsRecords
	far     socket
	bufs    *bufferPool
}

// run returns when both sides have ended, or ctx.
func (r *relay) run(ctx context.Context) {
	cut := func() {
		r.raw.Close()
		r.far.Close()
	}
	defer context.AfterFunc(ctx, cut)()
	defer cut()
	came := make(chan struct{})
	go func() {
		defer close(came)
		r.in()
		_ = r.far.CloseWrite() // as if the client had ended its side
	}()
	if r.out() == nil {
		// The session has ended its side. It may read for a moment what the
		// client still sends: see linger.
		_ = r.tls.CloseWrite()
		if half, ok := r.raw.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		end := time.AfterFunc(2*lingerTime, cut)
		defer end.Stop()
	} else {
		cut()
	}
	<-came
}

// in carries from the client.
func (r *relay) in() {
	r.records.nowait = true
	for r.inNow() && r.records.wait() == nil {
	}
}

// inNow carries what is there.
func (r *relay) inNow() bool {
	buf := r.bufs.getSmall()
	buf = buf[:cap(buf)]
	defer r.bufs.put(buf)
	for {
		n, again := r.read(buf)
		if n == 0 || !again {
			return again
		}
		if n == len(buf) && r.records.raw != nil && !r.burst(r.burstIn) {
			return false
		}
	}
}

// read carries once: n is 0 if there is nothing now, and again is false at the end.
func (r *relay) read(buf []byte) (n int, again bool) {
	n, err := r.tls.Read(buf)
	if n > 0 {
		r.records.data()
	}
	return n, r.deliver(buf[:n]) && (err == nil || err == errNoRecord)
}

// burstIn carries as long as there is more.
func (r *relay) burstIn(buf []byte) bool {
	defer r.raw.SetReadDeadline(time.Time{})
	for {
		n, again := r.read(buf)
		switch {
		case !again:
			return false
		case n > 0:
			continue
		case r.raw.SetReadDeadline(time.Now().Add(burstWait)) != nil:
			return false
		}
		if err := r.records.wait(); err != nil {
			return isTimeout(err)
		}
	}
}

// deliver writes to the session, which may read nothing for long: as long as
// the client is there.
func (r *relay) deliver(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	_, err := writeStalled(r.far, p, func() {
		if peek(r.raw) == peerGone {
			r.far.Close()
		}
	})
	return err == nil
}

// out carries to the client. It returns nil when the session has ended.
func (r *relay) out() error {
	var buf []byte
	release := func() {
		if buf != nil {
			r.bufs.put(buf)
			buf = nil
		}
	}
	defer release()
	reader := newSockReader(r.far, func() []byte {
		if buf == nil {
			buf = r.bufs.getSmall()
		}
		return buf[:cap(buf)]
	}, release)
	for {
		n, err := reader.read()
		if err != nil {
			return ended(err)
		}
		if _, err := r.tls.Write(buf[:n]); err != nil {
			return err
		}
		if n == cap(buf) && reader.raw != nil && !r.burst(func(big []byte) bool { return r.burstOut(reader.raw, big) }) {
			return net.ErrClosed
		}
	}
}

// burstOut carries what is there.
func (r *relay) burstOut(raw syscall.RawConn, buf []byte) bool {
	for {
		n, err := readNow(raw, buf)
		if n <= 0 || err != nil {
			return true // an end shows again
		}
		if _, err := r.tls.Write(buf[:n]); err != nil {
			return false
		}
	}
}

// burst lends a big buffer, on the client's account. Without one, as when the
// session is over already, all goes on in small pieces.
func (r *relay) burst(carry func([]byte) bool) bool {
	a := r.records.account.Load()
	if a == nil || !a.add(burstHeld) {
		return true
	}
	defer a.add(-burstHeld)
	buf := r.bufs.get()
	defer r.bufs.put(buf)
	return carry(buf[:burstSize])
}

// ended is nil for the end of a session, also of one that left something unread.
func ended(err error) error {
	if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}
