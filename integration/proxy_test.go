package integration

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy"
)

// testProxy is a proxy in this process, wired as the program wires it.
type testProxy struct {
	t      testing.TB
	addr   string
	id     string
	engine *engine.Engine
	server *proxy.Server
	served chan error
	closed bool
}

// backend is a Redis that proxies can stand in front of.
type backend struct {
	name     string
	redis    *redis.Options
	embedded bool
	// unshared: clients use their own connections to it alone.
	unshared bool
}

// realBackend is a redis-server of the test's own, or a link to one.
func realBackend(addr string) backend {
	return backend{name: "redis", redis: &redis.Options{Addr: addr}}
}

// embeddedBackend is an embedded Redis of the test's own.
func embeddedBackend(t testing.TB) backend {
	t.Helper()
	e, err := proxy.NewEmbedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return backend{name: "embedded", redis: e.RedisOptions(), embedded: true}
}

// onBackends runs a test in front of a real Redis and of the embedded one.
func onBackends(t *testing.T, run func(t *testing.T, b backend)) {
	t.Run("redis", func(t *testing.T) { run(t, realBackend(startRedis(t).addr)) })
	t.Run("embedded", func(t *testing.T) { run(t, embeddedBackend(t)) })
}

// startProxy runs a proxy in front of a backend and stops it, with its last
// flush, when the test is over. Zero fields of opts mean their defaults, but in
// front of an embedded Redis commands have longer: its Lua, under the race
// detector and on a busy machine, takes seconds for what Redis does in a
// millisecond. Clients share connections to Redis as soon as they may.
func startProxy(t testing.TB, b backend, opts engine.Options) *testProxy {
	t.Helper()
	return startProxyThatDenies(t, nil, b, opts)
}

// startProxyThatDenies is startProxy with a deny list; nil: the default one.
func startProxyThatDenies(t testing.TB, deny []string, b backend, opts engine.Options) *testProxy {
	t.Helper()
	opts.Redis = b.redis
	if b.embedded && opts.CommandTimeout == 0 {
		opts.CommandTimeout = 15 * time.Second
	}
	if opts.InstanceID == "" {
		opts.InstanceID = fmt.Sprintf("proxy-%d", time.Now().UnixNano())
	}
	eng, err := engine.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	shareFrom := 1
	if b.unshared {
		shareFrom = 0
	}
	srv, err := proxy.New(proxy.Options{Engine: eng, Redis: opts.Redis, Embedded: b.embedded, Namespace: engine.DefaultNamespace, Version: "test", Deny: deny, ShareFrom: shareFrom})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &testProxy{t: t, addr: ln.Addr().String(), id: opts.InstanceID, engine: eng, server: srv, served: make(chan error, 1)}
	go func() { p.served <- srv.Serve(ln) }()
	t.Cleanup(func() { p.stop(5 * time.Second) })
	return p
}

// stop stops the proxy as SIGTERM does and returns what was lost. With a limit
// of next to nothing it is like a kill: what is in memory is gone.
func (p *testProxy) stop(limit time.Duration) []engine.Lost {
	p.t.Helper()
	if p.closed {
		return nil
	}
	p.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), max(limit, time.Second))
	defer cancel()
	p.server.Shutdown(ctx)
	<-p.served
	ctx, cancel = context.WithTimeout(context.Background(), limit)
	defer cancel()
	lost, _ := p.engine.Close(ctx)
	return lost
}

// client returns a client of the proxy, or of any other address, that never
// repeats a command.
func client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, Protocol: 2, DisableIdentity: true,
		ReadTimeout: 20 * time.Second, PoolSize: 64, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { c.Close() })
	return c
}
