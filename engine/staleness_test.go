package engine

import (
	"testing"
	"time"
)

// outage is a proxy that can be cut off from Redis, and another one.
type outage struct {
	t         *testing.T
	near, far *Engine
	link      *gatedStore
	f         Family
	p         *partition
	total     int64
}

// newOutage has both use the counter c, which both know as 1.
func newOutage(t *testing.T, f Family) *outage {
	t.Helper()
	far, m := startForTest(t, Options{InstanceID: "far"})
	near, link := gateForTest(t, m.Addr(), Options{CommandTimeout: 200 * time.Millisecond})
	mustInc(t, near, f, "c", 1)
	mustFlush(t, near)
	return &outage{t: t, near: near, far: far, link: link, f: f, p: partitionForTest(t, near, f, DefaultNamespace), total: 1}
}

// untouchedFor waits until what near knows of c is so old.
func (o *outage) untouchedFor(age time.Duration) {
	o.t.Helper()
	s := o.p.shardOf(hash([]byte("c")))
	eventually(o.t, 10*time.Second, "a counter at rest", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := s.cells["c"]
		return c != nil && !c.queued && !c.asked && o.near.now()-c.baseAt > int64(age)
	})
}

// adds has the other proxy add 100, and flush.
func (o *outage) adds() {
	o.t.Helper()
	mustInc(o.t, o.far, o.f, "c", 100)
	mustFlush(o.t, o.far)
	o.total += 100
}

// What is served from memory while Redis is away is not served from it when
// Redis has long been back, though nothing but a GET was ever asked.
func TestGetInAnOutageDoesNotStick(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		o := newOutage(t, f)
		o.p.restForTest(t)
		o.untouchedFor(100 * time.Millisecond)
		o.link.shut()
		eventually(t, 5*time.Second, "Redis away", func() bool {
			var res [1]Result
			o.near.Get(t.Context(), f, []Key{keyOf("c")}, res[:])
			return o.p.away.Load()
		})
		if got := mustGet(t, o.near, f, "c"); got.Total != o.total {
			t.Fatalf("total is %d in the outage, want %d", got.Total, o.total)
		}
		o.untouchedFor(100 * time.Millisecond)
		o.link.open()
		o.adds()
		since := o.near.now()
		eventually(t, 5*time.Second, "a while without a command", func() bool {
			return !o.p.away.Load() || o.near.now()-since > int64(2*maxBackoff)
		})
		if got := mustGet(t, o.near, f, "c"); got.Total != o.total {
			t.Errorf("total is %d after the outage, want %d", got.Total, o.total)
		}
		if !o.near.Stats().RedisUp {
			t.Error("Redis is back, and the engine does not know")
		}
	})
}

// How long an outage held up a round says nothing about how long rounds take:
// it must not count as time that a counter may be old.
func TestOutageDoesNotBoundStaleness(t *testing.T) {
	const (
		long = 1500 * time.Millisecond
		soon = 400 * time.Millisecond
	)
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		o := newOutage(t, f)
		o.link.set(func(g *gatedStore) { g.hangs = true })
		eventually(t, 5*time.Second, "an increment in the outage", func() bool {
			return operateOrInc(t, o.near, f, "c", 1).Err == nil
		})
		o.total++
		eventually(t, 10*time.Second, "a long outage", func() bool { return o.near.Stats().OldestPending > long })
		o.link.open()
		flushes(t, o.near)
		o.p.restForTest(t)
		o.adds()
		o.untouchedFor(soon)
		if got := mustGet(t, o.near, f, "c"); got.Total != o.total {
			t.Errorf("total is %d more than %v after another's flush, want %d (pass %v, round trip %v)",
				got.Total, soon, o.total, time.Duration(o.p.pass.Load()), time.Duration(o.p.rtt.Load()))
		}
	})
}
