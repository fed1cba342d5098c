package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/lua"
)

// gatedStore stands between an engine and Redis: a test can shut it, hold calls
// back in it, and ask which scripts came through. The zero value is open.
type gatedStore struct {
	store
	mu sync.Mutex
	// mu guards the following fields.
	down  bool          // calls fail at once
	hangs time.Duration // calls fail after so long
	held  *hold
	late  *hold               // replies
	ran   map[*lua.Script]int // calls answered, by script
}

// hold keeps calls from being sent until it is released.
type hold struct {
	which    func([]lua.Call) bool
	waiting  atomic.Int64
	released chan struct{}
	release  func() // may be called again
}

func (g *gatedStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	g.mu.Lock()
	h := g.held
	g.mu.Unlock()
	if h != nil && h.which(calls) {
		h.waiting.Add(1)
		<-h.released
	}
	g.mu.Lock()
	down, hangs := g.down, g.hangs
	g.mu.Unlock()
	if hangs > 0 {
		select {
		case <-time.After(hangs):
		case <-ctx.Done():
		}
	}
	if down || hangs > 0 {
		return lostReplies(make([]lua.Reply, len(calls)), 0)
	}
	replies := g.store.Run(ctx, calls)
	g.mu.Lock()
	late := g.late
	g.mu.Unlock()
	if late != nil && late.which(calls) {
		late.waiting.Add(1)
		<-late.released
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ran == nil {
		g.ran = make(map[*lua.Script]int)
	}
	for _, call := range calls {
		g.ran[call.Script]++
	}
	return replies
}

func (g *gatedStore) set(change func(*gatedStore)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

func (g *gatedStore) shut() { g.set(func(g *gatedStore) { g.down = true }) }

func (g *gatedStore) open() { g.set(func(g *gatedStore) { g.down, g.hangs = false, 0 }) }

// hold keeps the calls back that which says, until released or the test ends.
func (g *gatedStore) hold(t testing.TB, which func([]lua.Call) bool) *hold {
	h := newHold(t, which)
	g.set(func(g *gatedStore) { g.held = h })
	return h
}

// holdReplies keeps the replies to them back.
func (g *gatedStore) holdReplies(t testing.TB, which func([]lua.Call) bool) *hold {
	h := newHold(t, which)
	g.set(func(g *gatedStore) { g.late = h })
	return h
}

func newHold(t testing.TB, which func([]lua.Call) bool) *hold {
	released := make(chan struct{})
	h := &hold{which: which, released: released, release: sync.OnceFunc(func() { close(released) })}
	t.Cleanup(h.release)
	return h
}

// await waits until n calls are held.
func (h *hold) await(t testing.TB, n int64) {
	t.Helper()
	eventually(t, 5*time.Second, "held calls", func() bool { return h.waiting.Load() >= n })
}

// count is how many calls of a script Redis has answered.
func (g *gatedStore) count(s *lua.Script) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ran[s]
}

// callsOf reports whether a script is among calls.
func callsOf(s *lua.Script) func([]lua.Call) bool {
	return func(calls []lua.Call) bool {
		for _, call := range calls {
			if call.Script == s {
				return true
			}
		}
		return false
	}
}

// gateForTest runs an engine with a gate on the Redis at addr.
func gateForTest(t testing.TB, addr string, opts Options) (*Engine, *gatedStore) {
	t.Helper()
	g := &gatedStore{}
	e := connectForTest(t, addr, opts, func(s store) store {
		g.store = s
		return g
	})
	return e, g
}

// eventually polls until check holds, and fails the test after limit.
func eventually(t testing.TB, limit time.Duration, what string, check func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// books is Redis itself, as one partition of the default namespace has it.
type books struct {
	t testing.TB
	m *miniredis.Miniredis
	f Family
	lua.Keys
}

func booksForTest(t testing.TB, m *miniredis.Miniredis, f Family) books {
	return books{t, m, f, lua.NewKeys(DefaultNamespace, f.Container(), 0, 1)}
}

// want compares a counter's total and i1's slice, "" for one that is not there.
func (b books) want(counter, total, slice string) {
	b.t.Helper()
	if got := b.m.HGet(b.Cumulative(), counter); got != total {
		b.t.Errorf("the total of %s is %q in Redis, want %q", counter, got, total)
	}
	if got := b.m.HGet(b.Slices("i1"), counter); got != slice {
		b.t.Errorf("the slice of %s is %q in Redis, want %q", counter, got, slice)
	}
}

// spoil puts a string where a container is, or could be.
func (b books) spoil(key string) {
	b.t.Helper()
	b.m.Del(key)
	if err := b.m.Set(key, "not a container"); err != nil {
		b.t.Fatal(err)
	}
}

// bury takes i1 for dead however short its silence.
func (b books) bury() {
	b.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: b.m.Addr()})
	defer client.Close()
	call := lua.InstBury.Call([]string{
		b.Cumulative(), b.Instances(), b.Epochs(), b.Slices("i1"), b.Buried("i1"),
	}, "i1", 0, 0, buryPiece, buriedTTL.Milliseconds())
	reply := lua.NewExecutor(client).Run(b.t.Context(), []lua.Call{call})[0]
	if reply.Err != nil || word(list(reply.Value), 0) != "done" {
		b.t.Fatalf("burial: %v, %v", reply.Value, reply.Err)
	}
}

func mustFlush(t testing.TB, e *Engine) {
	t.Helper()
	if _, err := e.FlushAll(t.Context()); err != nil {
		t.Fatalf("flush: %v", err)
	}
}

// flushes waits until everything that was accepted is in Redis.
func flushes(t testing.TB, e *Engine) {
	t.Helper()
	eventually(t, 10*time.Second, "a flush", func() bool {
		_, err := e.FlushAll(t.Context())
		return err == nil && e.Stats().Pending == 0
	})
}

// operateOn carries out one operation on one counter.
func operateOn(t testing.TB, e *Engine, f Family, kind opKind, name string, n int64) Result {
	t.Helper()
	return e.one(t.Context(), f, kind, Item{Key: keyOf(name), N: n})
}

// partitionForTest is the only partition of a namespace and family.
func partitionForTest(t testing.TB, e *Engine, f Family, namespace string) *partition {
	t.Helper()
	parts, err := e.partitions(f, []byte(namespace))
	if err != nil {
		t.Fatal(err)
	}
	return parts[0]
}

// restForTest waits until nothing is in line any more.
func (p *partition) restForTest(t testing.TB) {
	t.Helper()
	eventually(t, 10*time.Second, "an idle partition", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.queue)+p.loads.len()+len(p.groups) == 0 && !p.busy
	})
}
