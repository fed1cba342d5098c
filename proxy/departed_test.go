package proxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A client that sends ahead and stays is served.
func TestBlockedClientThatSendsAheadStays(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("BLPOP q 0")
	up := r.redis.accept()
	up.gets("BLPOP q 0")
	c.send("PING")
	from, quick := r.srv.watch.round.Load(), r.srv.blocked.round.Load()
	eventually(t, "the watch has looked", func() bool { return r.srv.watch.round.Load() >= from+3 && r.srv.blocked.round.Load() >= quick+3 })
	up.send("*-1")
	up.gets("PING")
	up.send("+PONG")
	c.expect("*-1", "+PONG")
}

// A client that leaves while it is blocked is not waited for by the watch on all,
// and looked for only while there is one.
func TestBlockedClientThatLeaves(t *testing.T) {
	r := newRig(t, nil)
	r.srv.watch.armed.Store(true) // as if it ran: it never does
	for _, cmd := range []string{"BLPOP q 0", "XREADGROUP GROUP g me BLOCK 0 STREAMS s >", "bzpopmin z 0", "WAIT 1 0"} {
		c := r.client()
		c.send("GET a", cmd)
		up := r.redis.accept()
		up.gets("GET a", cmd)
		up.send("$-1")
		c.expect("$-1")
		c.Close()
		up.ends()
	}
	eventually(t, "nobody is looked for", func() bool { return !r.srv.blocked.armed.Load() })

	slow := r.client() // has ended its side, and is answered
	slow.send("DEBUG SLEEP 1")
	up := r.redis.accept()
	up.gets("DEBUG SLEEP 1")
	slow.Conn.(interface{ CloseWrite() error }).CloseWrite()
	blocked := r.client()
	blocked.send("BLPOP q 0")
	other := r.redis.accept()
	other.gets("BLPOP q 0")
	from := r.srv.blocked.round.Load()
	eventually(t, "it has been looked", func() bool { return r.srv.blocked.round.Load() >= from+3 })
	up.send("+OK")
	slow.expect("+OK")
	other.send("*-1")
	blocked.expect("*-1")
}

func TestPumpedClientThatLeavesWhileRedisIsFrozen(t *testing.T) {
	redisSide := make(chan net.Conn, 1)
	r := newRig(t, func(o *Options) {
		o.Redis.Dialer = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs, err := socketPair()
			if err == nil {
				redisSide <- theirs
			}
			return ours, err
		}
	})
	c := r.client()
	c.send("SUBSCRIBE ch")
	up := newWire(t, <-redisSide)
	up.gets("SUBSCRIBE ch")
	c.raw(string(appendCommand(nil, "PING", strings.Repeat("x", 4<<20)))) // more than the sockets hold
	c.send("PING")
	c.Close()
	eventually(t, "connection and slot are free", func() bool {
		return r.srv.metrics.clients.Load() == 0 && r.srv.metrics.upstreams.Load() == 0
	})
}

// The next command after the end of an idle connection goes over a new one.
func TestIdleTLSConnectionThatRedisCloses(t *testing.T) {
	for name, end := range map[string]func(*tls.Conn) error{"close": (*tls.Conn).Close, "close_notify alone": (*tls.Conn).CloseWrite} {
		t.Run(name, func(t *testing.T) {
			server, client := tlsConfigs(t)
			r := newRig(t, func(o *Options) { o.Redis.TLSConfig = client })
			c := r.client()
			for range 3 {
				c.send("GET a")
				conn := tls.Server(r.redis.accept(), server)
				up := newWire(t, conn)
				for range 2 {
					up.gets("GET a")
					up.send("$-1")
					c.expect("$-1")
					c.send("GET a")
				}
				up.gets("GET a")
				up.send("$-1")
				c.expect("$-1")
				if err := end(conn); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestUsableTLS(t *testing.T) {
	up, redisSide, _ := tlsUpstream(t)
	eventually(t, "a session ticket is unread", func() bool { return peek(up.conn) == peerSent })
	if !up.usable() {
		t.Fatal("a session ticket looks like the end")
	}
	if got := peek(up.conn); got != peerQuiet || up.pending() {
		t.Errorf("after the ticket: %d, pending %v", got, up.pending())
	}
	if up.buf != nil {
		t.Error("an idle connection keeps its buffer")
	}
	redisSide.send("+PONG") // the deadlines have spoilt nothing
	readReply(t, up, "+PONG\r\n")

	redisSide.send(">1", "+a")
	eventually(t, "the push is read", func() bool { return up.usable() && up.pending() })
	redisSide.send("+PONG")
	readReply(t, up, ">1\r\n+a\r\n")
	readReply(t, up, "+PONG\r\n")

	redisSide.send("+x")
	eventually(t, "a reply that nobody waits for spoils it", func() bool { return !up.usable() })
}

// The end may come with the last reply: then nothing of it is left in the socket.
func TestUsableTLSWhenTheEndWasReadWithAReply(t *testing.T) {
	up, redisSide, held := tlsUpstream(t)
	held.hold()
	redisSide.send("+PONG")
	if err := redisSide.Conn.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	held.flush(t)
	readReply(t, up, "+PONG\r\n")
	if got := peek(up.conn); got != peerQuiet {
		t.Fatalf("raw connection: %d", got)
	}
	if up.usable() {
		t.Error("the end was not seen")
	}
}

// readReply takes the next reply off the connection.
func readReply(t *testing.T, up *upstream, want string) {
	t.Helper()
	var got []byte
	for done := false; !done; {
		if !up.pending() {
			if err := up.fill(); err != nil {
				t.Fatal(err)
			}
		}
		var piece []byte
		var err error
		if piece, done, err = up.scan(); err != nil {
			t.Fatal(err)
		}
		got = append(got, piece...)
	}
	up.fr.reset()
	up.release()
	if string(got) != want {
		t.Fatalf("read %q, want %q", got, want)
	}
}

// tlsUpstream is a private connection over which a PING was sent, its other
// end, and what that writes through.
func tlsUpstream(t *testing.T) (*upstream, *wire, *heldConn) {
	t.Helper()
	server, client := tlsConfigs(t)
	fake := newFakeRedis(t)
	var m metrics
	var bufs bufferPool
	d := dialer{opts: &redis.Options{Addr: fake.addr(), TLSConfig: client}, bufs: &bufs, m: &m, heard: func() {}}
	type dialed struct {
		up  *upstream
		err error
	}
	done := make(chan dialed, 1)
	go func() {
		up, err := d.dial(context.Background())
		done <- dialed{up, err}
	}()
	held := &heldConn{Conn: fake.accept().Conn}
	conn := tls.Server(held, server)
	redisSide := newWire(t, conn)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	t.Cleanup(got.up.close)
	if err := got.up.write([][]byte{appendCommand(nil, "PING")}); err != nil {
		t.Fatal(err)
	}
	redisSide.gets("PING")
	return got.up, redisSide, held
}

// heldConn can hold back what is written, to send it in one piece.
type heldConn struct {
	net.Conn
	mu      sync.Mutex // guards the following fields
	holding bool
	held    []byte
}

func (h *heldConn) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = true
}

func (h *heldConn) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holding {
		h.held = append(h.held, p...)
		return len(p), nil
	}
	return h.Conn.Write(p)
}

func (h *heldConn) flush(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.Conn.SetWriteDeadline(time.Time{}) // tls has set one behind its last word
	if _, err := h.Conn.Write(h.held); err != nil {
		t.Fatal(err)
	}
	h.holding, h.held = false, nil
}

// tlsConfigs trust each other. Session tickets are in use.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	client = &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	return server, client
}
