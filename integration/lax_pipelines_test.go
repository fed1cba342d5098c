package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// What a transaction queues has no part beside its replies, in one pipeline too.
func TestLaxWaitInAPipelinedTransaction(t *testing.T) {
	p := startLax(t)
	l := dialLines(t, p.proxy.addr)
	l.send("MULTI", "WAIT 0 0", "EXEC", "WAIT 0 0")
	l.reads("+OK", "+QUEUED", "*1", ":0", ":0")
}

// A command right behind the AUTH in one pipeline takes its hold as any other.
func TestLaxHoldBehindAuth(t *testing.T) {
	r := startRedis(t, "requirepass pw")
	p := startProxy(t, backend{name: "redis", redis: &redis.Options{Addr: r.addr, Password: "pw"}}, engine.Options{
		Lax: []engine.Pattern{{Glob: "*"}}, FlushInterval: time.Minute, AllowedLag: time.Minute,
	})
	counts := dialLines(t, p.addr)
	counts.send("AUTH pw", "INCR k", "INCR k", "INCR t")
	counts.reads("+OK", ":1", ":2", ":1")
	l := dialLines(t, p.addr)
	l.send("ECHO refused")
	l.reads("-NOAUTH Authentication required.")
	l.send("AUTH pw", "SET k 100", "INCR k")
	l.reads("+OK", "+OK", ":101")
	l = dialLines(t, p.addr)
	l.send("ECHO refused")
	l.reads("-NOAUTH Authentication required.")
	l.send("AUTH pw", "MULTI", "SET t 100", "EXEC", "INCR t")
	l.reads("+OK", "+OK", "+QUEUED", "*1", "+OK", ":101")
}

// What a client watches is remembered key by key only within bounds: past them all is
// held, until it watches no more.
func TestLaxWatchOfManyBytes(t *testing.T) {
	p := startLax(t)
	l := dialLines(t, p.proxy.addr)
	long := strings.Repeat("x", 1000)
	for i := range 4 {
		words := "WATCH"
		for j := range 50 {
			words += fmt.Sprintf(" %d:%d:%s", i, j, long)
		}
		l.send(words)
		l.reads("+OK")
	}
	direct := client(t, p.redis.addr)
	counted := func() bool { // in memory, so that Redis does not have it yet
		n := p.client.Incr(t.Context(), "other").Val()
		return direct.Get(t.Context(), "other").Val() != fmt.Sprint(n)
	}
	if counted(); !counted() {
		t.Fatal("another key is held for a few that are watched")
	}
	for i := range 20 {
		words := "WATCH"
		for j := range 50 {
			words += fmt.Sprintf(" more:%d:%d:%s", i, j, long)
		}
		l.send(words)
		l.reads("+OK")
	}
	if counted() {
		t.Error("2 MB of names are remembered one by one")
	}
	l.send("UNWATCH")
	l.reads("+OK")
	p.eventuallyFree(t)
	for end := time.Now().Add(10 * time.Second); !counted(); {
		if time.Now().After(end) {
			t.Fatal("keys are held for ever")
		}
	}
}
