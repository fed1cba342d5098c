package sentinel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func TestDialsTheMaster(t *testing.T) {
	for name, role := range map[string]string{
		"a master":                   master,
		"one that wants a password":  "-NOAUTH Authentication required.\r\n",
		"one that does not tell us":  "-NOPERM this user has no permissions\r\n",
		"a master without a replica": "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t, role, nil)
			m := follow(t, nil, startSentinel(t, r.Addr().String(), 1, nil))
			conn, addr := mustDial(t, m)
			if addr != r.Addr().String() {
				t.Errorf("leads to %s, want %s", addr, r.Addr())
			}
			if got := ping(conn); got != "+PONG\r\n" {
				t.Errorf("PING: %q", got)
			}
		})
	}
}

// What Sentinel still names although it has stepped down is not taken.
func TestAsksAgainWhereTheServerIsNoMaster(t *testing.T) {
	old, now := startRedis(t, replica, nil), startRedis(t, master, nil)
	s := startSentinel(t, old.Addr().String(), 1, nil)
	m := follow(t, nil, s)
	dialled := make(chan string, 1)
	go func() {
		conn, err := m.Dial(t.Context(), "", "")
		if err != nil {
			dialled <- err.Error()
			return
		}
		defer conn.Close()
		dialled <- conn.RemoteAddr().String()
	}()
	eventually(t, "it is asked again", func() bool { return s.questions() >= 3 })
	s.name(now.Addr().String(), 2)
	if got := <-dialled; got != now.Addr().String() {
		t.Errorf("got %s, want %s", got, now.Addr())
	}
}

func TestMoveClosesConnectionsToTheFormerMaster(t *testing.T) {
	for channel, text := range map[string]string{
		switched: "mymaster 127.0.0.1 1 127.0.0.1 2",
		promoted: "master mymaster 127.0.0.1 1",
	} {
		t.Run(channel, func(t *testing.T) {
			old, now := startRedis(t, master, nil), startRedis(t, master, nil)
			s := startSentinel(t, old.Addr().String(), 1, nil)
			m := follow(t, nil, s)
			conn, _ := mustDial(t, m)
			s.say(channel, "master other 127.0.0.1 1")
			if got := ping(conn); got != "+PONG\r\n" {
				t.Errorf("another master's move: %q", got)
			}
			s.name(now.Addr().String(), 2)
			s.say(channel, text)
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection ended with %v, want that it is closed", err)
			}
			if _, addr := mustDial(t, m); addr != now.Addr().String() {
				t.Errorf("the next leads to %s, want %s", addr, now.Addr())
			}
		})
	}
}

// With one Sentinel gone the others are asked and listened to, and it is again
// once it is back.
func TestSentinelGoesAndAnotherIsAsked(t *testing.T) {
	old, now := startRedis(t, master, nil), startRedis(t, master, nil)
	a, b := startSentinel(t, old.Addr().String(), 1, nil), startSentinel(t, old.Addr().String(), 1, nil)
	m := follow(t, nil, a, b)
	conn, _ := mustDial(t, m)
	a.srv.Close()
	b.name(now.Addr().String(), 2)
	b.say(switched, "mymaster 127.0.0.1 1 127.0.0.1 2")
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection ended with %v, want that it is closed", err)
	}
	if _, addr := mustDial(t, m); addr != now.Addr().String() {
		t.Errorf("the next leads to %s, want %s", addr, now.Addr())
	}
}

// A Sentinel that was cut off during a failover is not believed, whichever is
// asked first.
func TestOlderConfigurationIsNotTaken(t *testing.T) {
	old, now := startRedis(t, master, nil), startRedis(t, master, nil)
	behind, informed := startSentinel(t, old.Addr().String(), 1, nil), startSentinel(t, now.Addr().String(), 2, nil)
	m := follow(t, nil, informed, behind)
	conn, addr := mustDial(t, m)
	if addr != now.Addr().String() {
		t.Fatalf("leads to %s, want %s", addr, now.Addr())
	}
	asked := behind.questions()
	behind.say(switched, "mymaster 127.0.0.1 2 127.0.0.1 1")
	eventually(t, "it is asked", func() bool { return behind.questions() > asked })
	if got := ping(conn); got != "+PONG\r\n" {
		t.Errorf("on the word of a Sentinel that is behind, the connection was closed: %q", got)
	}
	if _, addr := mustDial(t, m); addr != now.Addr().String() {
		t.Errorf("the next leads to %s, want %s", addr, now.Addr())
	}
	// But when most have begun anew, that is so.
	informed.name(old.Addr().String(), 0)
	m.doubt("")
	if _, addr := mustDial(t, m); addr != old.Addr().String() {
		t.Errorf("after a reset it leads to %s, want %s", addr, old.Addr())
	}
}

func TestSentinelThatHidesItsConfigurationIsBelieved(t *testing.T) {
	r := startRedis(t, master, nil)
	s := startSentinel(t, r.Addr().String(), 1, nil)
	s.noACL = true
	if _, addr := mustDial(t, follow(t, nil, s)); addr != r.Addr().String() {
		t.Errorf("leads to %s, want %s", addr, r.Addr())
	}
}

// Nothing was sent, and whoever asks can tell that.
func TestFailuresAreDialErrors(t *testing.T) {
	dead := startSentinel(t, "127.0.0.1:1", 1, nil)
	dead.srv.Close()
	other := New(Options{Addrs: []string{startSentinel(t, "127.0.0.1:1", 1, nil).address()}, Master: "other"})
	defer other.Close()
	closed := New(Options{Addrs: []string{"127.0.0.1:1"}, Master: "mymaster"})
	closed.Close()
	for name, m := range map[string]*Master{
		"no Sentinel":        follow(t, nil, dead),
		"another's Sentinel": other,
		"no Redis":           follow(t, nil, startSentinel(t, "127.0.0.1:1", 1, nil)),
		"never a master":     follow(t, nil, startSentinel(t, startRedis(t, replica, nil).Addr().String(), 1, nil)),
		"no reply to ROLE":   follow(t, nil, startSentinel(t, startRedis(t, "+OK", nil).Addr().String(), 1, nil)),
		"closed":             closed,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		conn, err := m.Dial(ctx, "", "")
		cancel()
		var op *net.OpError
		if conn != nil || !errors.As(err, &op) || op.Op != "dial" {
			t.Errorf("%s: got %v, want an error of a dial", name, err)
		}
	}
}

// Many that need a connection at once share a question.
func TestQuestionsAreShared(t *testing.T) {
	r := startRedis(t, master, nil)
	s := startSentinel(t, r.Addr().String(), 1, nil)
	m := follow(t, nil, s)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if conn, err := m.Dial(t.Context(), "", ""); err != nil {
				t.Error(err)
			} else {
				conn.Close()
			}
		})
	}
	wg.Wait()
	if n := s.questions(); n > 10 {
		t.Errorf("50 connections needed %d questions", n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.conns); n != 0 {
		t.Errorf("%d connections are remembered after they were closed", n)
	}
}

func TestCloseClosesConnections(t *testing.T) {
	r := startRedis(t, master, nil)
	m := follow(t, nil, startSentinel(t, r.Addr().String(), 1, nil))
	conn, _ := mustDial(t, m)
	m.Close()
	if got := ping(conn); got != "" {
		t.Errorf("a connection is left: %q", got)
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	defer web.Close()
	ours := &tls.Config{Certificates: web.TLS.Certificates}
	r := startRedis(t, master, ours)
	s := startSentinel(t, r.Addr().String(), 1, ours)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	conn, _ := mustDial(t, follow(t, &tls.Config{RootCAs: roots}, s))
	if got := ping(conn); got != "+PONG\r\n" {
		t.Errorf("PING: %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if conn, err := follow(t, &tls.Config{RootCAs: x509.NewCertPool()}, s).Dial(ctx, "", ""); err == nil {
		conn.Close()
		t.Error("a certificate of nobody's is taken")
	}
}

func TestRepliesToROLE(t *testing.T) {
	for reply, good := range map[string]bool{
		master: true, replica: false, "-ERR x\r\n": true,
		"": false, "*": false, "*3\r\n": false, "*3\r\n$6\r\nmast": false, "$-1\r\n": false, "*-1\r\n": false,
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n": false, "*999999999\r\n": false, "$999999999\r\n": false, "!x\r\n": false, "\r\n": false,
	} {
		near, far := net.Pipe()
		go func() {
			far.Read(make([]byte, 64))
			far.Write([]byte(reply))
			far.Close()
		}()
		if err := askRole(near); (err == nil) != good {
			t.Errorf("%q: %v", reply, err)
		}
		near.Close()
	}
}
