package integration

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// joinLax starts a proxy that counts ordinary keys, behind a link of its own.
func joinLax(t testing.TB, r *redisServer, opts engine.Options) *party {
	t.Helper()
	opts.Lax = everyCount
	return join(t, r, "", "me", opts)
}

// tally is what clients were told of their increments of one key.
type tally struct {
	mu             sync.Mutex
	acked, unknown int64
	errors         map[string]int
}

func (y *tally) enter(n int64, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	switch {
	case err == nil:
		y.acked += n
		return
	case redis.HasErrorPrefix(err, "LOADING"), redis.HasErrorPrefix(err, "OOM"):
	default:
		y.unknown += n
	}
	if y.errors == nil {
		y.errors = make(map[string]int)
	}
	y.errors[err.Error()]++
}

func (y *tally) reached(n int64) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.acked < n {
		return fmt.Errorf("%d of %d acknowledged; errors: %v", y.acked, n, y.errors)
	}
	return nil
}

// ticks is the pace of a load: a step at each tick, until the context is done.
func ticks(ctx context.Context, every time.Duration) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				if ctx.Err() != nil || !yield(now) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// count increments the key until the context is done.
func (y *tally) count(ctx context.Context, c *redis.Client, key string) {
	for range ticks(ctx, 200*time.Microsecond) {
		y.enter(2, c.IncrBy(context.Background(), key, 2).Err())
	}
}

// linkFaults are what may happen between a proxy and its Redis, or to that.
var linkFaults = map[string]func(r *redisServer, link *loopback.Link) error{
	"lost replies": func(_ *redisServer, link *loopback.Link) error {
		link.Set(func(f *loopback.Faults) { f.Lose = 3 })
		return nil
	},
	"cut connections": func(_ *redisServer, link *loopback.Link) error {
		link.Cut()
		return nil
	},
	"an outage": func(_ *redisServer, link *loopback.Link) error {
		link.Down()
		time.AfterFunc(150*time.Millisecond, link.Up)
		return nil
	},
	"a slow Redis": func(_ *redisServer, link *loopback.Link) error {
		link.Set(func(f *loopback.Faults) { f.Delay = 30*time.Millisecond - f.Delay })
		return nil
	},
	"a restart": func(r *redisServer, _ *loopback.Link) error {
		r.kill()
		r.start()
		return nil
	},
	"SCRIPT FLUSH": func(r *redisServer, _ *loopback.Link) error { return directly(r, "SCRIPT", "FLUSH") },
	"CLIENT KILL":  func(r *redisServer, _ *loopback.Link) error { return directly(r, "CLIENT", "KILL", "TYPE", "normal") },
	"CLIENT PAUSE": func(r *redisServer, _ *loopback.Link) error { return directly(r, "CLIENT", "PAUSE", 60, "ALL") },
}

// directly has Redis carry out a command, past any proxy.
func directly(r *redisServer, words ...any) error {
	c := client(r.t, r.addr)
	defer c.Close()
	return c.Do(context.Background(), words...).Err()
}

// Whatever happens between a proxy and Redis, what was acknowledged is counted once,
// though other commands have the key held again and again.
func TestOrdinaryKeysUnderFaults(t *testing.T) {
	for name, fault := range linkFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t, "appendonly yes", "appendfsync always")
			p := joinLax(t, r, engine.Options{})
			var y tally
			var wg sync.WaitGroup
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			for range 3 {
				c := client(t, p.addr)
				wg.Go(func() { y.count(ctx, c, "n:k") })
			}
			other := client(t, p.addr)
			wg.Go(func() { // what holds it, and changes nothing
				for range ticks(ctx, 2*time.Millisecond) {
					other.Expire(context.Background(), "n:k", 24*time.Hour)
					other.StrLen(context.Background(), "n:k")
					other.Persist(context.Background(), "n:k")
				}
			})
			var n int64
			for range 6 {
				n += 60
				eventually(t, 20*time.Second, func() error { return y.reached(n) })
				if err := fault(r, p.link); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, 20*time.Second, func() error { return y.reached(n + 60) })
			stop()
			wg.Wait()
			p.link.Set(func(f *loopback.Faults) { *f = loopback.Faults{} })
			p.flushed()
			got, err := client(t, r.addr).Get(context.Background(), "n:k").Int64()
			if err != nil || got < y.acked || got > y.acked+y.unknown {
				t.Errorf("Redis has %d (%v), acknowledged were %d, and %d are unknown; errors: %v", got, err, y.acked, y.unknown, y.errors)
			}
			if s := p.engine.Stats(); s.RecordsLost != 0 || s.Panics != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A command that needs Redis is refused while it is away, and changes nothing, then
// or later; what is in memory goes on being counted.
func TestHoldsWhileRedisIsAway(t *testing.T) {
	r := startRedis(t)
	p := joinLax(t, r, engine.Options{CommandTimeout: 200 * time.Millisecond})
	ctx := t.Context()
	want := int64(0)
	incr := func(after string) {
		t.Helper()
		want++
		if got, err := p.c.Incr(ctx, "n:k").Result(); err != nil || got != want {
			t.Fatalf("after %s: incr: %d, %v, want %d", after, got, err, want)
		}
	}
	client(t, r.addr).Set(ctx, "n:k", 1, 0) // not made through the proxy
	want++
	incr("nothing")
	p.c.StrLen(ctx, "n:k") // from now on the proxy knows what commands touch
	client(t, r.addr).Set(ctx, "n:clean", 1, 0)
	p.c.Get(ctx, "n:clean")
	p.flushed()
	incr("a flush")
	p.link.Down()
	for i, line := range [][]any{{"STRLEN", "n:clean"}, {"SET", "n:clean", 0}, {"GETEX", "n:clean", "EX", 1}} { // nothing has to be flushed for them
		if err := client(t, p.addr).Do(ctx, line...).Err(); err == nil || !redis.HasErrorPrefix(err, "LOADING") {
			t.Errorf("%v while Redis is away: %v", line, err)
		}
		if got, err := p.c.Get(ctx, "n:clean").Int64(); err != nil || got != 1 {
			t.Errorf("after command %d: get: %d, %v", i, got, err)
		}
	}
	for _, line := range [][]any{
		{"GETDEL", "n:k"}, {"GETSET", "n:k", 0}, {"SET", "n:k", 0}, {"EXPIRE", "n:k", 1}, {"DEL", "n:k"}, {"INCRBYFLOAT", "n:k", 7},
		{"EVAL", "return redis.call('del', KEYS[1])", 1, "n:k"}, {"RENAME", "n:k", "n:j"}, {"FLUSHDB"}, {"KEYS", "*"}, {"WAIT", 0, 0},
	} {
		incr("an increment")
		if err := client(t, p.addr).Do(ctx, line...).Err(); err == nil || !redis.HasErrorPrefix(err, "LOADING") {
			t.Errorf("%v while Redis is away: %v", line, err)
		}
		incr(fmt.Sprint(line...))
	}
	_, err := client(t, p.addr).TxPipelined(ctx, func(pipe redis.Pipeliner) error { return pipe.Del(ctx, "n:k").Err() })
	if err == nil {
		t.Error("a transaction while Redis is away is said to be carried out")
	}
	incr("a transaction")
	p.link.Up()
	p.flushed()
	direct := client(t, r.addr)
	if got, err := direct.Get(ctx, "n:k").Int64(); err != nil || got != want || direct.TTL(ctx, "n:k").Val() != -1 {
		t.Errorf("Redis has %d (%v), want %d without a time to live", got, err, want)
	}
	eventually(t, 10*time.Second, func() error { // clients' own connections may need another moment
		got, err := p.c.GetDel(ctx, "n:k").Int64()
		if err == nil && got != want {
			t.Errorf("GETDEL: %d, want %d", got, want)
		}
		return err
	})
}

// A key that expires while Redis is away goes with all that was counted on it, and
// what comes next makes it anew.
func TestExpiryWhileRedisIsAway(t *testing.T) {
	r := startRedis(t)
	p := joinLax(t, r, engine.Options{})
	ctx, direct := t.Context(), client(t, r.addr)
	p.c.Incr(ctx, "n:k")
	if ok, err := p.c.PExpire(ctx, "n:k", 300*time.Millisecond).Result(); err != nil || !ok {
		t.Fatalf("PEXPIRE: %v, %v", ok, err)
	}
	if got := p.c.Incr(ctx, "n:k").Val(); got != 2 { // from now on the proxy knows when it ends
		t.Fatalf("incr: %d", got)
	}
	p.link.Down()
	counted := 0
	eventually(t, 10*time.Second, func() error {
		got, err := p.c.Incr(ctx, "n:k").Result()
		if err == nil {
			counted++
			return fmt.Errorf("incr: %d", got)
		}
		if !redis.HasErrorPrefix(err, "LOADING") && !strings.Contains(err.Error(), "unknown") { // it was on its way
			t.Fatal(err)
		}
		return nil
	})
	eventually(t, 10*time.Second, func() error {
		if n := direct.Exists(ctx, "n:k").Val(); n != 0 {
			return errNot
		}
		return nil
	})
	p.link.Up()
	p.flushed()
	if got, err := direct.Get(ctx, "n:k").Result(); err != redis.Nil {
		t.Errorf("after %d increments in the outage an expired key is back with %s (%v)", counted, got, err)
	}
	if got, err := p.c.Incr(ctx, "n:k").Result(); err != nil || got != 1 {
		t.Errorf("incr: %d, %v, want 1", got, err)
	}
}

// What one proxy has counted on a key that another removes is kept, and does not
// leave the key without the time to live that it had.
func TestKeyRemovedElsewhereKeepsItsExpiry(t *testing.T) {
	r := startRedis(t)
	proxies := startLaxProxies(t, r, 2, hoard)
	near, far, direct := client(t, proxies[0].addr), client(t, proxies[1].addr), client(t, r.addr)
	for i, remove := range []func(key string) error{
		func(key string) error { return far.Del(t.Context(), key).Err() },
		func(key string) error { return far.GetDel(t.Context(), key).Err() },
		func(key string) error { return direct.Unlink(t.Context(), key).Err() },
	} {
		key := fmt.Sprint("n:", i)
		if err := direct.Set(t.Context(), key, 5, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		near.Get(t.Context(), key) // so that it is counted in memory
		if got := near.IncrBy(t.Context(), key, 3).Val(); got != 8 {
			t.Fatalf("incr: %d", got)
		}
		if err := remove(key); err != nil {
			t.Fatal(err)
		}
		flushAll(t, proxies[0])
		got, left := direct.Get(t.Context(), key).Val(), direct.PTTL(t.Context(), key).Val()
		if got != "3" || left <= 0 || left > time.Hour {
			t.Errorf("the key is %s for %v, want 3 for an hour at most", got, left)
		}
	}
}
