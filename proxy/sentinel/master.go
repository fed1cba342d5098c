package sentinel

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	cacheFor  = 500 * time.Millisecond // how long an answer of the Sentinels is good for new connections
	askPause  = 50 * time.Millisecond  // between two questions, at least
	askWithin = 500 * time.Millisecond // a Sentinel has to answer
	minPause  = 50 * time.Millisecond  // before a server that was no master is dialled again
	maxPause  = 500 * time.Millisecond
	keepAlive = 15 * time.Second // TCP probes of connections to the master
)

// Options configure a Master.
type Options struct {
	// Addrs are the Sentinels, host:port. At least one.
	Addrs []string
	// Master is its name among the Sentinels. Required.
	Master string
	// Username and Password are for the Sentinels. Empty: none are needed.
	Username, Password string
	// TLS is for the Sentinels and for the master; where it names no server, the
	// certificate must be for the host that is dialled. Nil: no TLS.
	TLS *tls.Config
	// Logger takes a line when the master moves, and when no Sentinel answers.
	// Default: discard.
	Logger *slog.Logger
}

// Master dials whatever server is the master. Make one with New. Safe for
// concurrent use.
type Master struct {
	// Fixed after New.
	opts   Options
	log    *slog.Logger
	ctx    context.Context // ends questions and the watch
	cancel context.CancelFunc

	running sync.WaitGroup

	mu sync.Mutex
	// mu guards the following fields.
	addr    string             // the master, as last heard; "" before
	epoch   int64              // of the configuration that named it; unknownEpoch where it was not told
	freshTo time.Time          // addr is good for new connections until then
	asking  *question          // under way, or nil
	askedAt time.Time          // when the last question began
	first   int                // the Sentinel that is asked first: the last that answered
	conns   map[*conn]struct{} // open
	silent  bool               // no Sentinel has answered the last question
	closed  bool
}

// ErrClosed is returned by Dial once the Master is closed.
var ErrClosed = errors.New("sentinel: closed")

// errNotMaster says that the server that the Sentinels name is not a master, or
// not any more: they are about to name another.
var errNotMaster = errors.New("sentinel: the server is no master")

// New starts to follow the master. It does not need a Sentinel to be reachable.
func New(opts Options) *Master {
	m := &Master{opts: opts, log: opts.Logger, epoch: unknownEpoch, conns: make(map[*conn]struct{})}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	for from := range opts.Addrs {
		m.running.Go(func() { m.watch(from) })
	}
	return m
}

// Close ends everything, connections included, and waits until it has.
func (m *Master) Close() {
	m.mu.Lock()
	m.closed = true
	conns := m.connsLocked("")
	m.mu.Unlock()
	m.cancel()
	for _, c := range conns {
		c.Close()
	}
	m.running.Wait()
}

// Dial opens a connection to the master, whatever address is asked for: it is
// made to be redis.Options.Dialer. Where a server is no master yet or no longer
// it asks again until ctx is done; any other failure it returns at once, as a
// *net.OpError of a dial, because nothing was sent.
func (m *Master) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		c, err := m.dial(ctx)
		if err == nil {
			return c, nil
		}
		if errors.Is(err, errNotMaster) {
			timer := time.NewTimer(jittered(pause))
			select {
			case <-timer.C:
				continue
			case <-ctx.Done():
			case <-m.ctx.Done():
			}
			timer.Stop()
		}
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" {
			err = &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
		return nil, err
	}
}

// dial is one attempt.
func (m *Master) dial(ctx context.Context) (net.Conn, error) {
	addr, err := m.address(ctx)
	if err != nil {
		return nil, err
	}
	c, err := m.connect(ctx, addr)
	if err != nil {
		m.doubt(addr)
	}
	return c, err
}

// doubt has the Sentinels asked again before the next connection to addr, or,
// when it is "", to any.
func (m *Master) doubt(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if addr == "" || addr == m.addr {
		m.freshTo = time.Time{}
	}
}

// jittered is a pause, more or less: those who wait must not all come back at once.
func jittered(pause time.Duration) time.Duration {
	return pause*3/4 + rand.N(pause/2)
}
