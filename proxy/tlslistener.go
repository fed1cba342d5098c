package proxy

import (
	"container/list"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A TLS handshake takes two round trips. How long one may take, and how many
// may be under way: past that the one that has taken longest ends, so that those
// who say nothing keep nobody out.
const (
	handshakeTime = 10 * time.Second
	maxHandshakes = 256
)

// tlsListener speaks TLS to its clients and hands out what is plain: one end of
// a pair of sockets, with a relay between the other end and the client. So a
// session can do with it all that it does with a socket: look at it without
// reading, write without waiting, wait without a buffer. A connection that is
// handed out has finished its handshake; none waits for that of another.
type tlsListener struct {
	net.Listener
	// Fixed after newTLSListener.
	srv   *Server
	conf  *tls.Config
	log   *slog.Logger
	ready chan net.Conn
	fails chan error
	done  chan struct{} // closed: no more is handed out
	begin sync.Once
	end   sync.Once

	mu      sync.Mutex // guards the following field
	pending *list.List // of net.Conn, oldest first
}

func newTLSListener(srv *Server, ln net.Listener, conf *tls.Config) *tlsListener {
	return &tlsListener{
		Listener: ln, srv: srv, conf: conf, log: srv.log,
		ready: make(chan net.Conn), fails: make(chan error), done: make(chan struct{}), pending: list.New(),
	}
}

// Accept waits for a client that has finished its handshake, or returns an
// error of the listener below.
func (l *tlsListener) Accept() (net.Conn, error) {
	l.begin.Do(func() { go l.accept() })
	select {
	case conn := <-l.ready:
		return conn, nil
	case err := <-l.fails:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// accept takes in clients. After an error it goes on when the error was taken,
// which may be a while: see listener.
func (l *tlsListener) accept() {
	for {
		raw, err := l.Listener.Accept()
		if err == nil {
			l.take(raw)
			continue
		}
		select {
		case l.fails <- err:
		case <-l.done:
			return
		}
	}
}

// take begins a client's handshake.
func (l *tlsListener) take(raw net.Conn) {
	m := &l.srv.metrics
	if !l.srv.dialer.room(int(m.clients.Load())) || !l.srv.join() {
		m.clientsRefused.Add(1)
		raw.Close()
		return
	}
	m.tlsSockets.Add(1)
	keepAlives(raw)
	l.mu.Lock()
	at := l.pending.PushBack(raw)
	if l.pending.Len() > maxHandshakes {
		oldest := l.pending.Front()
		l.pending.Remove(oldest).(net.Conn).Close() // its handshake fails
	}
	l.mu.Unlock()
	go func() {
		records := newTLSRecords(raw)
		conn, err := l.shake(records)
		l.mu.Lock()
		l.pending.Remove(at) // does nothing if it is gone
		l.mu.Unlock()
		if err != nil {
			l.log.Debug("TLS handshake failed", "err", err, "client", raw.RemoteAddr().String())
			l.leave(raw)
			return
		}
		go l.hand(conn, records) // not here: a handshake leaves a deep stack behind
	}()
}

// leave ends what take has begun.
func (l *tlsListener) leave(raw net.Conn) {
	raw.Close()
	l.srv.metrics.tlsSockets.Add(-1)
	l.srv.wg.Done()
}

// shake is the handshake.
func (l *tlsListener) shake(raw *tlsRecords) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(l.srv.ctx, handshakeTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn := tls.Server(raw, l.conf)
	return conn, conn.HandshakeContext(ctx)
}

// hand hands a client out, and relays until it is gone.
func (l *tlsListener) hand(conn *tls.Conn, records *tlsRecords) {
	raw := records.Conn
	defer l.leave(raw)
	near, far, err := socketPair()
	if err != nil {
		l.log.Warn("cannot take in a client that speaks TLS", "err", err)
		return
	}
	defer far.Close()
	l.srv.metrics.tlsSockets.Add(1)
	defer l.srv.metrics.tlsSockets.Add(-1)
	c := &tlsClient{socket: near.(socket), records: records}
	select {
	case l.ready <- c:
		r := &relay{tls: conn, raw: raw, far: far.(socket), records: records, bufs: &l.srv.bufs}
		r.run(l.srv.ctx)
	case <-l.done:
		near.Close()
	}
}

// Close stops accepting. Handshakes under way are of no use any more.
func (l *tlsListener) Close() error {
	err := l.Listener.Close()
	l.end.Do(func() { close(l.done) })
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := l.pending.Front(); at != nil; at = at.Next() {
		at.Value.(net.Conn).Close()
	}
	return err
}
