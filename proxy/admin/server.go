package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"github.com/distkit/distkit-proxy/proxy"
)

// What one client may take.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 30 * time.Second
	maxHeader     = 8 << 10
)

// What all clients together may take: the file descriptors and the memory are
// those of the counters' clients, too.
const (
	maxConns   = 256 // further ones wait for one of these to end
	maxScrapes = 4   // at once; further ones get 503
)

// closeGrace is how long Close lets requests end.
const closeGrace = 500 * time.Millisecond

// Options configure a Server.
type Options struct {
	// MaxPendingAge is how old the oldest increment that Redis does not have may
	// be before the proxy is not ready. Zero: its age does not matter.
	MaxPendingAge time.Duration
	// Version is shown in the metrics.
	Version string
	// Logger takes what goes wrong in the server itself. Default: discard.
	Logger *slog.Logger
}

// Server serves the three pages. Make one with New. Safe for concurrent use.
type Server struct {
	// Fixed after New.
	opts Options
	http *http.Server

	// Shared and safe.
	proxy    atomic.Pointer[attached]
	draining atomic.Bool
	contact  *contact
}

// attached is the proxy that is told about.
type attached struct {
	stats func() proxy.Stats
	reach func(context.Context) error
}

// New makes a server that is not attached to a proxy yet.
func New(opts Options) *Server {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts, contact: newContact()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", index)
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes,
		ErrorLog:            slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
	}))
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout, // nobody has a body to send
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

func (s *Server) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		runtimeMetrics(),
		processMetrics(),
		buildInfo(s.opts.Version),
		&collector{s},
	)
	return r
}

// Attach says whose state is told: stats is asked at every scrape and probe and
// must not wait for Redis; reach asks Redis whether it answers, in bounded time.
func (s *Server) Attach(stats func() proxy.Stats, reach func(context.Context) error) {
	s.proxy.Store(&attached{stats, reach})
}

// Drain makes the proxy not ready for good: it is about to stop.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.contact.stop()
}

// Serve serves ln until Close, and closes it. Its error is never nil, and
// http.ErrServerClosed after Close.
func (s *Server) Serve(ln net.Listener) error {
	return s.http.Serve(netutil.LimitListener(ln, maxConns))
}

// Close stops serving, after a moment for the requests under way.
func (s *Server) Close() {
	s.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if err := s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		_ = s.http.Close() // whoever is left does not read, or says nothing
	}
	s.contact.wait(ctx)
}

func index(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "distkit-proxy\n\n"+
		"/metrics  for Prometheus\n"+
		"/healthz  200 while the process lives\n"+
		"/readyz   200 while it should be sent traffic, else 503 and why\n")
}

// healthz touches nothing that anything could hold up.
func healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

func plain(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text) // a client that is gone needs no answer
}
