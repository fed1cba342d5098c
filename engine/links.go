package engine

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/internal/rawio"
)

// links are the engine's connections to Redis. When one of them is not answered,
// a firewall or a host that vanished may have cut all of them without a word:
// those that lie idle in the pool are then not used again, or else each would
// have to time out by itself before a new one is tried. Safe for concurrent use.
type links struct {
	distrusted atomic.Uint64 // how often; a link made before the last time is stale
}

func (l *links) distrust() { l.distrusted.Add(1) }

// dialer makes the options' connections known to l.
func (l *links) dialer(o *redis.Options) func(context.Context, string, string) (net.Conn, error) {
	dial := o.Dialer
	if dial == nil {
		dial = redis.NewDialer(o)
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		made := l.distrusted.Load()
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &link{Conn: rawio.New(conn), of: l, made: made}, nil
	}
}

// link is one of them.
type link struct {
	net.Conn
	of   *links
	made uint64
}

// SyscallConn is by what the pool of go-redis looks at a connection before it
// hands it out again: an error has it closed and another one taken. What cannot be
// looked at (TLS, the embedded Redis) passes.
func (l *link) SyscallConn() (syscall.RawConn, error) {
	if l.made != l.of.distrusted.Load() {
		return nil, net.ErrClosed
	}
	if conn, ok := l.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return opaque{}, nil
}

// opaque is a connection that shows nothing.
type opaque struct{}

func (opaque) Control(func(uintptr)) error    { return nil }
func (opaque) Read(func(uintptr) bool) error  { return nil }
func (opaque) Write(func(uintptr) bool) error { return nil }
