package sentinel

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// conn is an open connection to a server that was the master. It is a TCP
// connection in all else, so that whoever looks beneath finds a socket.
type conn struct {
	*net.TCPConn
	m    *Master
	addr string
	once sync.Once
	err  error // of closing
}

// Close closes the connection, once. Safe from any goroutine.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.m.mu.Lock()
		delete(c.m.conns, c)
		c.m.mu.Unlock()
		c.err = c.TCPConn.Close()
	})
	return c.err
}

// connect opens a connection to the server at addr and makes sure that it is a
// master.
func (m *Master) connect(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: keepAlive}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{TCPConn: raw.(*net.TCPConn), m: m, addr: addr}
	if err := m.keep(c); err != nil {
		raw.Close()
		return nil, err
	}
	ready, err := m.prepare(ctx, c)
	if err != nil {
		c.Close()
		if m.movedFrom(addr) { // and closed it for that
			err = errNotMaster
		}
		return nil, err
	}
	return ready, nil
}

func (m *Master) movedFrom(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.closed && m.addr != addr
}

// keep notes an open connection, unless the master has moved since its address
// was asked for.
func (m *Master) keep(c *conn) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case c.addr != m.addr:
		return errNotMaster
	}
	m.conns[c] = struct{}{}
	return nil
}

// prepare does the handshake of TLS, where there is one, and asks for the role.
func (m *Master) prepare(ctx context.Context, c *conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var ready net.Conn = c
	if m.opts.TLS != nil {
		cfg := m.opts.TLS.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName, _, _ = net.SplitHostPort(c.addr)
		}
		secure := tls.Client(c, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		ready = secure
	}
	if err := askRole(ready); err != nil {
		return nil, err
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return ready, nil
}

// connsLocked are the open connections to other servers than that at addr.
func (m *Master) connsLocked(addr string) (others []*conn) {
	for c := range m.conns {
		if c.addr != addr {
			others = append(others, c)
		}
	}
	return others
}
