package integration

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// What a transaction queues has no part beside its replies, in one pipeline too.
func TestLaxWaitInAPipelinedTransaction(t *testing.T) {
	p := startLax(t)
	l := dialLine(t, p.proxy.addr)
	l.send("MULTI", "WAIT 0 0", "EXEC", "WAIT 0 0")
	l.want("+OK", "+QUEUED", "*1", ":0", ":0")
}

// A command right behind the AUTH in one pipeline takes its hold as any other.
func TestLaxHoldBehindAuth(t *testing.T) {
	r := startRedis(t, "requirepass pw")
	p := startProxy(t, backend{name: "redis", redis: &redis.Options{Addr: r.addr, Password: "pw"}}, engine.Options{
		Lax: []engine.Pattern{{Glob: "*"}}, FlushInterval: time.Minute, AllowedLag: time.Minute,
	})
	counts := dialLine(t, p.addr)
	counts.send("AUTH pw", "INCR k", "INCR k", "INCR t")
	counts.want("+OK", ":1", ":2", ":1")
	l := dialLine(t, p.addr)
	l.send("ECHO refused")
	l.want("-NOAUTH Authentication required.")
	l.send("AUTH pw", "SET k 100", "INCR k")
	l.want("+OK", "+OK", ":101")
	l = dialLine(t, p.addr)
	l.send("ECHO refused")
	l.want("-NOAUTH Authentication required.")
	l.send("AUTH pw", "MULTI", "SET t 100", "EXEC", "INCR t")
	l.want("+OK", "+OK", "+QUEUED", "*1", "+OK", ":101")
}
