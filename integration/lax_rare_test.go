package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// Increments of very many keys, each asked for now and then, go to Redis as they are.
// Whatever happens between, one that was acknowledged is counted once, and one whose
// outcome is unknown at most once; where the same key is asked for at once by many,
// every reply is another number.
func TestRareKeysUnderFaults(t *testing.T) {
	for name, fault := range linkFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t, "appendonly yes", "appendfsync always")
			p := joinLax(t, r, engine.Options{RareFrom: 1})
			var y tally
			var seen sync.Map
			var wg sync.WaitGroup
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			for i := range 8 {
				c := client(t, p.addr)
				rng := rand.New(rand.NewPCG(uint64(i), 1))
				wg.Go(func() { countMany(ctx, t, &y, &seen, c, rng) })
			}
			var n int64
			for range 6 {
				n += 400
				eventually(t, 20*time.Second, func() error { return y.reached(n) })
				if err := fault(r, p.link); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, 20*time.Second, func() error { return y.reached(n + 400) })
			stop()
			wg.Wait()
			p.link.Set(func(f *loopback.Faults) { *f = loopback.Faults{} })
			p.flushed()
			if got := sumOf(t, client(t, r.addr), "n:*"); got < y.acked || got > y.acked+y.unknown {
				t.Errorf("Redis has %d, acknowledged were %d, and %d are unknown; errors: %v", got, y.acked, y.unknown, y.errors)
			}
			if s := p.engine.Stats(); s.Rare == 0 || s.RecordsLost != 0 || s.Panics != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// countMany increments keys in pipelines, most of them rare, until the context is done.
func countMany(ctx context.Context, t *testing.T, y *tally, seen *sync.Map, c *redis.Client, rng *rand.Rand) {
	for range ticks(ctx, time.Millisecond) {
		pipe := c.Pipeline()
		for range 1 + rng.IntN(8) {
			key := fmt.Sprint("n:", rng.IntN(3000))
			if rng.IntN(8) == 0 {
				key = fmt.Sprint("n:hot:", rng.IntN(3))
			}
			pipe.Incr(context.Background(), key)
		}
		cmds, _ := pipe.Exec(context.Background())
		for _, cmd := range cmds {
			y.enter(1, cmd.Err())
			if cmd.Err() != nil {
				continue
			}
			told := fmt.Sprint(cmd.Args()[1], " ", cmd.(*redis.IntCmd).Val())
			if _, twice := seen.LoadOrStore(told, true); twice {
				t.Errorf("two increments were told %s", told)
			}
		}
	}
}

// sumOf adds up the keys that match.
func sumOf(t *testing.T, c *redis.Client, match string) (sum int64) {
	t.Helper()
	keys, err := c.Keys(t.Context(), match).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		n, err := c.Get(t.Context(), key).Int64()
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		sum += n
	}
	return sum
}
