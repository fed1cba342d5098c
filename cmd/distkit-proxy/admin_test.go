package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/conf"
)

func TestAdminServesUntilTheEnd(t *testing.T) {
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	ready := p.ready(t)
	admin := ready["admin"].(string)
	if code, body := get(t, admin, "/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("/readyz: %d %q", code, body)
	}
	if code, body := get(t, admin, "/metrics"); code != 200 || !strings.Contains(body, `distkit_build_info{goversion="`) || !strings.Contains(body, `version="`+versionNumber()+`"`) {
		t.Errorf("/metrics: %d\n%s", code, body)
	}
	// A client that waits for Redis holds the stop up for a moment.
	blocked := dial(t, "tcp", ready["listen"].(string))
	if _, err := io.WriteString(blocked, "BLPOP k 0\r\n"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, body := get(t, admin, "/metrics"); strings.Contains(body, "\ndistkit_private_connections 1\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the client's command does not reach Redis")
		}
	}
	p.cancel()
	p.line(t, "stopping")
	if code, body := get(t, admin, "/healthz"); code != 200 {
		t.Errorf("/healthz: %d %q while it drains", code, body)
	}
	p.wantExit(t, exitOK)
	ln, err := net.Listen("tcp", admin)
	if err != nil {
		t.Fatalf("after the end: %v", err)
	}
	ln.Close()
	if log := p.log.String(); strings.Contains(log, "cannot be reached") || strings.Contains(log, "health checks have ended") {
		t.Errorf("the stop is logged as a failure:\n%s", log)
	}
}

func TestAdminOnASocket(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "admin")
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--admin", "unix://"+sock)
	if got := p.ready(t)["admin"]; got != "unix://"+sock {
		t.Errorf("the socket is announced as %v", got)
	}
	conn := dial(t, "unix", sock)
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn.r); err != nil || !strings.HasSuffix(string(text), "\r\n\r\nok\n") {
		t.Errorf("%q, %v", text, err)
	}
	p.cancel()
	p.wantExit(t, exitOK)
	if _, err := os.Lstat(sock); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestNoAdminByDefault(t *testing.T) {
	a, _, err := serveAdmin(conf.Default(), nil)
	if a != nil || err != nil {
		t.Errorf("%v, %v", a, err)
	}
}

func TestAdminOptionsAreSet(t *testing.T) {
	wantNoZero(t, adminOptions(conf.Default(), slog.New(slog.DiscardHandler)))
}

func TestReadyAge(t *testing.T) {
	for _, tc := range []struct{ maxPendingAge, flushInterval, want time.Duration }{
		{0, 20 * time.Millisecond, 10 * time.Second},
		{time.Minute, 20 * time.Millisecond, 30 * time.Second},
		{0, 20 * time.Second, 30 * time.Second},
		{2 * time.Second, time.Second, 1500 * time.Millisecond}, // what waits for its flush is not old
	} {
		c := conf.Default()
		c.MaxPendingAge, c.FlushInterval = tc.maxPendingAge, tc.flushInterval
		if got := readyAge(c); got != tc.want {
			t.Errorf("max-pending-age %v, flush-interval %v: %v, want %v", tc.maxPendingAge, tc.flushInterval, got, tc.want)
		}
		c.FlushInterval, c.Lax = time.Millisecond, []conf.LaxPattern{{Glob: "a", FlushInterval: tc.flushInterval}, {Glob: "b"}}
		if got := readyAge(c); got != tc.want {
			t.Errorf("max-pending-age %v, flush_interval %v of a pattern: %v, want %v", tc.maxPendingAge, tc.flushInterval, got, tc.want)
		}
	}
}

func get(t *testing.T, addr, path string) (code int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
