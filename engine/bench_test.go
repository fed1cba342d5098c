package engine

import (
	"context"
	"strconv"
	"testing"

	"github.com/distkit/distkit-proxy/lua"
	"github.com/redis/go-redis/v9"
)

// BenchmarkInc is one lax increment of a counter in memory, the flusher at work
// beside it, with a store that costs next to nothing.
func BenchmarkInc(b *testing.B) {
	for _, counters := range []int{1, 1000} {
		b.Run(strconv.Itoa(counters), func(b *testing.B) {
			opts, err := Options{InstanceID: "bench", Redis: &redis.Options{}}.withDefaults()
			if err != nil {
				b.Fatal(err)
			}
			e := newEngine(opts, redis.NewClient(clientOptions(opts)), func(*redis.Client) store { return plainStore{} })
			defer e.Close(context.Background())
			keys := make([]Key, counters)
			for i := range keys {
				keys[i] = keyOf("k" + strconv.Itoa(i))
			}
			for at := 0; at < counters; at += 1000 {
				e.Prefetch(b.Context(), LaxPlain, keys[at:min(at+1000, counters)])
			}
			items, results := make([]Item, 1), make([]Result, 1)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				items[0] = Item{Key: keys[i%counters], N: 1}
				e.Inc(b.Context(), LaxPlain, items, results)
				if results[0].Err != nil {
					b.Fatal(results[0].Err)
				}
			}
		})
	}
}

// plainStore answers the calls of a lax plain partition at once: every counter
// reads 0 and takes every batch.
type plainStore struct{}

func (plainStore) Run(_ context.Context, calls []lua.Call) []lua.Reply {
	replies := make([]lua.Reply, len(calls))
	for i, call := range calls {
		var words []any
		switch call.Script {
		case lua.PlainApply:
			words = []any{"ok", ""}
			for range call.Args[8].(int) {
				words = append(words, "0")
			}
		case lua.Config:
			words = []any{"", ""}
		default: // HMGET, and what is asked at the start
			words = make([]any, max(0, len(call.Args)-2))
		}
		replies[i].Value = words
	}
	return replies
}
