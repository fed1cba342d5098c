package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/journal"
	"github.com/distkit/distkit-proxy/proxy"
	"github.com/distkit/distkit-proxy/proxy/sentinel"
)

// startCheck bounds how long a start waits for Redis in all: a Redis that hangs
// must not keep the proxy from serving what is in memory.
const startCheck = time.Second

// abandonTime is how long a failed start waits for its engine to close.
const abandonTime = 100 * time.Millisecond

// interrupted is a signal that ended a start.
type interrupted struct{ os.Signal }

func (i interrupted) Error() string { return "stopped by " + i.String() }

// embeddedNotice is what stands for the URL where there is none.
const embeddedNotice = "embedded in-memory Redis: data is in memory only and is gone at exit"

// server is the part of proxy.Server that a process uses.
type server interface {
	// Serve accepts clients until Shutdown, and returns proxy.ErrServerClosed
	// when the last session has ended.
	Serve(net.Listener) error
	// Shutdown stops accepting and waits until what was read is answered, or
	// until the context is done: then it returns that error.
	Shutdown(context.Context) error
}

// counters is the part of engine.Engine that a process stops.
type counters interface {
	// Close flushes everything and returns what could not be flushed.
	Close(context.Context) ([]engine.Lost, error)
}

// closer is the part of proxy.Embedded and of sentinel.Master that a process stops.
type closer interface{ Close() }

// administrator is the part of admin.Server that a process stops.
type administrator interface {
	// Drain makes the proxy not ready for good.
	Drain()
	// Close ends the metrics and health checks.
	Close()
}

// reloader is the part of certs.Certificates that a process uses.
type reloader interface {
	// Reload reads the files again.
	Reload()
}

// process is the running program: the parts and how to stop them.
type process struct {
	// Fixed after start.
	log             *slog.Logger
	server          server
	engine          counters
	embedded        closer        // nil with a Redis of the user's
	master          closer        // nil without Sentinels
	admin           administrator // nil without --admin
	certs           reloader      // nil without --tls-cert
	hangups         <-chan os.Signal
	shutdownTimeout time.Duration

	serving sync.WaitGroup // the goroutines that run Serve, admin's not
	failed  chan error     // takes an error of Serve; has room for one of every listener
}

// start opens the listeners, wires the parts and begins to serve. When it
// fails everything is closed again; a signal fails it with interrupted.
func start(ctx context.Context, cfg conf.Config, log *slog.Logger, signals <-chan os.Signal) (_ *process, err error) {
	var undo []func()
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- {
			undo[i]()
		}
	}()

	threads := setThreads(cfg.Threads)
	p := &process{log: log, shutdownTimeout: cfg.ShutdownTimeout, failed: make(chan error, len(cfg.Listen))}
	// Health checks answer through all of the start.
	adm, adminAddr, err := serveAdmin(cfg, log)
	if err != nil {
		return nil, err
	}
	if adm != nil {
		p.admin = adm
		undo = append(undo, adm.Close)
	}

	// The listeners first: a taken port must not cost Redis anything.
	lns, err := listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	undo = append(undo, func() { closeAll(lns) })

	backend, opts, err := p.openRedis(cfg, log)
	if err != nil {
		return nil, err
	}
	for _, c := range []closer{p.embedded, p.master} {
		if c != nil {
			undo = append(undo, c.Close)
		}
	}
	if err := guarded(ctx, cfg, opts); err != nil {
		return nil, err
	}
	clientTLS, err := p.loadCertificates(cfg, log)
	if err != nil {
		return nil, err
	}
	eng, err := engine.New(engineOptions(cfg, opts, log))
	if err != nil {
		return nil, err
	}
	p.engine = eng
	undo = append(undo, func() { abandon(eng) })
	checked := make(chan error, 1)
	go func() { checked <- check(ctx, eng, min(cfg.CommandTimeout, startCheck), log) }()
	select {
	case err := <-checked:
		if err != nil {
			return nil, err
		}
	case s := <-signals: // a wait for Redis ends at its time-out alone
		return nil, interrupted{s}
	}
	serving := proxyOptions(cfg, opts, eng, log)
	serving.TLS = clientTLS
	srv, err := proxy.New(serving)
	if err != nil {
		return nil, err
	}
	p.server = srv

	for _, ln := range lns {
		p.serving.Go(func() {
			if err := p.server.Serve(ln); !errors.Is(err, proxy.ErrServerClosed) {
				p.failed <- err
			}
		})
	}
	if adm != nil {
		adm.Attach(srv.Stats, eng.Reach)
		log = log.With("admin", adminAddr)
	}
	log.Info("distkit-proxy is ready",
		"listen", strings.Join(addresses(lns), " "),
		"redis", backend,
		"namespace", cfg.Namespace,
		"instance_id", eng.InstanceID(),
		"threads", threads,
		"version", versionNumber())
	return p, nil
}

// openRedis says how the Redis behind is reached, and what to call it; it
// starts the embedded one where none is named.
func (p *process) openRedis(cfg conf.Config, log *slog.Logger) (backend string, opts *redis.Options, err error) {
	if cfg.Redis != "" {
		opts, err = p.openURL(cfg.Redis, log)
		if err == nil && opts.DialTimeout == 0 {
			opts.DialTimeout = cfg.CommandTimeout
		}
		return conf.Redact(cfg.Redis), opts, err
	}
	if cfg.WaitReplicas > 0 {
		return "", nil, fmt.Errorf("wait-replicas %d: the embedded Redis has no replicas; name a Redis with --redis, or leave it at 0", cfg.WaitReplicas)
	}
	emb, err := proxy.NewEmbedded(log)
	if err != nil {
		return "", nil, err
	}
	p.embedded = emb
	return embeddedNotice, emb.RedisOptions(), nil
}

// openURL says how the Redis of a URL is reached; where Sentinels know which one
// that is, it begins to follow them.
func (p *process) openURL(url string, log *slog.Logger) (*redis.Options, error) {
	opts, err := conf.ParseRedis(url)
	if err != nil {
		return nil, err
	}
	s, err := conf.ParseSentinels(url)
	if s == nil || err != nil {
		return opts, err
	}
	m := sentinel.New(sentinel.Options{
		Addrs: s.Addrs, Master: s.Master, Username: s.Username, Password: s.Password, TLS: opts.TLSConfig, Logger: log,
	})
	p.master = m
	opts.Dialer = m.Dial
	return opts, nil
}

// abandon closes an engine that has accepted nothing. It does not wait for one
// that hangs at Redis: the process ends next.
func abandon(eng counters) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = eng.Close(context.Background()) // nothing to flush
	}()
	select {
	case <-closed:
	case <-time.After(abandonTime):
	}
}

// check asks Redis, for at most timeout in all, whether the counters there were made with other settings,
// or know more of this instance than its journal; either is an error. A Redis that cannot be reached or does not tell stops
// nothing: the engine says so and goes on trying.
func check(ctx context.Context, eng *engine.Engine, timeout time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if eng.Ping(ctx) != nil {
		return nil
	}
	err := cmp.Or(eng.CheckRecorded(ctx), eng.CheckJournal(ctx))
	var other *engine.Error
	wrong := errors.Is(err, engine.ErrSettings) || errors.Is(err, engine.ErrStaleJournal)
	switch {
	case err == nil:
		return nil
	case wrong && errors.As(err, &other):
		return errors.New(strings.TrimPrefix(other.Msg, "distkit: "))
	}
	log.Warn("cannot see whether other proxies have the same settings", "error", err.Error())
	return nil
}

func engineOptions(cfg conf.Config, opts *redis.Options, log *slog.Logger) engine.Options {
	return engine.Options{
		Redis:          opts,
		Namespace:      cfg.Namespace,
		MaxNamespaces:  cfg.MaxNamespaces,
		InstanceID:     cfg.InstanceID,
		InstanceChosen: cfg.InstanceChosen,
		Journal:        cfg.Journal,
		JournalSync:    journalPolicy(cfg),
		FlushInterval:  cfg.FlushInterval,
		AllowedLag:     cfg.AllowedLag,
		DeadAfter:      cfg.DeadAfter,
		Partitions:     cfg.Partitions,
		MaxPending:     cfg.MaxPending,
		MaxPendingAge:  cfg.MaxPendingAge,
		WaitReplicas:   cfg.WaitReplicas,
		CommandTimeout: cfg.CommandTimeout,
		Lax:            patterns(cfg),
		Observer:       observer(cfg),
		Logger:         log,
	}
}

// journalPolicy is when the journal is synced; Load lets nothing else pass.
func journalPolicy(cfg conf.Config) journal.Policy {
	p, _ := journal.ParsePolicy(cfg.JournalSync)
	return p
}

// patterns are the ordinary keys that are counted: none while they are only observed.
func patterns(cfg conf.Config) (list []engine.Pattern) {
	if cfg.Observe {
		return nil
	}
	for _, p := range cfg.Lax {
		list = append(list, engine.Pattern{Glob: p.Glob, FlushInterval: p.FlushInterval, AllowedLag: p.AllowedLag})
	}
	return list
}

func proxyOptions(cfg conf.Config, opts *redis.Options, eng *engine.Engine, log *slog.Logger) proxy.Options {
	return proxy.Options{
		Engine:       eng,
		Redis:        opts,
		Embedded:     cfg.Redis == "",
		ShareFrom:    cfg.ShareFrom,
		MaxClients:   cfg.MaxClients,
		MaxSockets:   maxSockets(clientSockets(cfg), log),
		IdleTimeout:  cfg.IdleTimeout,
		ClientMemory: int64(cfg.MaxClientMemory),
		Limits: proxy.Limits{
			MaxBulk:        cfg.MaxBulk,
			MaxArgs:        cfg.MaxArgs,
			MaxQueryBuffer: cfg.MaxQueryBuffer,
		},
		Deny:      append([]string{}, cfg.Deny...), // not nil, which would mean the default
		Logger:    log,
		Version:   versionNumber(),
		Namespace: cfg.Namespace,
	}
}
