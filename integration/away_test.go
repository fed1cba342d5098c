package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// ways are how Redis can be away, and come back.
var ways = []struct {
	name       string
	away, back func(r *redisServer, l *loopback.Link)
}{
	{"accepted and closed", func(_ *redisServer, l *loopback.Link) { l.Down() }, func(_ *redisServer, l *loopback.Link) { l.Up() }},
	{"killed behind a forwarder", func(r *redisServer, _ *loopback.Link) { r.kill() }, func(r *redisServer, _ *loopback.Link) { r.start() }},
	{"cut without a word", func(_ *redisServer, l *loopback.Link) { l.Set(func(f *loopback.Faults) { f.Swallow = true }) },
		func(_ *redisServer, l *loopback.Link) { l.Set(func(f *loopback.Faults) { f.Swallow = false }); l.Cut() }},
}

// onAway runs a test for each of the ways, and for a Redis that is killed with
// nothing in between, so that its port refuses.
func onAway(t *testing.T, run func(t *testing.T, p *testProxy, away, back func())) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t)
			l := startLink(t, r.addr)
			run(t, startProxy(t, realBackend(l.Addr()), engine.Options{}), func() { w.away(r, l) }, func() { w.back(r, l) })
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		r := startRedis(t)
		run(t, startProxy(t, realBackend(r.addr), engine.Options{}), r.kill, r.start)
	})
}

// stock returns a client with the defaults of its library.
func stock(t *testing.T, addr string, change func(*redis.Options)) *redis.Client {
	t.Helper()
	opts := &redis.Options{Addr: addr}
	if change != nil {
		change(opts)
	}
	c := redis.NewClient(opts)
	t.Cleanup(func() { c.Close() })
	return c
}

// A client of an ordinary library that comes while Redis is away can count, and
// has the rest when Redis is back, on the same connection.
func TestNewClientCountsWhileRedisIsAway(t *testing.T) {
	ctx := context.Background()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			onAway(t, func(t *testing.T, p *testProxy, away, back func()) {
				if err := greet(t, p.addr).Do(ctx, "DK.INC", "x", 5).Err(); err != nil {
					t.Fatal(err)
				}
				away()
				c := stock(t, p.addr, func(o *redis.Options) {
					o.Protocol, o.PoolSize, o.ClientName = protocol, 1, "late"
				})
				for i := range int64(3) {
					got, err := c.Do(ctx, "DK.INC", "x").Int64Slice()
					if want := 6 + i; err != nil || got[0] != want || got[1] != want {
						t.Fatalf("%v, %v; want %d", got, err, want)
					}
				}
				begun := c.PoolStats().Misses
				back()
				eventually(t, 20*time.Second, func() error { return c.Set(ctx, "a", "b", 0).Err() })
				eventually(t, 20*time.Second, func() error { return c.Do(ctx, "DK.FLUSH").Err() })
				info, err := c.Do(ctx, "CLIENT", "INFO").Text()
				if err != nil || !strings.Contains(info, " name=late ") || !strings.Contains(info, fmt.Sprintf(" resp=%d", protocol)) {
					t.Errorf("Redis sees %q (%v)", info, err)
				}
				if n := c.PoolStats().Misses; n != begun {
					t.Errorf("%d connections, %d of them since Redis is back", n, n-begun)
				}
			})
		})
	}
}

// What Redis itself answers is not the proxy's to answer when Redis is there.
func TestHelloIsRedisOwn(t *testing.T) {
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	ours, theirs := dialLines(t, p.addr), dialLines(t, r.addr)
	for _, line := range []string{"HELLO 4", "HELLO x", "HELLO 3 NOPE", "HELLO 3 SETNAME", "HELLO 3 SETNAME \"a b\"", "HELLO 3 AUTH u p",
		"CLIENT SETNAME \"a b\"", "CLIENT SETINFO a", "READONLY", "SELECT 99", "AUTH a b"} {
		if got, want := ours.ask(line), theirs.ask(line); got != want {
			t.Errorf("%s: %q, Redis says %q", line, got, want)
		}
	}
	awayText := make(map[string]string)
	lines := []string{"CLIENT MAINT_NOTIFICATIONS ON", "HELLO 4", "HELLO x", "HELLO 3 NOPE", "HELLO 3 SETNAME", "HELLO 3 SETNAME \"a b\"", "CLIENT SETNAME \"a b\""}
	for _, line := range lines {
		awayText[line] = theirs.ask(line)
	}
	r.kill()
	for _, line := range lines {
		if got := ours.ask(line); got != awayText[line] {
			t.Errorf("%s while Redis is away: %q, Redis says %q", line, got, awayText[line])
		}
	}
}

// Who has been answered by Redis after an outage finds counters served that are
// not in memory, on any connection.
func TestRedisBackIsBackForCounters(t *testing.T) {
	onAway(t, func(t *testing.T, p *testProxy, away, back func()) {
		ctx := context.Background()
		c := stock(t, p.addr, func(o *redis.Options) { o.MaxRetries = -1 })
		other := stock(t, p.addr, func(o *redis.Options) { o.MaxRetries = -1 })
		for round := range 2 {
			if err := c.Do(ctx, "DK.INC", "warm").Err(); err != nil {
				t.Fatal(err)
			}
			away()
			before := p.engine.Stats().Failures
			eventually(t, 20*time.Second, func() error {
				if n := p.engine.Stats().Failures - before; n < 6 {
					return fmt.Errorf("Redis has been missed %d times only", n)
				}
				return nil
			})
			back()
			eventually(t, 20*time.Second, func() error {
				if err := c.Get(ctx, "key").Err(); err != redis.Nil {
					return err
				}
				return nil
			})
			if err := other.Do(ctx, "DK.INC", fmt.Sprint("cold", round)).Err(); err != nil {
				t.Errorf("a counter that is not in memory: %v", err)
			}
		}
	})
}

func TestSetUpSessionOutlivesARestart(t *testing.T) {
	ctx := context.Background()
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	c := stock(t, p.addr, func(o *redis.Options) { o.DB, o.ClientName, o.PoolSize = 3, "lasting", 1 })
	if err := c.Do(ctx, "DK.INC", "x").Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Set(ctx, "key", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		name, err := c.ClientGetName(ctx).Result()
		if err != nil || name != "lasting" {
			t.Errorf("CLIENT GETNAME: %q, %v", name, err)
		}
		info, err := c.Do(ctx, "CLIENT", "LIST").Text()
		if err != nil || !strings.Contains(info, " name=lasting ") || !strings.Contains(info, " db=3 ") || !strings.Contains(info, " resp=3") {
			t.Errorf("CLIENT LIST: %q, %v", info, err)
		}
		r.kill()
		if err := c.Do(ctx, "DK.INC", "x").Err(); err != nil {
			t.Error(err)
		}
		r.start()
	}
	if n := c.PoolStats().Misses; n != 1 {
		t.Errorf("%d connections, want one for all the time", n)
	}
}

// A password that was changed meanwhile: the session would not be what its
// client believes.
func TestSessionEndsWhenItsPasswordWasChanged(t *testing.T) {
	ctx := context.Background()
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	admin := client(t, r.addr)
	user := func(password string) {
		t.Helper()
		if err := admin.Do(ctx, "ACL", "SETUSER", "u", "reset", "on", ">"+password, "~*", "+@all").Err(); err != nil {
			t.Fatal(err)
		}
	}
	drop := func() {
		t.Helper()
		if err := admin.Do(ctx, "CLIENT", "KILL", "USER", "u").Err(); err != nil {
			t.Fatal(err)
		}
	}
	user("one")
	w := dialLines(t, p.addr)
	w.want("AUTH u one", "+OK")
	drop()
	w.want("SET a 1", "+OK")
	drop()
	user("two")
	if got := w.ask("SET a 2"); got != io.EOF.Error() {
		t.Errorf("%q, want the end", got)
	}
}

func TestTransactionEndsWithRedis(t *testing.T) {
	for _, state := range []string{"MULTI", "WATCH a"} {
		r := startRedis(t)
		p := startProxy(t, realBackend(r.addr), engine.Options{})
		w := dialLines(t, p.addr)
		w.want("SELECT 1", "+OK")
		w.want(state, "+OK")
		r.kill()
		r.start()
		if got := w.ask("SET a 1"); got != io.EOF.Error() {
			t.Errorf("%s: %q, want the end", state, got)
		}
	}
}

// lineConn is a connection on which each command has a reply of one line.
type lineConn struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialLines(t *testing.T, addr string) *lineConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &lineConn{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// ask sends a command and returns its reply, or the error's text.
func (l *lineConn) ask(command string) string {
	l.t.Helper()
	if _, err := fmt.Fprintf(l.conn, "%s\r\n", command); err != nil {
		return err.Error()
	}
	line, err := l.in.ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(line, "\r\n")
}

func (l *lineConn) want(command, want string) {
	l.t.Helper()
	if got := l.ask(command); got != want {
		l.t.Fatalf("%s: %q, want %q", command, got, want)
	}
}
