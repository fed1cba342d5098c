package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// everyCount is the pattern of the keys that are counted in memory.
var everyCount = []engine.Pattern{{Glob: "n:*"}}

// startLaxProxies starts proxies that count the same ordinary keys.
func startLaxProxies(t testing.TB, r *redisServer, n int, opts engine.Options) (proxies []*testProxy) {
	t.Helper()
	opts.Lax, opts.RareFrom = everyCount, 1
	for i := range n {
		opts.InstanceID = fmt.Sprint("proxy-", i)
		proxies = append(proxies, startProxy(t, realBackend(r.addr), opts))
	}
	return proxies
}

// flushAll waits until Redis has everything that the proxies accepted.
func flushAll(t testing.TB, proxies ...*testProxy) {
	t.Helper()
	for _, p := range proxies {
		c := client(t, p.addr)
		eventually(t, 20*time.Second, func() error { return c.Do(context.Background(), "DK.FLUSH").Err() })
	}
}

// keyBooks are what was acknowledged of one ordinary key, and what was taken out of it.
type keyBooks struct{ acked, collected atomic.Int64 }

// What several proxies and direct clients add to the same keys is there in the end,
// once, though some of them take the values away and others change the expiry.
func TestSeveralWritersOfOrdinaryKeys(t *testing.T) {
	t.Parallel()
	const keys, rounds = 3, 250
	r := startRedis(t)
	proxies := startLaxProxies(t, r, 2, engine.Options{})
	books := make([]keyBooks, keys)
	var wg sync.WaitGroup
	for i, addr := range []string{proxies[0].addr, proxies[0].addr, proxies[0].addr, proxies[1].addr, proxies[1].addr, proxies[1].addr, r.addr, r.addr} {
		c := client(t, addr)
		random := rand.New(rand.NewPCG(uint64(i), 11))
		wg.Go(func() {
			for range rounds {
				at := random.IntN(keys)
				if err := changeKey(c, random, fmt.Sprint("n:", at), &books[at]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	flushAll(t, proxies...)
	direct := client(t, r.addr)
	for i := range books {
		left, err := direct.Get(t.Context(), fmt.Sprint("n:", i)).Int64()
		if err != nil && err != redis.Nil {
			t.Fatal(err)
		}
		acked, collected := books[i].acked.Load(), books[i].collected.Load()
		if acked == 0 || collected == 0 || left+collected != acked {
			t.Errorf("key %d: %d acknowledged, %d taken out and %d left: %d too many", i, acked, collected, left, left+collected-acked)
		}
	}
	for _, p := range proxies {
		if s := p.engine.Stats(); s.RecordsLost != 0 || s.Pending != 0 || s.Holds == 0 {
			t.Errorf("%s: %+v", p.id, s)
		}
	}
}

// changeKey sends one command of those that change a key in a way that can be
// accounted for.
func changeKey(c *redis.Client, random *rand.Rand, key string, b *keyBooks) (err error) {
	ctx, n := context.Background(), 1+random.Int64N(9)
	taken := func(cmd *redis.StringCmd) error {
		n, err := cmd.Int64()
		if err == redis.Nil {
			return nil
		}
		b.collected.Add(n)
		return err
	}
	add := func(n int64, cmd *redis.IntCmd) error {
		if cmd.Err() == nil {
			b.acked.Add(n)
		}
		return cmd.Err()
	}
	switch what := random.IntN(100); {
	case what < 30:
		err = add(1, c.Incr(ctx, key))
	case what < 50:
		err = add(n, c.IncrBy(ctx, key, n))
	case what < 65:
		err = add(-n, c.DecrBy(ctx, key, n))
	case what < 75:
		if err = c.Get(ctx, key).Err(); err == redis.Nil {
			err = nil
		}
	case what < 80:
		err = c.MGet(ctx, key, "other", "n:0").Err()
	case what < 85:
		cmd := redis.NewStringCmd(ctx, "getset", key, 0)
		_ = c.Process(ctx, cmd)
		err = taken(cmd)
	case what < 90:
		err = taken(c.GetDel(ctx, key))
	case what < 93:
		err = c.Expire(ctx, key, time.Hour).Err()
	case what < 95:
		err = c.Persist(ctx, key).Err()
	case what < 97:
		var get *redis.StringCmd
		_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			get = redis.NewStringCmd(ctx, "getset", key, n)
			return p.Process(ctx, get)
		})
		if err == redis.Nil {
			err = nil
		}
		if err == nil {
			b.acked.Add(n) // what it is set to
			err = taken(get)
		}
	default:
		script := "local n = redis.call('GETDEL', KEYS[1]) return n or '0'"
		var got any
		if got, err = c.Eval(ctx, script, []string{key}).Result(); err == nil {
			var n int64
			_, err = fmt.Sscan(fmt.Sprint(got), &n)
			b.collected.Add(n)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// climb is a key that only grows, as the clients of one proxy know it.
type climb struct {
	acked atomic.Int64 // by this proxy
	seen  atomic.Int64 // the highest value in a reply of this proxy
}

// ask takes a reply to ask, of a command that adds delta, and checks it against
// what this proxy had said before ask was called.
func (k *climb) ask(delta int64, ask func() (int64, error)) error {
	acked, seen := k.acked.Load(), k.seen.Load()
	got, err := ask()
	if err == redis.Nil {
		got, err = 0, nil
	}
	if err != nil {
		return err
	}
	k.acked.Add(delta)
	if got < seen+delta {
		return fmt.Errorf("replied %d, and %d before", got, seen)
	}
	if got < acked+delta {
		return fmt.Errorf("replied %d, and had acknowledged %d before", got, acked)
	}
	for old := k.seen.Load(); got > old && !k.seen.CompareAndSwap(old, got); old = k.seen.Load() {
	}
	return nil
}

// A reply has all that its proxy has acknowledged before, and never less than one
// before it, though holds come and go, others count, too, and Redis is slow.
func TestOrdinaryKeysNeverDip(t *testing.T) {
	t.Parallel()
	const keys, rounds = 3, 300
	r := startRedis(t)
	proxies := startLaxProxies(t, r, 2, engine.Options{})
	total := make([]atomic.Int64, keys)
	var wg sync.WaitGroup
	direct := client(t, r.addr)
	wg.Go(func() {
		for i := range 2 * rounds {
			if err := direct.Incr(t.Context(), fmt.Sprint("n:", i%keys)).Err(); err != nil {
				t.Error(err)
				return
			}
			total[i%keys].Add(1)
		}
	})
	for at, p := range proxies {
		climbs := make([]climb, keys)
		for i := range 4 {
			c := client(t, p.addr)
			random := rand.New(rand.NewPCG(uint64(i), uint64(at)))
			wg.Go(func() {
				for range rounds {
					k := random.IntN(keys)
					n, err := climbKey(c, random, fmt.Sprint("n:", k), &climbs[k])
					if err != nil {
						t.Errorf("%s: n:%d: %v", p.id, k, err)
						return
					}
					total[k].Add(n)
				}
			})
		}
	}
	wg.Wait()
	flushAll(t, proxies...)
	for k := range total {
		if got, err := direct.Get(t.Context(), fmt.Sprint("n:", k)).Int64(); err != nil || got != total[k].Load() {
			t.Errorf("n:%d is %d (%v), acknowledged were %d", k, got, err, total[k].Load())
		}
	}
}

// climbKey sends one command that makes a key grow, or looks at it, or has it held,
// and returns by how much it grew.
func climbKey(c *redis.Client, random *rand.Rand, key string, k *climb) (n int64, err error) {
	ctx := context.Background()
	switch what := random.IntN(100); {
	case what < 50:
		n = 1 + random.Int64N(5)
		return n, k.ask(n, func() (int64, error) { return c.IncrBy(ctx, key, n).Result() })
	case what < 65:
		return 0, k.ask(0, func() (int64, error) { return c.Get(ctx, key).Int64() })
	case what < 75:
		return 0, k.ask(0, func() (n int64, err error) {
			all, err := c.MGet(ctx, "other", key).Result()
			if err == nil && all[1] != nil {
				_, err = fmt.Sscan(all[1].(string), &n)
			}
			return n, err
		})
	case what < 82: // by a command that is none of those that are counted
		return 0, k.ask(0, func() (n int64, err error) {
			text, err := c.GetRange(ctx, key, 0, -1).Result()
			if err == nil && text != "" {
				_, err = fmt.Sscan(text, &n)
			}
			return n, err
		})
	case what < 90:
		n = 3
		return n, k.ask(n, func() (int64, error) {
			var got *redis.IntCmd
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				got = p.IncrBy(ctx, key, n)
				return nil
			})
			return got.Val(), err
		})
	case what < 94:
		return 0, k.ask(0, func() (int64, error) {
			f, err := c.IncrByFloat(ctx, key, 0).Result()
			return int64(f), err
		})
	case what < 97:
		return 0, c.Expire(ctx, key, time.Hour).Err()
	}
	return 0, c.Persist(ctx, key).Err()
}

// What was changed past a proxy shows within the bound. Redis' own clock is what
// time is measured by; a machine that is busy otherwise is given a second.
func TestOrdinaryKeysAreNotStale(t *testing.T) {
	t.Parallel()
	const (
		interval, lag = 300 * time.Millisecond, 200 * time.Millisecond
		allowance     = time.Second
	)
	r := startRedis(t)
	proxies := startLaxProxies(t, r, 2, engine.Options{FlushInterval: interval, AllowedLag: lag})
	direct := client(t, r.addr)
	var clients []*redis.Client
	for _, p := range proxies {
		clients = append(clients, client(t, p.addr))
	}
	var mu sync.Mutex
	changed := map[int64]time.Time{} // when Redis had a value
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			var last int64
			for {
				select {
				case <-done:
					return
				default:
				}
				asked, err := direct.Time(t.Context()).Result()
				if err != nil {
					t.Error(err)
					return
				}
				got, err := c.Get(t.Context(), "n:k").Int64()
				if err != nil && err != redis.Nil {
					t.Error(err)
					return
				}
				mu.Lock()
				next, told := changed[got+1]
				mu.Unlock()
				if age := asked.Sub(next); told && age > interval+lag+allowance {
					t.Errorf("proxy %d reads %d, and Redis has had %d for %v", i, got, got+1, age)
					return
				}
				if got < last {
					t.Errorf("proxy %d reads %d after %d", i, got, last)
				}
				last = got
			}
		})
	}
	for n := int64(1); n <= 40; n++ {
		var now *redis.TimeCmd
		if _, err := direct.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
			p.Incr(t.Context(), "n:k")
			now = p.Time(t.Context())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		changed[n] = now.Val()
		mu.Unlock()
		if n%20 == 0 { // and what nobody changes any more shows, too
			for i, c := range clients {
				eventually(t, 10*time.Second, func() error {
					if got, err := c.Get(t.Context(), "n:k").Int64(); err != nil || got != n {
						return fmt.Errorf("proxy %d reads %d (%v), want %d", i, got, err, n)
					}
					return nil
				})
			}
		}
	}
	close(done)
	wg.Wait()
}
