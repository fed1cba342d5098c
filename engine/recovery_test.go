package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// steppedStore can be shut, and lets the batches of one family and of the
// default namespace through one by one.
type steppedStore struct {
	store
	script   *lua.Script
	key      string // the batches' first key
	down     atomic.Bool
	stepping atomic.Bool
	held     atomic.Int64 // batches that came while stepping
	steps    chan struct{}
	calls    atomic.Int64 // the most in one exchange
	carried  atomic.Int64 // the most counters in one batch
}

func (s *steppedStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	if s.down.Load() {
		return lostReplies(make([]lua.Reply, len(calls)), 0)
	}
	if calls[0].Script == s.script && calls[0].Args[3] == s.key && s.stepping.Load() {
		increments := 8 // after "evalsha", its hash, 2, two keys, number, ttl and first
		if s.script == lua.InstApply {
			increments = 3 + 7 + 8 // its hash and seven keys, and eight arguments
		}
		s.calls.Store(max(s.calls.Load(), int64(len(calls))))
		s.carried.Store(max(s.carried.Load(), int64(calls[0].Args[increments].(int))))
		s.held.Add(1)
		select {
		case <-s.steps:
		case <-ctx.Done(): // the engine is closed in the middle of a test that failed
		}
	}
	return s.store.Run(ctx, calls)
}

// step lets n batches through, one by one.
func (s *steppedStore) step(t testing.TB, n int) {
	t.Helper()
	for range n {
		select {
		case s.steps <- struct{}{}:
		case <-time.After(20 * time.Second):
			t.Fatal("no batch came")
		}
	}
}

// After a long absence of Redis what was held up goes there batch by batch, and
// whoever comes meanwhile waits for two of them at most: the one under way, and
// the next, with which his own request travels.
func TestRecoveryLeavesRoomForOthers(t *testing.T) {
	const pending, rounds = 10_000, 2
	onFamilies(t, lax, func(t *testing.T, f Family) {
		m := miniredis.RunT(t)
		s := &steppedStore{script: applyOf(f), steps: make(chan struct{})}
		e := connectForTest(t, m.Addr(), Options{CommandTimeout: time.Minute, FlushInterval: time.Minute}, func(redis store) store {
			s.store = redis
			return s
		})
		b := booksForTest(t, m, f)
		s.key = b.totalsKey()
		keys := manyKeys("waits", pending)
		items, res := make([]Item, pending), make([]Result, pending)
		for i, key := range keys {
			items[i] = Item{Key: key, N: 1}
		}
		e.Get(t.Context(), f, keys, res)
		mustInc(t, e, f, "warm", 0)
		p := partitionForTest(t, e, f, DefaultNamespace)
		if err := p.awaitFlush(t.Context(), p.flushNow(), time.Minute); err != nil { // nothing is in line
			t.Fatal(err)
		}
		s.down.Store(true)
		e.Inc(t.Context(), f, items[:1], res[:1])
		p.flushNow()
		eventually(t, 20*time.Second, "Redis away", p.away.Load)
		e.Inc(t.Context(), f, items[1:], res[1:])
		for _, r := range res {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		s.stepping.Store(true)
		flushed := p.flushNow()
		s.down.Store(false)
		eventually(t, 20*time.Second, "the first batch", func() bool { return s.held.Load() == 1 })
		s.step(t, 2) // Redis is known to be back, and the line is being sent

		last := keys[pending-1]
		for i, tc := range []struct {
			name string
			run  func() error
			in   func() bool // the request waits for its turn
		}{
			{"GET of a cold counter", func() error {
				var res [1]Result
				e.Get(context.Background(), f, []Key{keyOf("cold")}, res[:])
				return res[0].Err
			}, func() bool { return p.loads.len() > 0 }},
			{"INC of a counter in memory", func() error {
				var res [1]Result
				e.Inc(context.Background(), f, []Item{{Key: keyOf("warm"), N: 1}}, res[:])
				return res[0].Err
			}, func() bool { return p.loads.len() > 0 }},
			{"INC of a cold counter", func() error {
				var res [1]Result
				e.Inc(context.Background(), f, []Item{{Key: keyOf("cold too"), N: 1}}, res[:])
				return res[0].Err
			}, func() bool { return p.loads.len() > 0 }},
			{"FLUSH of the last in line", func() error {
				_, err := e.Flush(context.Background(), f, []Key{last})
				if got := m.HGet(b.totalsKey(), string(last.Counter)); err == nil && got != "1" {
					err = fmt.Errorf("Redis has %q", got)
				}
				return err
			}, func() bool { return len(p.hurry) > 0 }},
			{"SET", func() error {
				return e.one(context.Background(), f, opSet, Item{Key: keyOf("set"), N: 5}).Err
			}, func() bool { return len(p.groups) > 0 }},
		} {
			batches := int64(3 + i*rounds) // one is on its way, so that the request waits for the next
			eventually(t, 20*time.Second, "a batch before "+tc.name, func() bool { return s.held.Load() == batches })
			answered := make(chan error, 1)
			go func() { answered <- tc.run() }()
			eventually(t, 20*time.Second, tc.name+" in line", func() bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return tc.in() || len(answered) > 0
			})
			s.step(t, rounds)
			select {
			case err := <-answered:
				if err != nil {
					t.Errorf("%s: %v", tc.name, err)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("%s is not answered after %d batches", tc.name, rounds)
			}
		}
		for _, other := range []Key{{[]byte("other"), []byte("x")}, keyOf("x")} { // no batch of theirs is held
			g := f
			if string(other.Namespace) == DefaultNamespace {
				g = LaxInstance + LaxPlain - f
			}
			var res [1]Result
			e.Inc(t.Context(), g, []Item{{Key: other, N: 1}}, res[:])
			if n, err := e.Flush(t.Context(), g, []Key{other}); n != 1 || err != nil || res[0].Err != nil {
				t.Errorf("INC and FLUSH in another partition: %v, %d, %v", res[0].Err, n, err)
			}
		}
		if left := e.Stats().Pending; left < pending/4 {
			t.Errorf("%d of %d counters are pending: the drain was over before the test", left, pending)
		}
		close(s.steps)
		if err := p.awaitFlush(t.Context(), flushed, time.Minute); err != nil {
			t.Fatal(err)
		}
		mustFlush(t, e)
		for _, key := range keys {
			if got := m.HGet(b.totalsKey(), string(key.Counter)); got != "1" {
				t.Fatalf("%s is %q in Redis, want 1", key.Counter, got)
			}
		}
		if most := int64(1 + maxReads/readPiece); s.calls.Load() > most {
			t.Errorf("%d calls in one exchange, want at most %d", s.calls.Load(), most)
		}
		if n := s.carried.Load(); n > maxCarried {
			t.Errorf("%d counters in one batch, want at most %d", n, maxCarried)
		}
	})
}

// However many counters are flushed by name, the others get their turn.
func TestHurriedFlushesLeaveRoomForTheLine(t *testing.T) {
	m := miniredis.RunT(t)
	f := LaxPlain
	s := &steppedStore{script: applyOf(f), steps: make(chan struct{})}
	e := connectForTest(t, m.Addr(), unhurried, func(redis store) store {
		s.store = redis
		return s
	})
	b := booksForTest(t, m, f)
	s.key = b.totalsKey()
	mustInc(t, e, f, "waits", 1)
	keys := manyKeys("named", 4*maxCarried)
	items, res := make([]Item, len(keys)), make([]Result, len(keys))
	for i, key := range keys {
		items[i] = Item{Key: key, N: 1}
	}
	e.Inc(t.Context(), f, items, res)
	s.stepping.Store(true)
	p := partitionForTest(t, e, f, DefaultNamespace)
	flushed := make(chan error, 2)
	go func() {
		n, err := e.Flush(context.Background(), f, keys)
		if err == nil && n != len(keys) {
			err = fmt.Errorf("%d counters were flushed", n)
		}
		flushed <- err
	}()
	eventually(t, 20*time.Second, "the first batch", func() bool { return s.held.Load() == 1 })
	line := p.flushNow()
	s.step(t, 2)
	eventually(t, 20*time.Second, "the third batch", func() bool { return s.held.Load() == 3 })
	if got := m.HGet(b.totalsKey(), "waits"); got != "1" {
		t.Errorf("the first in line is %q in Redis after two batches, want 1", got)
	}
	close(s.steps)
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if err := p.awaitFlush(t.Context(), line, 20*time.Second); err != nil {
		t.Error(err)
	}
	if n := s.carried.Load(); n > maxCarried {
		t.Errorf("%d counters in one batch, want at most %d", n, maxCarried)
	}
}
