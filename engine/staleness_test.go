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
	near, link := gateForTest(t, m.Addr(), Options{CommandTimeout: time.Minute})
	mustInc(t, near, f, "c", 1)
	mustFlush(t, near)
	return &outage{t: t, near: near, far: far, link: link, f: f, p: partitionForTest(t, near, f, DefaultNamespace), total: 1}
}

// tooOld waits until what near knows of c may not be answered from any more.
func (o *outage) tooOld() {
	o.t.Helper()
	s := o.p.shardOf(hash([]byte("c")))
	eventually(o.t, 10*time.Second, "a counter at rest", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := s.named("c")
		return c != nil && !c.queued && !c.asked && o.near.now()-c.baseAt > 2*o.p.maxAge()
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
		o.tooOld()
		o.link.shut()
		eventually(t, 5*time.Second, "Redis away", func() bool {
			var res [1]Result
			o.near.Get(t.Context(), f, []Key{keyOf("c")}, res[:])
			return o.p.away.Load()
		})
		if got := mustGet(t, o.near, f, "c"); got.Total != o.total {
			t.Fatalf("total is %d in the outage, want %d", got.Total, o.total)
		}
		o.link.open()
		o.adds()
		eventually(t, 10*time.Second, "a contact without a command", func() bool { return !o.p.away.Load() })
		o.tooOld()
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
		hang  = 200 * time.Millisecond
		tries = 5
	)
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		o := newOutage(t, f)
		o.p.restForTest(t)
		pass, rtt := o.p.pass.Load(), o.p.rtt.Load()
		failed := o.near.Stats().Failures
		o.link.set(func(g *gatedStore) { g.hangs = hang })
		mustInc(t, o.near, f, "c", 1)
		o.total++
		eventually(t, 20*time.Second, "a long outage", func() bool { return o.near.Stats().Failures >= failed+tries })
		if p, r := o.p.pass.Load(), o.p.rtt.Load(); p != pass || r != rtt {
			t.Errorf("rounds without an answer count: pass %v and round trip %v, were %v and %v",
				time.Duration(p), time.Duration(r), time.Duration(pass), time.Duration(rtt))
		}
		back := o.near.now()
		o.link.open()
		flushes(t, o.near)
		o.p.restForTest(t)
		took := o.near.now() - back
		if p, r := o.p.pass.Load(), o.p.rtt.Load(); p > max(took, pass) || r > max(took, rtt) {
			t.Errorf("the outage counts: pass %v and round trip %v, %v after it",
				time.Duration(p), time.Duration(r), time.Duration(took))
		}
		o.adds()
		o.tooOld()
		if got := mustGet(t, o.near, f, "c"); got.Total != o.total {
			t.Errorf("total is %d after the outage, want %d", got.Total, o.total)
		}
	})
}
