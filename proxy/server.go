package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tidwall/redcon"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/acl"
	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

// ErrServerClosed is returned by Serve once Shutdown has been called.
var ErrServerClosed = errors.New("proxy: server closed")

// DefaultMaxClients is the number of clients when Options say nothing.
const DefaultMaxClients = 10_000

// DefaultDeny is the deny list when Options say nothing: commands that would
// stop Redis or make its replication stream come this way.
var DefaultDeny = []string{"SHUTDOWN", "SYNC", "PSYNC", "REPLCONF"}

// drainGrace is how long Shutdown lets clients wait for Redis: long enough for
// any ordinary command, and no blocking one holds the process up.
const drainGrace = time.Second

// Options configure a Server.
type Options struct {
	// Engine answers the commands that are ours. Required; the caller closes it,
	// after Shutdown.
	Engine *engine.Engine
	// Redis is how private connections reach Redis: of it Network, Addr, Dialer,
	// TLSConfig and DialTimeout are used. Credentials are not: clients bring
	// their own. Required.
	Redis *redis.Options
	// Embedded tells that Redis is the embedded one.
	Embedded bool
	// ShareFrom is how many clients have to send to Redis in turns for those whose
	// replies have been small to share connections, for common commands that leave
	// nothing behind with one. Zero: every command goes over its client's own.
	ShareFrom int
	// TLS is what clients speak on listeners other than unix sockets. Nil: plain.
	TLS *tls.Config
	// MaxClients is the largest number of clients at once. One that speaks TLS
	// counts for two, which is what it costs. Default 10,000.
	MaxClients int
	// MaxSockets bounds clients and private connections together, so that they
	// leave file descriptors for everything else. Zero: no bound.
	MaxSockets int
	// IdleTimeout closes a client that sends nothing for so long; subscribers
	// may be silent. Zero: never.
	IdleTimeout time.Duration
	// Limits bound what one client may send.
	Limits Limits
	// ClientMemory bounds what all clients together may make the proxy hold, in
	// bytes. Past it the client that holds most is closed. Default
	// DefaultClientMemory.
	ClientMemory int64
	// Deny lists commands that are refused, in any case: a name, with all its
	// subcommands, or container|subcommand. Nil: DefaultDeny; empty: none.
	Deny []string
	// Logger takes one line per event, none per request. Default: discard.
	Logger *slog.Logger
	// Version and Namespace are shown in INFO.
	Version, Namespace string
}

// Server answers clients. Make one with New. Safe for concurrent use.
type Server struct {
	// Fixed after New.
	opts     Options
	log      *slog.Logger
	kinds    kindTable
	hearWait time.Duration
	spoiler  []byte // a command that Redis refuses in MULTI
	started  time.Time
	ctx      context.Context // ends with Shutdown's grace
	cancel   context.CancelFunc
	ended    chan struct{} // closed: the sessions have ended

	// Shared and safe.
	bufs    bufferPool
	spaces  workspaces
	budget  budget
	dialer  dialer
	metrics metrics
	watch   watch
	blocked watch
	seen    seenRedis
	demand  authDemand
	lines   lines
	rows    atomic.Uint64   // rows sent on to Redis ever
	table   *keyspec.Source // what commands touch; nil: nobody wants to know
	lax     *lax            // nil: no ordinary key is counted
	acl     *acl.Book       // nil: Redis is the embedded one, where everybody may do everything
	wg      sync.WaitGroup  // sessions and their goroutines

	lastAttack, lastEviction atomic.Int64 // when one was warned of, Unix nanoseconds

	mu        sync.Mutex // guards the following fields
	stopping  bool
	listeners map[*listener]struct{}
	conns     map[*clientConn]*session
	// tlsClients is how many of them speak TLS.
	tlsClients int
}

// New makes a server. It connects to nothing yet.
func New(opts Options) (*Server, error) {
	switch {
	case opts.Engine == nil:
		return nil, errors.New("proxy: Engine is required")
	case opts.Redis == nil:
		return nil, errors.New("proxy: Redis is required")
	}
	setDefault(&opts.MaxClients, DefaultMaxClients)
	setDefault(&opts.ClientMemory, DefaultClientMemory)
	if opts.Deny == nil {
		opts.Deny = DefaultDeny
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&opts.Namespace, engine.DefaultNamespace)
	setDefault(&opts.Version, "unknown")
	srv := &Server{
		opts:      opts,
		log:       opts.Logger,
		kinds:     newKindTable(opts.Deny, opts.Engine.HasLax()),
		hearWait:  hearWait,
		spoiler:   appendCommand(nil, "GET"), // wrong arity: refused everywhere, embedded included
		started:   time.Now(),
		ended:     make(chan struct{}),
		listeners: make(map[*listener]struct{}),
		conns:     make(map[*clientConn]*session),
	}
	srv.ctx, srv.cancel = context.WithCancel(context.Background())
	srv.budget.limit, srv.budget.holders = opts.ClientMemory, srv.holders
	srv.dialer = dialer{opts: opts.Redis, maxSockets: opts.MaxSockets, log: srv.log, bufs: &srv.bufs, m: &srv.metrics, heard: opts.Engine.Heard}
	srv.lines = lines{dialer: &srv.dialer, log: srv.log, m: &srv.metrics, ctx: srv.ctx}
	srv.lines.opened = func() { srv.watch.arm(watchInterval, srv.look) }
	srv.demand = authDemand{opts: opts.Redis, age: demandAge, never: opts.Embedded, ctx: srv.ctx, run: srv.wg.Go}
	if opts.Engine.HasLax() || opts.Engine.Observer() != nil {
		srv.table = newTable(opts.Engine)
	}
	if opts.Engine.HasLax() {
		srv.lax = &lax{engine: opts.Engine, table: srv.table}
	}
	if !opts.Embedded {
		srv.acl = acl.New(acl.Options{Redis: opts.Engine, Context: srv.ctx, Go: srv.wg.Go})
	}
	return srv, nil
}

// Serve accepts clients from ln until Shutdown, and then returns
// ErrServerClosed when the last session has ended. It closes ln. It may be
// called for several listeners.
func (srv *Server) Serve(ln net.Listener) error {
	if srv.opts.TLS != nil && ln.Addr().Network() != "unix" {
		ln = newTLSListener(srv, ln, srv.opts.TLS)
	}
	l := &listener{Listener: ln, wrap: srv.admit, log: srv.log, stop: make(chan struct{}), ended: srv.ended}
	srv.mu.Lock()
	if srv.stopping {
		srv.mu.Unlock()
		ln.Close()
		return ErrServerClosed
	}
	srv.listeners[l] = struct{}{}
	srv.mu.Unlock()

	err := redcon.Serve(l, srv.takeOver, nil, nil)
	if err == nil || errors.Is(err, net.ErrClosed) {
		err = ErrServerClosed
	}
	return err
}

// takeOver is redcon's handler for a new connection's only command. A goroutine
// without redcon's 8 KB of buffers goes on with the connection.
func (srv *Server) takeOver(conn redcon.Conn, _ redcon.Command) {
	c := conn.NetConn().(*clientConn)
	conn.Detach()
	go srv.serve(c)
}

// serve answers a client until its connection ends.
func (srv *Server) serve(c *clientConn) {
	s := c.session.(*session)
	defer srv.wg.Done()
	defer c.drop()
	defer s.letGo()
	defer c.Close()
	if t, ok := c.Conn.(*tlsClient); ok && !t.records.settle() {
		return
	}
	for {
		batch, err := c.next()
		if err != nil {
			s.finishPump(err)
			return
		}
		s.serve(batch)
	}
}

// admit makes the session of a new client; nil refuses it.
func (srv *Server) admit(conn net.Conn) *clientConn {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.stopping {
		return nil
	}
	if len(srv.conns)+srv.tlsClients >= srv.opts.MaxClients || !srv.dialer.room(len(srv.conns)) {
		srv.metrics.clientsRefused.Add(1)
		return nil
	}
	c := newClientConn(conn, srv.opts.Limits, &srv.bufs, &srv.spaces, &srv.budget, srv.opts.IdleTimeout)
	s := newSession(srv, c)
	c.session, c.closed = s, srv.forget
	c.account.evict = func(held int64) { srv.evicted(c, held) }
	c.fr.mayStream = s.mayStream
	if t, ok := conn.(*tlsClient); ok {
		t.records.account.Store(&c.account)
		c.free = 0 // TLS takes it
		srv.tlsClients++
	}
	srv.conns[c] = s
	srv.wg.Add(1)
	srv.metrics.clients.Add(1)
	srv.metrics.clientsTotal.Add(1)
	return c
}

// join counts a goroutine that Shutdown waits for; false: it is too late.
func (srv *Server) join() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.stopping {
		return false
	}
	srv.wg.Add(1)
	return true
}

// forget ends the session of a closed connection. Any goroutine may run it.
func (srv *Server) forget(c *clientConn) {
	srv.mu.Lock()
	s := srv.conns[c]
	delete(srv.conns, c)
	if _, ok := c.Conn.(*tlsClient); ok {
		srv.tlsClients--
	}
	srv.mu.Unlock()
	s.end()
	srv.metrics.clients.Add(-1)
}

// panicked logs and counts a panic that ended one session.
func (srv *Server) panicked(p any, conn net.Conn) {
	srv.metrics.panics.Add(1)
	srv.log.Error("panic, client closed", "panic", p, "client", conn.RemoteAddr().String(), "stack", string(debug.Stack()))
}

// attackPause is the time between two warnings of an attack, as in Redis.
const attackPause = time.Minute

// warnOfAttack tells, not too often, that a client talks HTTP.
func (srv *Server) warnOfAttack(conn net.Conn) {
	now, last := time.Now().UnixNano(), srv.lastAttack.Load()
	if now-last < int64(attackPause) || !srv.lastAttack.CompareAndSwap(last, now) {
		return
	}
	srv.log.Warn("possible security attack: a client sends POST or Host: commands, "+
		"as a browser does that was tricked into talking to Redis; connection closed",
		"client", conn.RemoteAddr().String())
}

// Shutdown stops accepting, lets the sessions answer what they have read, ends
// them and waits. Clients that wait for Redis longer than a moment, as with a
// blocking command, and subscribers are cut off. It returns ctx's error if the
// sessions have not ended by then; they are cut off then too. Calling it again
// waits again.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.mu.Lock()
	srv.stopping = true
	for l := range srv.listeners {
		l.Close()
		delete(srv.listeners, l)
	}
	for c := range srv.conns {
		c.drain()
	}
	srv.mu.Unlock()

	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.wg.Wait()
		srv.lines.close()
		srv.lines.wg.Wait()
		srv.finish()
	}()
	grace := time.NewTimer(drainGrace)
	defer grace.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	case <-grace.C:
	}
	srv.cut()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finish lets Serve return.
func (srv *Server) finish() {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.cancel()
	select {
	case <-srv.ended:
	default:
		close(srv.ended)
	}
}

// cut closes the connections that are left.
func (srv *Server) cut() {
	srv.cancel()
	srv.mu.Lock()
	var left []*clientConn
	for c := range srv.conns {
		left = append(left, c)
	}
	srv.mu.Unlock()
	for _, c := range left {
		c.Close()
	}
	srv.lines.close()
}
