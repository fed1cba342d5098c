package proxy

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// setUp sends commands that Redis accepts, and returns both sides.
func setUp(r *rig, lines ...string) (c, up *wire) {
	r.t.Helper()
	c = r.client()
	for _, line := range lines {
		c.send(line)
		if up == nil {
			up = r.redis.accept()
		}
		up.gets(line)
		up.send("+OK")
		c.expect("+OK")
	}
	return c, up
}

func TestSetUpSessionOutlivesItsConnection(t *testing.T) {
	r := newRig(t, nil)
	c, up := setUp(r, "SELECT 2", "CLIENT SETNAME n", "CLIENT SETINFO LIB-NAME l", "AUTH u secret", "HELLO 3")
	for range 2 {
		up.Close()
		c.send("DKC.INC k 0")
		c.expect(":0") // it needs no connection for that
		c.send("GET a")
		up = r.redis.accept()
		up.gets("AUTH u secret", "HELLO 3", "CLIENT SETNAME n", "CLIENT SETINFO LIB-NAME l", "SELECT 2")
		up.silent() // what the client sent waits for the replies
		up.send("+OK", "%1", "+a", "+b", "+OK", "-ERR unknown subcommand 'SETINFO'")
		up.send("+OK")
		up.gets("GET a")
		up.send("_")
		c.expect("_") // and none of those replies
	}
}

func TestRefusedReplayClosesTheClient(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	c, up := setUp(r, "AUTH u secret")
	up.Close()
	c.send("GET a")
	up = r.redis.accept()
	up.gets("AUTH u secret")
	up.send("-WRONGPASS invalid username-password pair")
	c.ends()
	up.ends()
	eventually(t, "the session has ended", func() bool { return r.srv.metrics.clients.Load() == 0 })
	if text := log.String(); strings.Contains(text, "secret") || !strings.Contains(text, "AUTH") {
		t.Errorf("logged: %s", text)
	}
}

func TestReplayThatIsNotAnsweredCostsOnlyErrors(t *testing.T) {
	no := strings.TrimSpace(errNoRedis)
	for _, reply := range []string{"", "+O", "-LOADING Redis is loading the dataset in memory\r\n", "-ERR max number of clients reached\r\n"} {
		r := newRig(t, nil)
		c, up := setUp(r, "SELECT 2")
		up.Close()
		c.send("GET a", "DKC.GET k")
		up = r.redis.accept()
		up.gets("SELECT 2")
		up.raw(reply)
		up.Close()
		c.expect(no, ":0")
		eventually(t, "Redis is tried again", func() bool {
			c.send("GET a")
			for up = r.redis.tryAccept(); up == nil && !c.hears(); up = r.redis.tryAccept() {
			}
			if up == nil {
				c.expect(no)
			}
			return up != nil
		})
		if reply == "" {
			up.gets("PING") // it must speak first
			up.send("-NOAUTH Authentication required.")
		}
		up.gets("SELECT 2")
		up.send("+OK")
		up.gets("GET a")
		up.send("+a")
		c.expect("+a")
	}
}

func TestRealStateEndsWithItsConnection(t *testing.T) {
	for _, state := range []string{"MULTI", "WATCH a", "CLIENT SOMETHING new", "CLIENT MAINT_NOTIFICATIONS on", "CLIENT SETNAME " + strings.Repeat("x", maxSetup)} {
		r := newRig(t, nil)
		c, up := setUp(r, "SELECT 1", state)
		up.Close()
		c.send("SELECT 2")
		c.ends()
	}
	r := newRig(t, nil)
	c, up := setUp(r, "MULTI")
	c.send("SELECT 1", "EXEC")
	up.gets("SELECT 1", "EXEC")
	up.send("+QUEUED", "*1", "+OK")
	c.expect("+QUEUED", "*1", "+OK")
	up.Close()
	c.send("GET a") // which database it would be is not known
	c.ends()
}

func TestRealStateThatIsOverPinsNothing(t *testing.T) {
	for _, tc := range []struct{ begin, end, reply string }{
		{"MULTI", "EXEC", "*0"}, {"MULTI", "DISCARD", "+OK"}, {"WATCH a", "UNWATCH", "+OK"}, {"WATCH a", "RESET", "+RESET"},
		{"CLIENT SOMETHING new", "RESET", "+RESET"}, {"CLIENT LIST", "CLIENT ID", ":1"},
	} {
		r := newRig(t, nil)
		c, up := setUp(r, tc.begin)
		c.send(tc.end)
		up.gets(tc.end)
		up.send(tc.reply)
		c.expect(tc.reply)
		up.Close()
		c.send("GET a")
		up = r.redis.accept()
		up.gets("GET a")
		up.send("+a")
		c.expect("+a")
	}
}

func TestWatchEndsAsInRedis(t *testing.T) {
	for _, tc := range []struct {
		send  string
		reply string
		lives bool
	}{
		{"EXEC", "-ERR EXEC without MULTI", false},
		{"DISCARD", "-ERR DISCARD without MULTI", false},
		{"UNWATCH", "-NOPERM no", false},
		{"EXEC", "-EXECABORT discarded", true},
		{"EXEC", "*-1", true},
	} {
		r := newRig(t, nil)
		c, up := setUp(r, "WATCH a")
		c.send(tc.send)
		up.gets(tc.send)
		up.send(tc.reply)
		c.expect(tc.reply)
		up.Close()
		c.send("GET a")
		if !tc.lives {
			c.ends()
			continue
		}
		up = r.redis.accept()
		up.gets("GET a")
	}
}
