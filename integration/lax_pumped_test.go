package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// laxPair is a Redis, a proxy before it that counts every key and flushes only
// when it has to, and a client of it that counts in memory.
type laxPair struct {
	redis  *redisServer
	proxy  *testProxy
	client *redis.Client
}

func startLax(t *testing.T) laxPair {
	r := startRedis(t)
	p := startProxy(t, backend{name: "redis", redis: &redis.Options{Addr: r.addr}}, engine.Options{
		Lax: []engine.Pattern{{Glob: "*"}}, FlushInterval: time.Minute, AllowedLag: time.Minute,
	})
	return laxPair{r, p, client(t, p.addr)}
}

// send sends commands and waits for nothing.
func (l *lineConn) send(commands ...string) {
	l.t.Helper()
	if _, err := fmt.Fprint(l.conn, strings.Join(commands, "\r\n")+"\r\n"); err != nil {
		l.t.Fatal(err)
	}
}

// reads wants these lines to come next.
func (l *lineConn) reads(lines ...string) {
	l.t.Helper()
	for _, want := range lines {
		got, err := l.in.ReadString('\n')
		if err != nil || strings.TrimSuffix(got, "\r\n") != want {
			l.t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
}

// eventuallyFree waits until nothing is held any more.
func (p laxPair) eventuallyFree(t *testing.T) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		if n := p.proxy.engine.Stats().Held; n > 0 {
			return fmt.Errorf("%d commands hold keys", n)
		}
		return nil
	})
}

// A client whose replies are not one for one is served by Redis, with what others
// have counted in memory; and others count with what it has done.
func TestLaxBesideAPump(t *testing.T) {
	for name, begin := range map[string][]string{
		"tracking":  {"HELLO 3", "CLIENT TRACKING ON BCAST PREFIX none:"},
		"subscribe": {"HELLO 3", "SUBSCRIBE c"},
		"reply on":  {"HELLO 3", "CLIENT REPLY ON"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startLax(t)
			l := dialLines(t, p.proxy.addr)
			l.send(append(begin, "PING")...)
			for got := ""; got != "+PONG\r\n"; {
				got, _ = l.in.ReadString('\n')
			}
			counts := func(want int64) {
				t.Helper()
				p.eventuallyFree(t)
				if got, err := p.client.Incr(t.Context(), "k").Result(); err != nil || got != want {
					t.Fatalf("incr beside it: %d, %v, want %d", got, err, want)
				}
			}
			counts(1)
			l.send("INCR k", "GET k", "EXPIRE k 100", "GET other")
			l.reads(":2", "$1", "2", ":1", "_")
			counts(3)
			l.send("MULTI", "INCR k", "GET k", "EXEC")
			l.reads("+OK", "+QUEUED", "+QUEUED", "*2", ":4", "$1", "4")
			counts(5)
			l.send("WATCH k", "GET k")
			l.reads("+OK", "$1", "5")
			if got := p.client.Incr(t.Context(), "k").Val(); got != 6 {
				t.Errorf("incr of a watched key: %d", got)
			}
			l.send("MULTI", "GET k", "EXEC")
			l.reads("+OK", "+QUEUED", "_")
			counts(7)
			l.send("SELECT 3", "INCR k", "SELECT 0", "GET k", "SCAN 0 COUNT 0", "EVAL "+`"return redis.call('get','k')" 0`)
			l.reads("+OK", ":1", "+OK", "$1", "7", "-ERR syntax error", "$1", "7")
			counts(8)
			l.send("MULTI", "INCR k", "DISCARD", "GET k")
			l.reads("+OK", "+QUEUED", "+OK", "$1", "8")
			counts(9)
		})
	}
}

// What a client does that wants no replies is held for, too, and not longer.
func TestLaxInSilence(t *testing.T) {
	p := startLax(t)
	l := dialLines(t, p.proxy.addr)
	l.send("SET x 1", "CLIENT REPLY OFF", "INCR k", "EXPIRE k 100", "GET x")
	l.reads("+OK")
	direct := client(t, p.redis.addr)
	eventually(t, 10*time.Second, func() error {
		if ttl := direct.TTL(t.Context(), "k").Val(); ttl <= 0 {
			return errors.New("EXPIRE has not come to Redis")
		}
		return nil
	})
	p.eventuallyFree(t)
	if got := p.client.Incr(t.Context(), "k").Val(); got != 2 {
		t.Errorf("incr: %d, want 2", got)
	}
	l.send("CLIENT REPLY ON", "GET k", "CLIENT REPLY SKIP", "INCR k", "GET k", "CLIENT REPLY SKIP", "PING", "PING")
	l.reads("+OK", "$1", "2", "$1", "3", "+PONG")
	p.eventuallyFree(t)
	l.send("CLIENT REPLY OFF", "INCR k", "CLIENT REPLY ON", "SET y 1", "CLIENT REPLY OFF", "INCR k", "CLIENT REPLY ON", "GET k")
	l.reads("+OK", "+OK", "+OK", "$1", "5")
	p.eventuallyFree(t)
}

// A client that goes takes its holds with it, in whatever state it is.
func TestHoldsGoWithTheClient(t *testing.T) {
	p := startLax(t)
	for _, commands := range [][]string{
		{"WATCH k"}, {"WATCH k", "MULTI", "INCR k"}, {"BLPOP k 0"}, {"CLIENT TRACKING ON", "WATCH k"},
		{"HELLO 3", "SUBSCRIBE c", "WATCH k", "MULTI", "INCR k"}, {"CLIENT REPLY OFF", "BLPOP k 0"}, {"HELLO 3", "SUBSCRIBE c", "BLPOP k 0"},
	} {
		l := dialLines(t, p.proxy.addr)
		l.send(commands...)
		eventually(t, 10*time.Second, func() error {
			if p.proxy.engine.Stats().Held == 0 {
				return fmt.Errorf("%v: nothing is held", commands)
			}
			return nil
		})
		l.conn.Close()
		p.eventuallyFree(t)
	}
	if got := p.client.Incr(t.Context(), "k").Val(); got != 1 {
		t.Errorf("incr: %d, want 1", got)
	}
}
