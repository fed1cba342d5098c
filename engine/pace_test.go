package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// swiftStore answers for a Redis with nothing in it, in no time at all.
type swiftStore struct {
	batches atomic.Int64 // plain_apply calls
}

func (s *swiftStore) Run(_ context.Context, calls []lua.Call) []lua.Reply {
	replies := make([]lua.Reply, len(calls))
	for i, call := range calls {
		switch {
		case call.Script == lua.PlainApply:
			s.batches.Add(1)
			words := []any{"ok", ""}
			for range call.Args[8].(int) { // after "evalsha", its hash, 2, two keys, number, ttl and first
				words = append(words, "1")
			}
			replies[i].Value = words
		case call.Script == lua.Config:
			replies[i].Value = []any{"", ""}
		case call.Args[0] == "hmget":
			replies[i].Value = make([]any, len(call.Args)-2)
		}
	}
	return replies
}

// manyKeys are n counters that none of the other calls has named.
func manyKeys(name string, n int) []Key {
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = keyOf(fmt.Sprintf("%s-%d", name, i))
	}
	return keys
}

// However many counters are in use, a pass over them begins once an interval.
func TestHotCountersKeepTheInterval(t *testing.T) {
	const interval = 20 * time.Millisecond
	swift := &swiftStore{}
	e := connectForTest(t, "127.0.0.1:1", Options{FlushInterval: interval}, func(store) store { return swift })
	keys := manyKeys("hot", 2*maxCarried)
	items := make([]Item, len(keys))
	for i, key := range keys {
		items[i] = Item{Key: key, N: 1}
	}
	res := make([]Result, len(items))
	e.Inc(t.Context(), LaxPlain, items, res)
	before, start := swift.batches.Load(), time.Now()
	for time.Since(start) < time.Second {
		e.Inc(t.Context(), LaxPlain, items, res)
		for _, r := range res {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	batches, intervals := swift.batches.Load()-before, int64(time.Since(start)/interval)
	if most := 3 * (intervals + 2); batches > most {
		t.Errorf("%d batches in %d intervals, want at most %d", batches, intervals, most)
	}
	if batches < 2 {
		t.Errorf("%d batches in %d intervals", batches, intervals)
	}
}

// Past the bound on pending counters those in memory are let go of soon, though
// at first they were few enough to stay for long.
func TestFloodOfColdCountersIsLetGo(t *testing.T) {
	const bound = 1000
	e := connectForTest(t, "127.0.0.1:1", Options{MaxPending: bound}, func(store) store { return &swiftStore{} })
	res := make([]Result, 500)
	for i := range 20 {
		e.Get(t.Context(), LaxPlain, manyKeys(fmt.Sprint("cold", i), len(res)), res)
		for _, r := range res {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	if n := e.Stats().Counters; n <= bound {
		t.Fatalf("%d counters are in memory after the flood, want more than %d", n, bound)
	}
	eventually(t, 3*time.Second, "no more counters in memory than may be pending", func() bool {
		return e.Stats().Counters <= bound
	})
}
