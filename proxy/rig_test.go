package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// rig is a server whose private connections go to a Redis that the test plays
// itself, and whose engine has an embedded one.
type rig struct {
	t     *testing.T
	srv   *Server
	addr  string
	redis *fakeRedis
}

// newRig starts a server that takes its Redis for one that demands no
// authentication; change may alter its options.
func newRig(t *testing.T, change func(*Options)) *rig { return newRigOf(t, false, change) }

// newAuthRig starts one that asks the Redis of the test whether it demands
// authentication, with a PING on a connection of its own, and again only once
// that answer has been made to expire.
func newAuthRig(t *testing.T) *rig { return newRigOf(t, true, nil) }

func newRigOf(t *testing.T, asksDemand bool, change func(*Options)) *rig {
	t.Helper()
	fake := newFakeRedis(t)
	opts := Options{Engine: testEngine(t), Redis: &redis.Options{Addr: fake.addr()}}
	if change != nil {
		change(&opts)
	}
	srv, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.demand.never, srv.demand.age = !asksDemand, time.Hour
	srv.acl = nil // see newACLRig
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return &rig{t: t, srv: srv, addr: ln.Addr().String(), redis: fake}
}

// testEngine is an engine over an embedded Redis of its own.
func testEngine(t testing.TB) *engine.Engine {
	t.Helper()
	return startEngine(t, engine.Options{Redis: testEmbedded(t).RedisOptions(), InstanceID: "test"})
}

// startEngine makes an engine and closes it, with nothing lost, when the test is over.
func startEngine(t testing.TB, opts engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if lost, err := e.Close(ctx); err != nil || len(lost) > 0 {
			t.Errorf("close the engine: %v, lost %v", err, lost)
		}
	})
	return e
}

func testEmbedded(t testing.TB) *Embedded {
	t.Helper()
	emb, err := NewEmbedded(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(emb.Close)
	return emb
}

// wire is one end of a connection in a test.
type wire struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func newWire(t *testing.T, conn net.Conn) *wire {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, Conn: conn, r: bufio.NewReader(conn)}
}

// client connects to the server.
func (r *rig) client() *wire {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	return newWire(r.t, conn)
}

// send writes lines, each with CRLF.
func (w *wire) send(lines ...string) {
	w.t.Helper()
	w.raw(strings.Join(lines, "\r\n") + "\r\n")
}

func (w *wire) raw(s string) {
	w.t.Helper()
	if _, err := io.WriteString(w.Conn, s); err != nil {
		w.t.Fatal(err)
	}
}

// expect reads exactly these lines, each with CRLF.
func (w *wire) expect(lines ...string) {
	w.t.Helper()
	want := strings.Join(lines, "\r\n") + "\r\n"
	w.SetDeadline(time.Now().Add(patience)) // for each wait, not for all of a long test
	got := make([]byte, len(want))
	n, err := io.ReadFull(w.r, got)
	if string(got[:n]) != want {
		w.t.Fatalf("read %.2000q, %d bytes (%v), want %.2000q", got[:n], n, err, want)
	}
}

// gets reads exactly these commands, as the proxy sends them to Redis.
func (w *wire) gets(inline ...string) {
	w.t.Helper()
	for _, line := range inline {
		w.expect(strings.TrimSuffix(string(appendCommand(nil, strings.Fields(line)...)), "\r\n"))
	}
}

// ends expects the end of the stream.
func (w *wire) ends() {
	w.t.Helper()
	rest, err := io.ReadAll(w.r)
	if isTimeout(err) {
		w.t.Fatalf("still open after %q", rest)
	}
	if len(rest) > 0 {
		w.t.Fatalf("read %q before the end", rest)
	}
}

// hears reports whether something was sent so far.
func (w *wire) hears() bool {
	w.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
	_, err := w.r.Peek(1)
	w.SetDeadline(time.Now().Add(patience))
	return err == nil
}

// silent expects that nothing was sent so far.
func (w *wire) silent() {
	w.t.Helper()
	w.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if b, err := w.r.Peek(1); err == nil {
		w.t.Fatalf("read %q, want nothing yet", b)
	}
	w.SetDeadline(time.Now().Add(patience))
}

// fakeRedis is a listener where the test plays Redis.
type fakeRedis struct {
	t  *testing.T
	ln net.Listener
}

func newFakeRedis(t *testing.T) *fakeRedis {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &fakeRedis{t: t, ln: ln}
}

func (f *fakeRedis) addr() string { return f.ln.Addr().String() }

// accept waits for a private connection.
func (f *fakeRedis) accept() *wire {
	f.t.Helper()
	f.ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := f.ln.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	return newWire(f.t, conn)
}

// tryAccept returns a private connection that is there already, or nil.
func (f *fakeRedis) tryAccept() *wire {
	f.ln.(*net.TCPListener).SetDeadline(time.Now().Add(2 * time.Millisecond))
	conn, err := f.ln.Accept()
	if err != nil {
		return nil
	}
	return newWire(f.t, conn)
}

// eventually polls until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.NewTimer(patience)
	defer tick.Stop()
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("timeout: %s", what)
		}
	}
}
