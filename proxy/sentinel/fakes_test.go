package sentinel

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSentinel names whatever master a test wants.
type fakeSentinel struct {
	t   testing.TB
	srv *server.Server

	mu sync.Mutex
	// mu guards the following fields.
	addr  string // the master's
	epoch int
	asked int
	noACL bool // SENTINEL MASTER is denied
	subs  map[*server.Peer]struct{}
}

func startSentinel(t testing.TB, master string, epoch int, cfg *tls.Config) *fakeSentinel {
	t.Helper()
	f := &fakeSentinel{t: t, srv: startServer(t, cfg), addr: master, epoch: epoch, subs: make(map[*server.Peer]struct{})}
	f.srv.Register("SENTINEL", func(c *server.Peer, _ string, args []string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch sub := strings.ToLower(args[0]); {
		case args[1] != "mymaster":
			c.WriteError("ERR No such master with that name")
		case sub == "master" && f.noACL:
			c.WriteError("NOPERM no")
		case sub == "master":
			c.WriteStrings([]string{"name", "mymaster", "config-epoch", strconv.Itoa(f.epoch)})
		default:
			f.asked++
			host, port, _ := net.SplitHostPort(f.addr)
			c.WriteStrings([]string{host, port})
		}
	})
	f.srv.Register("SUBSCRIBE", func(c *server.Peer, _ string, args []string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.subs[c] = struct{}{}
		c.OnDisconnect(func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.subs, c)
		})
		for i, name := range args {
			c.WriteLen(3)
			c.WriteBulk("subscribe")
			c.WriteBulk(name)
			c.WriteInt(i + 1)
		}
	})
	return f
}

func (f *fakeSentinel) address() string { return f.srv.Addr().String() }

// name changes the master without saying so to those who listen.
func (f *fakeSentinel) name(addr string, epoch int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addr, f.epoch = addr, epoch
}

// say publishes to all that listen, once there are any.
func (f *fakeSentinel) say(channel, text string) {
	f.t.Helper()
	eventually(f.t, "somebody listens", func() bool { return f.listeners() > 0 })
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.subs {
		c.Block(func(w *server.Writer) {
			w.WriteStrings([]string{"message", channel, text})
			w.Flush()
		})
	}
}

func (f *fakeSentinel) listeners() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs)
}

func (f *fakeSentinel) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// startRedis starts a server that answers ROLE as the given raw reply says.
func startRedis(t testing.TB, role string, cfg *tls.Config) *server.Server {
	t.Helper()
	srv := startServer(t, cfg)
	srv.Register("ROLE", func(c *server.Peer, _ string, _ []string) { c.WriteRaw(role) })
	srv.Register("PING", func(c *server.Peer, _ string, _ []string) { c.WriteInline("PONG") })
	return srv
}

func startServer(t testing.TB, cfg *tls.Config) *server.Server {
	t.Helper()
	start := server.NewServer
	if cfg != nil {
		start = func(addr string) (*server.Server, error) { return server.NewServerTLS(addr, cfg) }
	}
	srv, err := start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// Replies to ROLE.
const (
	master  = "*3\r\n$6\r\nmaster\r\n:100\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n$3\r\n100\r\n"
	replica = "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:100\r\n"
)

// follow starts a Master that asks the given Sentinels.
func follow(t testing.TB, cfg *tls.Config, sentinels ...*fakeSentinel) *Master {
	t.Helper()
	opts := Options{Master: "mymaster", TLS: cfg}
	for _, f := range sentinels {
		opts.Addrs = append(opts.Addrs, f.address())
	}
	m := New(opts)
	t.Cleanup(m.Close)
	return m
}

// mustDial dials and tells where the connection leads.
func mustDial(t testing.TB, m *Master) (conn net.Conn, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := m.Dial(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.RemoteAddr().String()
}

// ping asks over a connection and returns the answer, or "".
func ping(conn net.Conn) string {
	buf := make([]byte, 64)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return ""
	}
	n, _ := conn.Read(buf)
	return string(buf[:n])
}

// eventually polls until check holds, and fails the test if that takes too long.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not in time: %s", what)
		}
	}
}
