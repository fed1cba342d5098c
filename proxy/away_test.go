package proxy

import (
	"context"
	"net"
	"strings"
	"testing"
)

// onAway runs a test for each way in which Redis cannot be reached.
func onAway(t *testing.T, run func(t *testing.T, r *rig)) {
	t.Run("refused", func(t *testing.T) {
		r := newRig(t, nil)
		r.redis.ln.Close()
		run(t, r)
	})
	t.Run("accepted and closed", func(t *testing.T) {
		run(t, newRig(t, func(o *Options) { o.Redis.Dialer = dialDead }))
	})
	t.Run("closed at the first byte", func(t *testing.T) {
		r := newRig(t, nil)
		go func() {
			for {
				conn, err := r.redis.ln.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 1))
				conn.Close()
			}
		}()
		run(t, r)
	})
}

// dialDead connects to a forwarder that accepts and closes.
func dialDead(context.Context, string, string) (net.Conn, error) {
	ours, theirs, err := socketPair()
	if err == nil {
		theirs.Close()
	}
	return ours, err
}

func TestSetUpWhileRedisIsAway(t *testing.T) {
	onAway(t, func(t *testing.T, r *rig) {
		c := r.client()
		no := strings.TrimSpace(errNoRedis)
		c.send("HELLO 3")
		if got := c.reply(); !strings.HasPrefix(got, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n") {
			t.Errorf("HELLO 3: %q", got)
		}
		for _, tc := range []struct{ send, want string }{
			{"CLIENT SETNAME n", "+OK"},
			{"client setinfo LIB-NAME l", "+OK"},
			{"CLIENT SETINFO lib-ver 1", "+OK"},
			{"CLIENT NO-EVICT on", "+OK"},
			{"CLIENT NO-TOUCH OFF", "+OK"},
			{"SELECT 0", "+OK"},
			{"DKC.INC k", ":1"},
			{"CLIENT SETNAME \"a b\"", strings.TrimSpace(errClientName)},
			{"CLIENT NO-EVICT maybe", no},
			{"CLIENT SETINFO NOPE x", no},
			{"CLIENT SETNAME " + strings.Repeat("x", maxSetup), no},
			{"CLIENT MAINT_NOTIFICATIONS on", "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."},
			{"CLIENT ID", no},
			{"SELECT 1", no},
			{"AUTH p", no},
			{"HELLO 3 AUTH u p", no},
			{"READONLY", no},
			{"HELLO 4", strings.TrimSpace(errNoProto)},
			{"HELLO x", strings.TrimSpace(errHelloVersion)},
			{"HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'"},
			{"HELLO 3 SETNAME \"a b\"", strings.TrimSpace(errClientName)},
			{"GET a", no},
			{"PING", no},
			{"INFO", no},
			{"COMMAND COUNT", no},
			{"DKC.INC k", ":2"},
		} {
			c.send(tc.send)
			c.expect(tc.want)
		}
		c.send("HELLO")
		if got := c.reply(); !strings.Contains(got, "proto\r\n:3\r\n") {
			t.Errorf("HELLO: %q", got)
		}
	})
}

// A client that writes everything in one go is served no worse.
func TestPipelineWithSetUpWhileRedisIsAway(t *testing.T) {
	onAway(t, func(t *testing.T, r *rig) {
		c := r.client()
		no := strings.TrimSpace(errNoRedis)
		for range 3 {
			c.send("CLIENT SETNAME n", "DKC.INC k 0", "CLIENT SETINFO LIB-NAME l", "GET a", "AUTH p", "MULTI", "DKC.GET k")
			c.expect("+OK", ":0", "+OK", no, no, no, ":0")
		}
	})
}

func TestSetUpWhileAwayReachesRedisLater(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("HELLO 3 SETNAME n", "DKC.INC k 0", "CLIENT NO-EVICT ON")
	up := r.redis.accept()
	up.gets("HELLO 3 SETNAME n", "CLIENT NO-EVICT ON")
	up.Close()
	if got := c.reply(); got[0] != '%' {
		t.Fatalf("%q", got)
	}
	c.expect(":0", "+OK")
	eventually(t, "the pause after a failure is over", func() bool {
		c.send("AUTH p")
		if up = r.redis.tryAccept(); up == nil {
			c.expect(strings.TrimSpace(errNoRedis))
		}
		return up != nil
	})
	up.gets("PING", "HELLO 3", "CLIENT SETNAME n", "CLIENT NO-EVICT ON")
	up.send("+PONG", "%2", "$7", "version", "$5", "7.4.9", "+proto", ":3", "+OK", "+OK")
	up.gets("AUTH p")
	up.send("+OK")
	c.expect("+OK")

	up.Close() // what Redis said of itself is said again
	r.redis.ln.Close()
	other := r.client()
	other.send("HELLO")
	got := other.reply()
	if !strings.HasPrefix(got, "*14\r\n") || !strings.Contains(got, "$7\r\nversion\r\n$5\r\n7.4.9\r\n$5\r\nproto\r\n:2\r\n") {
		t.Errorf("%q", got)
	}
}

// Set-up is harmless to lose; what is sent behind it is not.
func TestConnectionThatDiesUnderSetUp(t *testing.T) {
	r := newRig(t, nil)
	c, up := setUp(r, "SELECT 2")
	c.send("CLIENT SETNAME n")
	up.gets("CLIENT SETNAME n")
	up.raw("+O") // half a reply is none
	up.Close()
	c.expect("+OK")
	c.send("SELECT 3")
	up = r.redis.accept() // it had replied before: Redis is tried at once
	up.gets("CLIENT SETNAME n", "SELECT 2")
	up.send("+OK", "+OK")
	up.gets("SELECT 3")
	up.send("+OK")
	c.expect("+OK")

	c.send("SELECT 4", "INCR a")
	up.gets("SELECT 4", "INCR a")
	up.Close()
	c.ends()
}

// INFO and COMMAND change nothing: losing their reply costs an error only.
func TestConnectionThatDiesUnderInfo(t *testing.T) {
	for _, ask := range []string{"INFO", "COMMAND COUNT"} {
		r := newRig(t, nil)
		c, up := setUp(r, "SELECT 2")
		c.send(ask)
		up.gets(ask)
		up.raw("$100\r\nhalf")
		up.Close()
		c.expect(strings.TrimSpace(errNoRedis))
		c.send("GET a")
		up = r.redis.accept()
		up.gets("SELECT 2")
	}
}

// A Redis that accepts and is silent holds up neither clients nor counters.
func TestSetUpWhileRedisIsSilent(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("HELLO 2", "DKC.INC k")
	up := r.redis.accept()
	up.gets("HELLO 2")
	up.ends()
	if got := c.reply(); !strings.HasPrefix(got, "*14\r\n") {
		t.Errorf("%q", got)
	}
	c.expect(":1")
}

func TestVersionIsLearntFromInfo(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("INFO")
	up := r.redis.accept()
	up.gets("INFO")
	up.raw(bulk("# Server\r\nredis_version:8.0.1\r\nredis_git_sha1:0\r\n"))
	c.reply()
	up.Close()
	r.redis.ln.Close()
	c.send("HELLO 3")
	if got := c.reply(); !strings.Contains(got, "\r\n8.0.1\r\n") {
		t.Errorf("%q", got)
	}
}
