package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/lua"
)

// BenchmarkMemory are lax increments and reads of counters in memory, the flusher
// at work beside them, with a store that costs next to nothing:
// family/counters/operation/goroutines.
func BenchmarkMemory(b *testing.B) {
	for _, kind := range []struct {
		name   string
		family Family
	}{{"DK", LaxInstance}, {"DKC", LaxPlain}, {"ordinary", Ordinary}} {
		for _, counters := range []int{1, 1000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, counters), func(b *testing.B) {
				e := engineForBench(b)
				names := make([][]byte, counters)
				for i := range names {
					names[i] = []byte("counter:" + strconv.Itoa(i))
				}
				warm(b, e, kind.family, names)
				b.Run("GET", func(b *testing.B) { onNames(b, names, func() benchOp { return getForBench(b, e, kind.family) }) })
				b.Run("INC", func(b *testing.B) { onNames(b, names, func() benchOp { return incForBench(b, e, kind.family) }) })
				b.Run("INC-in-a-row", func(b *testing.B) { onNames(b, names, func() benchOp { return incRowForBench(b, e, kind.family) }) })
			})
		}
	}
}

// benchOp is one operation on a counter, for one goroutine.
type benchOp func(name []byte) error

func incForBench(b *testing.B, e *Engine, f Family) benchOp {
	ctx, items, results := b.Context(), make([]Item, 1), make([]Result, 1)
	return func(name []byte) error {
		if f == Ordinary {
			return e.IncrBy(ctx, 0, name, 1).Err
		}
		items[0] = Item{Key: benchKey(name), N: 1}
		e.Inc(ctx, f, items, results)
		return results[0].Err
	}
}

// incRowForBench increments as a pipeline of 16 does.
func incRowForBench(b *testing.B, e *Engine, f Family) benchOp {
	alone := incForBench(b, e, f)
	row, n := e.NewRow(0), 0
	return func(name []byte) error {
		if n++; n%16 == 0 {
			row.Done()
			row = e.NewRow(0)
		}
		done := false
		if f == Ordinary {
			_, done = row.IncrBy(name, 1)
		} else {
			_, done = row.Inc(f, benchKey(name), 1)
		}
		if done {
			return nil
		}
		return alone(name)
	}
}

func getForBench(b *testing.B, e *Engine, f Family) benchOp {
	ctx, names, numbers := b.Context(), make([][]byte, 1), make([]Number, 1)
	keys, results := make([]Key, 1), make([]Result, 1)
	return func(name []byte) error {
		if f == Ordinary {
			names[0] = name
			e.Read(ctx, 0, names, numbers)
			return numbers[0].Err
		}
		keys[0] = benchKey(name)
		e.Get(ctx, f, keys, results)
		return results[0].Err
	}
}

// onNames measures one goroutine, and eight for each processor.
func onNames(b *testing.B, names [][]byte, newOp func() benchOp) {
	b.Run("1", func(b *testing.B) {
		op := newOp()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := op(names[i%len(names)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("many", func(b *testing.B) {
		var workers atomic.Int64
		b.SetParallelism(8)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			op := newOp()
			for i := int(workers.Add(1)) * 7919; pb.Next(); i++ {
				if err := op(names[i%len(names)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

var benchNamespace = []byte(DefaultNamespace)

func benchKey(name []byte) Key { return Key{Namespace: benchNamespace, Counter: name} }

// engineForBench keeps what it has loaded for as long as a benchmark takes: a
// million counters are not gone through within the usual lag.
func engineForBench(b *testing.B) *Engine {
	opts, err := Options{
		InstanceID: "bench", Redis: &redis.Options{}, Lax: []Pattern{{Glob: "*"}},
		AllowedLag: time.Minute, MaxPending: 10_000_000,
	}.withDefaults()
	if err != nil {
		b.Fatal(err)
	}
	e := newEngine(opts, redis.NewClient(clientOptions(opts)), func(*redis.Client) store { return freeStore{} })
	b.Cleanup(func() { e.Close(context.Background()) })
	return e
}

// warm has counters loaded.
func warm(b *testing.B, e *Engine, f Family, names [][]byte) {
	b.Helper()
	for part := range slices.Chunk(names, 100_000) {
		if f == Ordinary {
			e.Read(b.Context(), 0, part, make([]Number, len(part)))
			continue
		}
		keys := make([]Key, len(part))
		for i, name := range part {
			keys[i] = benchKey(name)
		}
		e.Prefetch(b.Context(), f, keys)
	}
}

// freeStore answers the calls of lax partitions at once: every counter reads 0 and
// takes every batch.
type freeStore struct{}

func (freeStore) Run(_ context.Context, calls []lua.Call) []lua.Reply {
	replies := make([]lua.Reply, len(calls))
	for i, call := range calls {
		replies[i].Value = freeReply(call)
	}
	return replies
}

func freeReply(call lua.Call) []any {
	if call.Script == nil { // HMGET, and what is asked at the start
		return make([]any, max(0, len(call.Args)-2))
	}
	keys := call.Args[2].(int)
	args := call.Args[3+keys:]
	switch call.Script {
	case lua.PlainApply:
		return repeat([]any{"ok", ""}, args[3].(int), "0")
	case lua.InstApply:
		return repeat([]any{"ok", "", "mark", "", int64(1)}, args[8].(int), "0", "0", "0+")
	case lua.InstRead:
		return repeat([]any{"ok", "", "mark", "", int64(1)}, len(args)-2, "0", "0", "0+")
	case lua.StringApply:
		return repeat([]any{"ok", "", clockNow(), []any{}}, args[3].(int), int64(0))
	case lua.StringRead:
		return repeat([]any{"ok", "", clockNow(), []any{}}, keys, "0")
	case lua.InstBeat:
		return []any{"ok", "", "mark", "", int64(1)}
	}
	return []any{"", ""} // Config
}

// repeat is a head with n times the same words behind it.
func repeat(head []any, n int, words ...any) []any {
	reply := make([]any, 0, len(head)+n*len(words))
	reply = append(reply, head...)
	for range n {
		reply = append(reply, words...)
	}
	return reply
}

func clockNow() int64 { return time.Now().UnixMilli() }
