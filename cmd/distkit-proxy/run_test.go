package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/engine/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServesAndStops(t *testing.T) {
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--instance-id", "me", "--namespace", "shop")
	ready := p.ready(t)
	if ready["redis"] != embeddedNotice || ready["namespace"] != "shop" || ready["instance_id"] != "me" {
		t.Errorf("the start-up line says %v", ready)
	}
	conn := dial(t, "tcp", ready["listen"].(string))
	for _, tc := range []struct{ send, want string }{
		{"PING\r\n", "+PONG"},
		{"SET k v\r\n", "+OK"},
		{"DKC.INC home 5\r\n", ":5"},
		{"DKC.GET home\r\n", ":5"},
	} {
		if got := conn.ask(t, tc.send); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.send, got, tc.want)
		}
	}
	p.cancel()
	p.wantExit(t, exitOK)
	if _, err := net.Dial("tcp", ready["listen"].(string)); err == nil {
		t.Error("somebody listens after the end")
	}
}

// Without a name of its own an instance has that of its journal.
func TestInstanceOfTheJournal(t *testing.T) {
	dir, first := t.TempDir(), ""
	for range 2 {
		p := begin(t, nil, "--listen", "127.0.0.1:0", "--journal", dir)
		id := p.ready(t)["instance_id"].(string)
		if first != "" && id != first {
			t.Errorf("the instance was %s and is %s", first, id)
		}
		first = id
		p.cancel()
		p.wantExit(t, exitOK)
	}
}

func TestServesOnSeveralAddresses(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--listen", "unix://"+sock)
	tcp, unix, _ := strings.Cut(p.ready(t)["listen"].(string), " ")
	if unix != "unix://"+sock {
		t.Errorf("the socket is announced as %q", unix)
	}
	for _, conn := range []*client{dial(t, "tcp", tcp), dial(t, "unix", sock)} {
		if got := conn.ask(t, "PING\r\n"); got != "+PONG" {
			t.Errorf("got %q, want +PONG", got)
		}
	}
	p.cancel()
	p.wantExit(t, exitOK)
	if _, err := os.Lstat(sock); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestStopsOnSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := begin(t, nil, "--listen", "127.0.0.1:0")
		p.ready(t)
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		p.wantExit(t, exitOK)
	}
}

func TestAbsentRedisDoesNotStopTheStart(t *testing.T) {
	free := freePort(t)
	env := map[string]string{"REDIS_URL": "redis://u:secret@" + free}
	p := begin(t, env, "--listen", "127.0.0.1:0")
	if got := p.ready(t)["redis"]; got != "redis://u:***@"+free {
		t.Errorf("the start-up line names Redis %v", got)
	}
	p.line(t, "Redis cannot be reached")
	p.cancel()
	p.wantExit(t, exitOK)
	if strings.Contains(p.log.String(), "secret") {
		t.Errorf("the password is in the log:\n%s", p.log.String())
	}
}

func TestAbsentSentinelsDoNotStopTheStart(t *testing.T) {
	a, b := freePort(t), freePort(t)
	url := "redis+sentinel://u:secret@" + a + "," + b + "/mymaster?sentinel_password=secret"
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--redis", url)
	if got, want := p.ready(t)["redis"], "redis+sentinel://u:***@"+a+","+b+"/mymaster?sentinel_password=***"; got != want {
		t.Errorf("the start-up line names Redis %v, want %s", got, want)
	}
	p.line(t, "cannot find the master")
	p.cancel()
	p.wantExit(t, exitOK)
	if strings.Contains(p.log.String(), "secret") {
		t.Errorf("a password is in the log:\n%s", p.log.String())
	}
}

func TestSilentRedisDoesNotHoldUpTheStart(t *testing.T) {
	begun := time.Now()
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--redis", "redis://"+silentRedis(t), "--command-timeout", "5s")
	p.ready(t)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("ready after %v, want 1 s", took)
	}
	p.cancel()
	p.wantExit(t, exitOK)
}

func TestSignalEndsAStartThatWaitsForRedis(t *testing.T) {
	silent := silentRedis(t)
	var log logBuffer
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	cfg, err := conf.Load([]string{"--listen", "127.0.0.1:0", "--redis", "redis://" + silent, "--command-timeout", "5s"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_, err = start(t.Context(), cfg, newLogger(cfg, &log), signals)
	if took := time.Since(begun); !errors.As(err, new(interrupted)) || took > startCheck {
		t.Errorf("got %v after %v, want interrupted at once", err, took)
	}
}

func TestDoesNotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	dir := t.TempDir()
	plain := filepath.Join(dir, "file")
	if err := os.WriteFile(plain, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}

	used := t.TempDir()
	log, err := journal.Open(journal.Options{Dir: used}, func(journal.Block) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	for _, tc := range []struct {
		name, args, want string
		code             int
	}{
		{"journal in use", "--listen 127.0.0.1:0 --journal " + used, `journal "` + used + `": it is in use by another process`, exitFailure},
		{"a file where the journal should be", "--listen 127.0.0.1:0 --journal " + plain, `journal "` + plain + `": mkdir ` + plain + `: not a directory`, exitFailure},
		{"wrong flag", "--nope", "unknown flag --nope; --help lists them all", exitUsage},
		{"wrong value", "--partitions 0", `partitions "0" (from --partitions): it is too small; allowed: 1 to 1024`, exitUsage},
		{"surplus argument", "--version extra", `unexpected argument "extra"; settings are given as --name value`, exitUsage},
		{"malformed URL", "--redis redis://:secret@h:x", `redis "redis://***" (from --redis): it is not a URL (special characters in a password are percent-encoded: '/' is %2F); ` +
			`allowed: redis://[user:password@]host[:port][/db], rediss://… with TLS, unix://[user:password@]/path[?db=n], or redis+sentinel://[user:password@]host[:port],…/master[/db]`, exitUsage},
		{"replicas of the embedded Redis", "--wait-replicas 2 --listen 127.0.0.1:0", "wait-replicas 2: the embedded Redis has no replicas; name a Redis with --redis, or leave it at 0", exitFailure},
		{"taken port", "--listen " + port, `listen "` + port + `": the address is already in use; name another with --listen`, exitFailure},
		{"taken second port", "--listen 127.0.0.1:0 --listen " + port, `listen "` + port + `": the address is already in use; name another with --listen`, exitFailure},
		{"no certificate", "--listen 127.0.0.1:0 --tls-cert /no/such --tls-key /no/such", `tls-cert "/no/such": no such file or directory`, exitFailure},
		{"no key", "--listen 127.0.0.1:0 --tls-cert " + plain + " --tls-key /no/such", `tls-key "/no/such": no such file or directory`, exitFailure},
		{"no certificate in it", "--listen 127.0.0.1:0 --tls-cert " + plain + " --tls-key " + plain, `tls-cert "` + plain + `": failed to find any PEM data in certificate input`, exitFailure},
		{"no certificate, checked", "--check-config --tls-cert /no/such --tls-key /no/such", `tls-cert "/no/such": no such file or directory`, exitUsage},
		{"taken admin port", "--listen 127.0.0.1:0 --admin " + port, `admin "` + port + `": the address is already in use; name another with --admin`, exitFailure},
		{"public admin", "--admin :9", `admin ":9" (from --admin): others can reach it, and it asks for no password; allowed: a loopback address, or any with --public`, exitUsage},
		{"taken port with an admin address", "--admin 127.0.0.1:0 --listen " + port, `listen "` + port + `": the address is already in use; name another with --listen`, exitFailure},
		{"a file where the socket should be", "--listen unix://" + plain, `listen "unix://` + plain + `": a file that is no socket is in the way; remove it, or name another path with --listen`, exitFailure},
		{"no directory for the socket", "--listen unix://" + dir + "/no/s", `listen "unix://` + dir + `/no/s": no such file or directory`, exitFailure},
		{"not this machine's address", "--public --listen 192.0.2.1:1", `listen "192.0.2.1:1": cannot assign requested address`, exitFailure},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(tc.args), nil, &stdout, &stderr)
			if want := "distkit-proxy: " + tc.want + "\n"; code != tc.code || stderr.String() != want || stdout.Len() > 0 {
				t.Errorf("exit %d, want %d; stdout %q; stderr\n got %s\nwant %s", code, tc.code, stdout.String(), stderr.String(), want)
			}
		})
	}
	if text, err := os.ReadFile(plain); string(text) != "mine" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

func TestActions(t *testing.T) {
	for args, want := range map[string]string{
		"--help":                        "Usage:\n  distkit-proxy [flags]\n",
		"--version":                     "distkit-proxy " + versionNumber() + " (go",
		"--check-config --partitions 3": "partitions         3 (--partitions)\n",
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(args), nil, &stdout, &stderr)
		if code != exitOK || stderr.Len() > 0 || !strings.Contains(stdout.String(), want) {
			t.Errorf("%s: exit %d, stderr %q, stdout without %q:\n%s", args, code, stderr.String(), want, stdout.String())
		}
	}
}

func TestTextLog(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it starts all the same, and stops at once
	var stderr bytes.Buffer
	if code := run(ctx, []string{"--listen", "127.0.0.1:0"}, nil, io.Discard, &stderr); code != exitOK {
		t.Errorf("exit %d:\n%s", code, stderr.String())
	}
	if want := `redis="` + embeddedNotice + `" namespace=distkit instance_id=`; !strings.Contains(stderr.String(), want) {
		t.Errorf("%q is not in:\n%s", want, stderr.String())
	}
}

// running is a run in the background that logs JSON.
type running struct {
	log    logBuffer
	cancel context.CancelFunc
	exit   chan int
}

func begin(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, exit: make(chan int, 1)}
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	go func() { r.exit <- run(ctx, append(args, "--log-format", "json"), environ, io.Discard, &r.log) }()
	t.Cleanup(cancel)
	return r
}

func (r *running) ready(t *testing.T) map[string]any {
	t.Helper()
	return r.line(t, "distkit-proxy is ready")
}

// line waits for a log line that contains the text.
func (r *running) line(t *testing.T, text string) map[string]any {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		written := r.log.next()
		for line := range strings.Lines(r.log.String()) {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) == nil && strings.Contains(fmt.Sprint(fields["msg"]), text) {
				return fields
			}
		}
		select {
		case <-written:
		case <-deadline.C:
			t.Fatalf("no line with %q in 10 s:\n%s", text, r.log.String())
		}
	}
}

func (r *running) wantExit(t *testing.T, want int) {
	t.Helper()
	select {
	case code := <-r.exit:
		if code != want {
			t.Errorf("exit %d, want %d:\n%s", code, want, r.log.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no end in 20 s:\n%s", r.log.String())
	}
}

// logBuffer is a bytes.Buffer for two goroutines.
type logBuffer struct {
	mu sync.Mutex
	// mu guards the following fields.
	buf     bytes.Buffer
	written chan struct{} // closed by the next write; nil: nobody waits
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.written != nil {
		close(b.written)
		b.written = nil
	}
	return b.buf.Write(p)
}

// next is closed by the next write.
func (b *logBuffer) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.written == nil {
		b.written = make(chan struct{})
	}
	return b.written
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, network, addr string) *client {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

// ask sends bytes and returns one line of the reply.
func (c *client) ask(t *testing.T, send string) string {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatal(err)
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", send, err)
	}
	return strings.TrimSpace(line)
}

// silentRedis accepts connections until the end of the test and never answers.
func silentRedis(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-ended
		for _, conn := range conns {
			conn.Close()
		}
	})
	return ln.Addr().String()
}

// freePort is an address on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
