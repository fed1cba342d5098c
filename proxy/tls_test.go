package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// newTLSRig is a rig whose clients speak TLS.
func newTLSRig(t *testing.T, change func(*Options)) (*rig, *tls.Config) {
	server, client := tlsConfigs(t)
	r := newRig(t, func(o *Options) {
		o.TLS = server
		if change != nil {
			change(o)
		}
	})
	return r, client
}

// tlsClient connects to the server with TLS.
func (r *rig) tlsClient(conf *tls.Config) *wire {
	r.t.Helper()
	conn, err := tls.Dial("tcp", r.addr, conf)
	if err != nil {
		r.t.Fatal(err)
	}
	return newWire(r.t, conn)
}

func TestTLSClient(t *testing.T) {
	r, conf := newTLSRig(t, nil)
	c := r.tlsClient(conf)
	c.send("DKC.INC k", "GET a", "DKC.GET k", "QUIT")
	up := r.redis.accept()
	up.gets("GET a")
	up.send("+a")
	c.expect(":1", "+a", ":1", "+OK")
	c.ends()
	eventually(t, "all is given back", func() bool { return r.srv.metrics.tlsSockets.Load() == 0 && r.srv.metrics.clients.Load() == 0 })

	plain := r.client() // who speaks no TLS is not served
	plain.send("PING")
	if reply, _ := io.ReadAll(plain.r); strings.Contains(string(reply), "PONG") {
		t.Errorf("plain: %q", reply)
	}
}

func TestUnixSocketsStayPlain(t *testing.T) {
	r, _ := newTLSRig(t, nil)
	ln, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	go r.srv.Serve(ln)
	conn, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newWire(t, conn)
	c.send("DKC.GET k")
	c.expect(":0")
}

// As without TLS, a client may write its whole pipeline before it reads.
func TestTLSClientThatReadsOnlyWhenAllIsWritten(t *testing.T) {
	r, conf := newTLSRig(t, nil)
	const n = 6_000
	value := strings.Repeat("v", 2000)
	go func() {
		up := r.redis.accept()
		for range n {
			up.expect("*2", "$4", "ECHO", fmt.Sprintf("$%d", len(value)), value)
			up.send(fmt.Sprintf("$%d", len(value)), value)
		}
	}()
	c := r.tlsClient(conf)
	w := bufio.NewWriter(c.Conn)
	for range n {
		w.Write(appendCommand(nil, "ECHO", value))
		io.WriteString(w, "DKC.INC k\r\n")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.expect(fmt.Sprintf("$%d", len(value)), value, fmt.Sprintf(":%d", i+1))
	}
	eventually(t, "only what TLS keeps for its records is held", func() bool { return r.srv.budget.used.Load() <= keptOfBigRecords })
}

// keptOfBigRecords bounds what TLS keeps for a client that has sent records as
// big as they may be.
const keptOfBigRecords = 20 << 10

// A client that leaves while its command runs is noticed, with a word or without,
// and also behind what nobody reads.
func TestTLSClientThatLeavesWhileItsCommandRuns(t *testing.T) {
	for name, leave := range map[string]func(*tls.Conn){
		"close":          func(c *tls.Conn) { c.Close() },
		"without a word": func(c *tls.Conn) { c.NetConn().Close() },
		"its side alone": func(c *tls.Conn) { c.CloseWrite() },
		"after much more": func(c *tls.Conn) {
			go io.WriteString(c, strings.Repeat("PING\r\n", 1<<20))
			c.NetConn().(*net.TCPConn).CloseWrite()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, conf := newTLSRig(t, nil)
			c := r.tlsClient(conf)
			c.send("BLPOP q 0")
			up := r.redis.accept()
			up.gets("BLPOP q 0")
			leave(c.Conn.(*tls.Conn))
			up.ends()
			eventually(t, "the slot is free", func() bool {
				return r.srv.metrics.clients.Load() == 0 && r.srv.metrics.tlsSockets.Load() == 0
			})
		})
	}
}

// Protocol errors reach a client that goes on sending.
func TestTLSClientIsToldOfAViolation(t *testing.T) {
	r, conf := newTLSRig(t, nil)
	c := r.tlsClient(conf)
	c.raw("DKC.GET k\r\n*1\r\n:1\r\n" + strings.Repeat("x", 100_000))
	c.expect(":0", "-ERR Protocol error: expected '$', got ':'")
	c.ends()
}

// A client that holds too much is closed, and with it all that TLS needs.
func TestTLSClientIsEvicted(t *testing.T) {
	r, conf := newTLSRig(t, func(o *Options) { o.ClientMemory = 1 << 20 })
	c := r.tlsClient(conf)
	go io.WriteString(c.Conn, "*2\r\n$8\r\nDKC.MGET\r\n$4194304\r\n"+strings.Repeat("x", 4<<20))
	eventually(t, "it is closed", func() bool {
		return r.srv.metrics.clientsEvicted.Load() == 1 && r.srv.metrics.clients.Load() == 0 && r.srv.metrics.tlsSockets.Load() == 0
	})
}

// Those who begin a handshake and say no more take no client's place, and keep
// nobody out; more than so many there never are.
func TestSilentHandshakes(t *testing.T) {
	r, conf := newTLSRig(t, func(o *Options) { o.MaxClients = 1 })
	var silent []*wire
	for i := range maxHandshakes + 50 {
		c := r.client()
		if i%2 == 0 {
			c.raw("\x16\x03\x01\x40\x00\x01") // the beginning of a hello
		}
		silent = append(silent, c)
	}
	eventually(t, "as many as may be", func() bool { return r.srv.metrics.tlsSockets.Load() == maxHandshakes })
	c := r.tlsClient(conf)
	c.send("DKC.GET k")
	c.expect(":0")
	silent[0].ends() // it had to go for a later one
	if n := r.srv.metrics.clients.Load(); n != 1 {
		t.Errorf("%d clients", n)
	}
	more := r.tlsClient(conf)
	more.expect(strings.TrimSpace(errMaxClients))
	more.ends()
	for _, c := range silent {
		c.Close()
	}
}

// What TLS keeps for a client is in its account before TLS makes room for it: a
// header alone has it do so.
func TestTLSRecordsAreCounted(t *testing.T) {
	r, conf := newTLSRig(t, func(o *Options) { o.ClientMemory = 5 * keptOfBigRecords / 2 })
	begun := func() *wire {
		c := r.tlsClient(conf)
		c.send("DKC.GET k")
		c.expect(":0")
		io.WriteString(c.Conn.(*tls.Conn).NetConn(), "\x17\x03\x03\x40\x10")
		return c
	}
	first := begun()
	eventually(t, "it is counted", func() bool {
		used := r.srv.budget.used.Load()
		return used > 16<<10 && used <= keptOfBigRecords
	})
	first.Close()
	eventually(t, "it is given back", func() bool { return r.srv.budget.used.Load() == 0 })
	for range 3 {
		begun()
	}
	eventually(t, "one has to go", func() bool { return r.srv.metrics.clientsEvicted.Load() == 1 && r.srv.metrics.clients.Load() == 2 })
}

// A handshake has an end.
func TestTLSWithoutData(t *testing.T) {
	r, _ := newTLSRig(t, nil)
	c := r.client()
	c.raw("\x16\x03\x01\x40\x00\x01\x00\xff\xf0" + strings.Repeat("x", 16<<10-4)) // a hello of 64 KB
	for range 2 {
		c.raw("\x16\x03\x01\x40\x00" + strings.Repeat("x", 16<<10))
	}
	if _, err := io.ReadAll(c.r); isTimeout(err) {
		t.Error("still open")
	}
}

// A client that speaks TLS takes the place of two.
func TestTLSClientsCountForTwo(t *testing.T) {
	r, conf := newTLSRig(t, func(o *Options) { o.MaxClients = 4 })
	served := func(c *wire) bool {
		c.send("DKC.GET k")
		line, _ := c.r.ReadString('\n')
		return line == ":0\r\n"
	}
	first, second, third := r.tlsClient(conf), r.tlsClient(conf), r.tlsClient(conf)
	if !served(first) || !served(second) {
		t.Error("not served while there are places")
	}
	third.expect(strings.TrimSpace(errMaxClients))
	third.ends()
	first.Close()
	eventually(t, "its place is free", func() bool {
		c := r.tlsClient(conf)
		defer c.Close()
		return served(c)
	})
}

// Where descriptors are short handshakes count too.
func TestHandshakesNeedDescriptors(t *testing.T) {
	r, conf := newTLSRig(t, func(o *Options) { o.MaxSockets = 5 })
	first := r.tlsClient(conf)
	first.send("DKC.GET k")
	first.expect(":0")
	r.client() // silent
	eventually(t, "its handshake has begun", func() bool { return r.srv.metrics.tlsSockets.Load() == 3 })
	second := r.client()
	eventually(t, "its handshake has begun", func() bool { return r.srv.metrics.tlsSockets.Load() == 4 })
	r.client().ends()
	second.Close()
	eventually(t, "its place is free", func() bool { return r.srv.metrics.tlsSockets.Load() == 3 })
}

// A subscriber gets its pushes, and both ends go when the client does.
func TestTLSSubscriber(t *testing.T) {
	r, conf := newTLSRig(t, nil)
	c := r.tlsClient(conf)
	c.send("SUBSCRIBE ch")
	up := r.redis.accept()
	up.gets("SUBSCRIBE ch")
	big := strings.Repeat("m", 1<<20)
	up.send("*3", "$9", "subscribe", "$2", "ch", ":1", "*3", "$7", "message", "$2", "ch", fmt.Sprintf("$%d", len(big)), big)
	c.expect("*3", "$9", "subscribe", "$2", "ch", ":1", "*3", "$7", "message", "$2", "ch", fmt.Sprintf("$%d", len(big)), big)
	c.Close()
	up.ends()
}
