package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPages(t *testing.T) {
	r := newRig(t, Options{})
	for _, tc := range []struct {
		method, path string
		code         int
		want         string // is in the body
	}{
		{"GET", "/", 200, "/metrics"},
		{"GET", "/", 200, "/healthz"},
		{"GET", "/", 200, "/readyz"},
		{"GET", "/healthz", 200, "ok\n"},
		{"GET", "/readyz", 200, "ready\n"},
		{"GET", "/metrics", 200, "\ndistkit_clients 7\n"},
		{"HEAD", "/healthz", 200, ""},
		{"HEAD", "/readyz", 200, ""},
		{"HEAD", "/metrics", 200, ""},
		{"POST", "/healthz", 405, ""},
		{"DELETE", "/metrics", 405, ""},
		{"GET", "/nope", 404, ""},
		{"GET", "/metrics/", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
	} {
		if code, body := r.ask(tc.method, tc.path); code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s: %d, want %d with %q:\n%s", tc.method, tc.path, code, tc.code, tc.want, body)
		}
	}
	if r.log.String() != "" {
		t.Errorf("requests are logged:\n%s", r.log.String())
	}
}

func TestReadyNamesEveryReason(t *testing.T) {
	r := newRig(t, Options{MaxPendingAge: time.Second})
	r.want(200, "ready\n")
	r.change(func(st *proxy.Stats) { st.Engine.OldestPending = time.Second })
	r.want(200, "ready\n")
	r.change(func(st *proxy.Stats) { st.Engine.OldestPending = 1500 * time.Millisecond })
	const old = "pending: the oldest increment has waited 1.5s for Redis, more than 1s\n"
	r.want(503, old)
	r.change(func(st *proxy.Stats) { st.Engine.RedisUp = false })
	r.gone(errors.New("dial tcp: connection\n refused"))
	eventually(t, "the answer about Redis is asked for again", func() bool {
		_, body := r.ask("GET", "/readyz")
		return body == "redis: dial tcp: connection refused\n"+old
	})
	r.s.Drain()
	r.want(503, "draining: the proxy is stopping\nredis: it could not be reached last\n"+old)
	if code, _ := r.ask("GET", "/healthz"); code != 200 {
		t.Errorf("/healthz: %d while it drains", code)
	}
}

func TestNoBoundOnPendingAge(t *testing.T) {
	r := newRig(t, Options{})
	r.change(func(st *proxy.Stats) { st.Engine.OldestPending = time.Hour })
	r.want(200, "ready\n")
}

func TestNotReadyBeforeAttach(t *testing.T) {
	r := serveForTest(t, Options{Version: "v1"})
	r.want(503, "starting\n")
	if code, _ := r.ask("GET", "/healthz"); code != 200 {
		t.Errorf("/healthz: %d before it is attached", code)
	}
	code, body := r.ask("GET", "/metrics")
	if code != 200 || !strings.Contains(body, `distkit_build_info{goversion="go`) || !strings.Contains(body, "go_goroutines") || strings.Contains(body, "distkit_clients") {
		t.Errorf("/metrics: %d\n%s", code, body)
	}
	r.s.Drain()
	r.want(503, "draining: the proxy is stopping\n")
}

// While Redis hangs, everything answers but /readyz, which waits for it.
func TestRedisHoldsUpNothingElse(t *testing.T) {
	r := newRig(t, Options{})
	hang := make(chan struct{})
	r.mu.Lock()
	r.reach = func(context.Context) error { <-hang; return errors.New("timed out") }
	r.mu.Unlock()
	waiting := make(chan string, 1)
	go func() {
		_, body := r.ask("GET", "/readyz")
		waiting <- body
	}()
	eventually(t, "Redis is asked", func() bool {
		r.s.contact.mu.Lock()
		defer r.s.contact.mu.Unlock()
		return r.s.contact.asking != nil
	})
	for _, path := range []string{"/healthz", "/metrics", "/"} {
		if code, _ := r.ask("GET", path); code != 200 {
			t.Errorf("%s: %d while Redis hangs", path, code)
		}
	}
	close(hang)
	if body := <-waiting; body != "redis: timed out\n" {
		t.Errorf("/readyz: %q", body)
	}
}

func TestLongHeadersAreRefused(t *testing.T) {
	r := newRig(t, Options{})
	req, err := http.NewRequest("GET", r.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", resp.StatusCode)
	}
}

// However many connect, only so many are let in; the others wait their turn.
func TestConnectionsAreBounded(t *testing.T) {
	r := newRig(t, Options{})
	var silent []net.Conn
	for range maxConns + 10 {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	last := silent[len(silent)-1]
	if _, err := io.WriteString(last, "GET /healthz HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "as many as may are let in", func() bool { return r.conns.Load() == maxConns })
	if err := last.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := last.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the last one reads %d bytes, %v, before others have left", n, err)
	}
	if n := r.conns.Load(); n != maxConns {
		t.Errorf("%d connections are let in, want %d", n, maxConns)
	}
	for _, conn := range silent[:maxConns] {
		conn.Close()
	}
	if err := last.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(last); err != nil || !strings.HasSuffix(string(text), "ok\n") {
		t.Errorf("the last one reads %q, %v", text, err)
	}
}

// Close does not wait for a client that says nothing, and frees the port.
func TestCloseCutsWhoIsSilent(t *testing.T) {
	r := newRig(t, Options{})
	silent, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r.want(200, "ready\n") // the silent one has been accepted, too
	r.s.Close()
	if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	r.served <- http.ErrServerClosed
	if _, err := bufio.NewReader(silent).ReadByte(); err != io.EOF {
		t.Errorf("the silent client reads %v, want EOF", err)
	}
	ln, err := net.Listen("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

// rig is a server over figures that the test sets.
type rig struct {
	t         *testing.T
	s         *Server
	addr, url string
	http      *http.Client
	served    chan error
	log       logBuffer
	conns     atomic.Int64 // connections that are let in

	mu    sync.Mutex
	stats proxy.Stats                 // guarded by mu
	err   error                       // guarded by mu; the answer about Redis
	reach func(context.Context) error // guarded by mu; gives err, unless replaced
}

func newRig(t *testing.T, opts Options) *rig {
	t.Helper()
	r := serveForTest(t, opts)
	r.stats = proxy.Stats{
		Clients: 7, MaxClients: 10, InstanceID: "me", Namespace: "shop",
		Engine: engine.Stats{RedisUp: true},
	}
	r.reach = func(context.Context) error { r.mu.Lock(); defer r.mu.Unlock(); return r.err }
	r.s.Attach(
		func() proxy.Stats { r.mu.Lock(); defer r.mu.Unlock(); return r.stats },
		func(ctx context.Context) error {
			r.mu.Lock()
			reach := r.reach
			r.mu.Unlock()
			return reach(ctx)
		},
	)
	return r
}

// serveForTest is a server that is attached to nothing.
func serveForTest(t *testing.T, opts Options) *rig {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, addr: ln.Addr().String(), url: "http://" + ln.Addr().String(), served: make(chan error, 1)}
	opts.Logger = slog.New(slog.NewTextHandler(&r.log, nil))
	r.s = New(opts)
	r.s.http.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			r.conns.Add(1)
		case http.StateClosed:
			r.conns.Add(-1)
		}
	}
	r.http = &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	go func() { r.served <- r.s.Serve(ln) }()
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		r.s.Close()
		if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

func (r *rig) ask(method, path string) (code int, body string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Error(err)
	}
	return resp.StatusCode, string(text)
}

func (r *rig) want(code int, body string) {
	r.t.Helper()
	if c, b := r.ask("GET", "/readyz"); c != code || b != body {
		r.t.Errorf("/readyz: %d %q, want %d %q", c, b, code, body)
	}
}

func (r *rig) change(f func(*proxy.Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.stats)
}

func (r *rig) gone(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(2*time.Millisecond), time.NewTimer(10*time.Second)
	defer tick.Stop()
	defer deadline.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// logBuffer is a strings.Builder for several goroutines.
type logBuffer struct {
	mu  sync.Mutex
	buf strings.Builder // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Fprintf(&b.buf, "%s", p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
