package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	promodel "github.com/prometheus/common/model"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/admin"
)

// site is what operators see of a proxy over HTTP.
type site struct {
	t    testing.TB
	url  string
	http *http.Client
}

func openSite(t testing.TB, addr string) *site {
	s := &site{t: t, url: "http://" + addr, http: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}}
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// siteOf serves a proxy's site, in which increments older than a second count as old.
func siteOf(t testing.TB, p *testProxy) *site {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := admin.New(admin.Options{MaxPendingAge: time.Second})
	a.Attach(p.server.Stats, p.engine.Reach)
	served := make(chan error, 1)
	go func() { served <- a.Serve(ln) }()
	s := openSite(t, ln.Addr().String())
	t.Cleanup(func() { a.Close(); <-served })
	return s
}

func (s *site) get(path string) (code int, body string, err error) {
	resp, err := s.http.Get(s.url + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// ready waits until /readyz answers code with a text that contains part.
func (s *site) ready(code int, part string) {
	s.t.Helper()
	eventually(s.t, 10*time.Second, func() error {
		c, body, err := s.get("/readyz")
		if err == nil && (c != code || !strings.Contains(body, part)) {
			err = fmt.Errorf("/readyz: %d %q, want %d with %q", c, body, code, part)
		}
		return err
	})
}

func (s *site) alive() {
	s.t.Helper()
	if code, body, err := s.get("/healthz"); code != 200 || body != "ok\n" {
		s.t.Errorf("/healthz: %d %q, %v", code, body, err)
	}
}

// metrics reads every metric that is one number.
func (s *site) metrics() map[string]float64 {
	s.t.Helper()
	code, body, err := s.get("/metrics")
	if err != nil || code != 200 {
		s.t.Fatalf("/metrics: %d, %v", code, err)
	}
	parser := expfmt.NewTextParser(promodel.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	out := make(map[string]float64)
	for name, f := range families {
		m := f.GetMetric()[0]
		out[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		if h := m.GetHistogram(); h != nil {
			out[name] = float64(h.GetSampleCount())
		}
	}
	return out
}

func TestMetricsMoveWithTraffic(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		p := startProxy(t, b, engine.Options{FlushInterval: 50 * time.Millisecond, MaxPending: 77, MaxPendingAge: time.Hour})
		s := siteOf(t, p)
		before := s.metrics()
		c := client(t, p.addr)
		ctx := context.Background()
		for i := range 10 {
			for _, words := range [][]any{{"DKC.INC", fmt.Sprint("c", i)}, {"SET", "k", i}} {
				if err := c.Do(ctx, words...).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, words := range [][]any{{"DKC.FLUSH"}, {"DKC.GET", "c1"}} {
			if err := c.Do(ctx, words...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Do(ctx, "SHUTDOWN").Err(); err == nil {
			t.Fatal("SHUTDOWN is not refused")
		}
		bad, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer bad.Close()
		fmt.Fprint(bad, "*-x\r\n")
		if _, err := io.ReadAll(bad); err != nil {
			t.Fatal(err)
		}
		var after map[string]float64
		eventually(t, 10*time.Second, func() error { // the bad client is forgotten
			if after = s.metrics(); after["distkit_clients"] != 1 {
				return fmt.Errorf("%v clients", after["distkit_clients"])
			}
			return nil
		})
		for name, want := range map[string]float64{
			"increments_accepted_total": 10, "commands_answered_total": 12, "commands_refused_total": 1, "protocol_errors_total": 1,
			"counters_in_memory": 10, "clients_accepted_total": 2, "private_connections": 1, "flushed_counters_total": 10,
			"max_pending_counters": 0, "pending_counters": 0,
		} {
			if got := after["distkit_"+name] - before["distkit_"+name]; got != want {
				t.Errorf("%s moved by %v, want %v", name, got, want)
			}
		}
		for _, name := range []string{"commands_sent_total", "commands_forwarded_total", "flush_scripts_total", "flush_duration_seconds", "counters_loaded_total"} {
			if after["distkit_"+name] <= before["distkit_"+name] {
				t.Errorf("%s has not moved from %v", name, before["distkit_"+name])
			}
		}
		if after["distkit_max_pending_counters"] != 77 || after["distkit_max_pending_age_seconds"] != 3600 || after["distkit_redis_up"] != 1 {
			t.Errorf("bounds and state: %v", after)
		}
	})
}

// An idle proxy would notice only with its next heartbeat.
func TestNotReadyWhileRedisIsAway(t *testing.T) {
	onAway(t, func(t *testing.T, p *testProxy, away, back func()) {
		s := siteOf(t, p)
		s.ready(200, "ready\n")
		away()
		s.ready(503, "redis: ")
		s.alive()
		back()
		s.ready(200, "ready\n")
	})
}

// A Redis that hangs holds up neither /healthz nor /metrics, also with
// increments that wait for it.
func TestHungRedisHoldsUpNoHealthCheck(t *testing.T) {
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{CommandTimeout: 2 * time.Second})
	s := siteOf(t, p)
	c := client(t, p.addr)
	inc := func() {
		t.Helper()
		if err := c.Do(context.Background(), "DKC.INC", "a").Err(); err != nil {
			t.Fatal(err)
		}
	}
	inc()
	s.ready(200, "ready\n")
	r.signal(syscall.SIGSTOP)
	inc()
	probe := make(chan struct{})
	go func() { // waits for Redis, once its last answer is too old
		defer close(probe)
		for code := 200; code == 200; {
			code, _, _ = s.get("/readyz")
		}
	}()
	answered := 0
	for waits := true; waits; answered++ {
		s.alive()
		if got := s.metrics()["distkit_pending_counters"]; got != 1 {
			t.Fatalf("%v counters are pending, want 1", got)
		}
		select {
		case <-probe:
			waits = false
		default:
		}
	}
	if answered < 3 {
		t.Errorf("%d answers while one probe waited for Redis", answered)
	}
	s.ready(503, "pending: the oldest increment has waited")
	s.ready(503, "redis: ")
	r.signal(syscall.SIGCONT)
	s.ready(200, "ready\n")
}

// The last flush is held up by a Redis that hangs: until it is done the program
// says that it drains, and what it still has.
func drainHeldUp(t *testing.T, bin string) {
	r := startRedis(t)
	addr := freeAddr(t)
	prog := startProgram(t, bin, r, "--admin", addr, "--command-timeout", "200ms", "--shutdown-timeout", "20s")
	s := openSite(t, addr)
	s.ready(200, "ready\n")
	c := client(t, prog.addr)
	inc := func() {
		t.Helper()
		if err := c.Do(context.Background(), "DKC.INC", "a", 5).Err(); err != nil {
			t.Fatal(err)
		}
	}
	inc()
	r.signal(syscall.SIGSTOP)
	inc()
	prog.cmd.Process.Signal(syscall.SIGTERM)
	s.ready(503, "draining: ")
	eventually(t, 10*time.Second, func() error { // until the sessions have ended
		if _, err := net.Dial("tcp", prog.addr); err == nil {
			return fmt.Errorf("somebody listens on %s", prog.addr)
		}
		return nil
	})
	s.alive()
	s.ready(503, "draining: ")
	if m := s.metrics(); m["distkit_pending_counters"] != 1 {
		t.Errorf("%v counters are pending during the drain, want 1", m["distkit_pending_counters"])
	}
	r.signal(syscall.SIGCONT)
	if code := prog.exit(t, 20*time.Second); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, prog.log)
	}
	if got := openBooks(t, r, "DKC.").total("a"); got != 10 {
		t.Errorf("Redis has %d, want 10", got)
	}
}
