package integration

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// A pipeline of cold counters costs one round trip, not one for each, whether
// it is many commands or one of many keys, and whatever stands between them.
func TestColdPipelineIsOneRoundTrip(t *testing.T) {
	const keys = 300
	b := realBackend(startRedis(t).addr)
	p := startProxy(t, b, engine.Options{})
	c := client(t, p.addr)
	for _, prefix := range []string{"DK.", "DKC."} {
		// The settings of the namespace are compared at its first use.
		if err := c.Do(t.Context(), prefix+"GET", "first").Err(); err != nil {
			t.Fatal(err)
		}
		pipeline := func(name string, add func(pipe redis.Pipeliner, key string)) {
			before := p.engine.Stats()
			pipe := c.Pipeline()
			for i := range keys {
				add(pipe, fmt.Sprintf("%s%d", name, i))
			}
			if _, err := pipe.Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := p.engine.Stats()
			if loads := after.Loads - before.Loads; loads != keys {
				t.Errorf("%s%s: %d counters were loaded, want %d", prefix, name, loads, keys)
			}
			// One read, or two where the pipeline came in two pieces; a flush beside it.
			if sent := after.RedisCommands - before.RedisCommands; sent > 8 {
				t.Errorf("%s%s: %d commands were sent to Redis for %d cold counters", prefix, name, sent, keys)
			}
		}
		pipeline("get", func(pipe redis.Pipeliner, key string) { pipe.Do(t.Context(), prefix+"GET", key) })
		pipeline("inc", func(pipe redis.Pipeliner, key string) { pipe.Do(t.Context(), prefix+"INC", key) })
		pipeline("mixed", func(pipe redis.Pipeliner, key string) {
			pipe.Do(t.Context(), prefix+"INC", key)
			pipe.Set(t.Context(), key, "ordinary", 0)
		})
	}
}

// So it is with increments of ordinary keys, which are carried out where they are.
func TestColdOrdinaryPipelineIsOneRoundTrip(t *testing.T) {
	const keys = 300
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{Lax: []engine.Pattern{{Glob: "n:*"}}})
	c := client(t, p.addr)
	for round := int64(1); round <= 2; round++ {
		before := p.engine.Stats()
		pipe := c.Pipeline()
		for i := range keys {
			pipe.Incr(t.Context(), fmt.Sprint("n:", i))
			pipe.IncrBy(t.Context(), fmt.Sprint("n:", i/2), 0)
		}
		replies, err := pipe.Exec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, reply := range replies {
			if got := reply.(*redis.IntCmd).Val(); got != round {
				t.Fatalf("round %d, reply %d is %d", round, i, got)
			}
		}
		after := p.engine.Stats()
		// A script for each 500, and as many where the pipeline came in two pieces; a flush beside it.
		if sent := after.RedisCommands - before.RedisCommands; sent > 12 {
			t.Errorf("round %d: %d commands were sent to Redis for %d cold keys", round, sent, keys)
		}
	}
}
