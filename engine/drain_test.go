package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// A flush of many counters takes longer than one command may. It is waited for, as
// long as Redis takes one batch after the other.
func TestFlushOfManyTakesItsTime(t *testing.T) {
	opts := unhurried
	opts.CommandTimeout = 400 * time.Millisecond
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		const counters = 8 * maxCarried
		e := connectForTest(t, "127.0.0.1:0", opts, func(store) store {
			return storeFunc(func(ctx context.Context, calls []lua.Call) []lua.Reply {
				if callsOf(lua.PlainApply)(calls) || callsOf(lua.InstApply)(calls) {
					select { // a slow Redis
					case <-time.After(opts.CommandTimeout / 4):
					case <-ctx.Done():
					}
				}
				return freeStore{}.Run(ctx, calls)
			})
		})
		items := make([]Item, counters)
		for i := range items {
			items[i] = Item{Key: keyOf(fmt.Sprint("k", i)), N: 1}
		}
		e.Inc(t.Context(), f, items, make([]Result, counters))
		if n, err := e.FlushAll(t.Context()); err != nil || n != counters {
			t.Errorf("%d counters flushed, %v", n, err)
		}
		if pending := e.Stats().Pending; pending != 0 {
			t.Errorf("%d are pending", pending)
		}
	})
}
