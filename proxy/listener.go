package proxy

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Pauses between failed accepts, as in net/http: out of file descriptors must
// not make the accepting goroutine spin.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

const keepAlive = 5 * time.Minute

// listener is a net.Listener as redcon sees it. It hands out clientConns,
// refuses those beyond the limit and outlives the real listener: redcon cuts
// every connection when its Accept fails, so Accept fails only after the
// sessions have ended.
type listener struct {
	net.Listener
	// wrap makes the clientConn, or returns nil to refuse the connection with refusal.
	wrap func(net.Conn) *clientConn
	log  *slog.Logger

	stop  chan struct{} // closed: accept no more
	ended chan struct{} // closed: the sessions have ended
	once  sync.Once
}

// Accept returns the next client's connection, and net.ErrClosed when the server is done.
func (l *listener) Accept() (net.Conn, error) {
	pause := time.Duration(0)
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			pause = 0
			if c := l.admit(conn); c != nil {
				return c, nil
			}
			continue
		}
		select {
		case <-l.stop:
			<-l.ended
			return nil, net.ErrClosed
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			// Closed by its owner, not by Shutdown: clients live on until then.
			<-l.ended
			return nil, err
		}
		pause = min(max(2*pause, minAcceptPause), maxAcceptPause)
		l.log.Warn("cannot accept clients", "err", err, "pause", pause)
		select {
		case <-l.stop:
		case <-time.After(pause):
		}
	}
}

// admit prepares a new connection, or closes it and returns nil.
func (l *listener) admit(conn net.Conn) net.Conn {
	keepAlives(conn)
	if c := l.wrap(conn); c != nil {
		return c
	}
	_ = conn.SetDeadline(time.Now().Add(lingerTime))
	_, _ = conn.Write([]byte(errMaxClients))
	conn.Close()
	return nil
}

// Close stops accepting.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.stop)
		err = l.Listener.Close()
	})
	return err
}

// keepAlives has the system notice clients that are gone without a word.
func keepAlives(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Best effort: a connection that is gone already says so at its first read.
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive / 3})
	}
}
