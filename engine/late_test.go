package engine

import (
	"context"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// A pass lasts as long as the rounds that take from the line: a round of other
// things long after it must not count as time that a counter may be old.
func TestOtherRoundsDoNotStretchThePass(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		o := newOutage(t, f)
		o.p.restForTest(t)
		o.adds()
		o.tooOld()
		pass, came := o.p.pass.Load(), o.near.now()
		if r := operateOn(t, o.near, f, opSet, "y", 5); r.Err != nil || !r.Applied {
			t.Fatalf("set y: %+v", r)
		}
		took := o.near.now() - came
		if p := o.p.pass.Load(); p > max(took, pass) {
			t.Errorf("a round that took less than %v makes the pass %v long, was %v",
				time.Duration(took), time.Duration(p), time.Duration(pass))
		}
		o.tooOld()
		if got := mustGet(t, o.near, f, "c"); got.Total != o.total {
			t.Errorf("total is %d, want %d", got.Total, o.total)
		}
	})
}

// A heartbeat that found no slice, and whose reply comes after that to a strict
// command which left one, does not end the heartbeats.
func TestHeartbeatDoesNotForgetAStrictSlice(t *testing.T) {
	f := StrictInstance
	_, m := startForTest(t, Options{InstanceID: "far"})
	beats, gate := &meddledStore{}, &gatedStore{}
	e := connectForTest(t, m.Addr(), Options{CommandTimeout: 5 * time.Second}, func(redis store) store {
		gate.store, beats.store = redis, gate
		return beats
	})
	mustInc(t, e, f, "x", 1)
	if r := operateOn(t, e, f, opDelI, "x", 0); r.Err != nil {
		t.Fatal(r.Err)
	}
	p := partitionForTest(t, e, f, DefaultNamespace)

	apply := gate.hold(t, callsOf(lua.InstApply))
	counted := make(chan Result, 1)
	go func() { counted <- e.one(t.Context(), f, opInc, Item{Key: keyOf("x"), N: 5}) }()
	apply.await(t, 1)
	reply := beats.pauseReply(t, lua.InstBeat, false)
	p.beatAt.Store(e.now())
	p.kick()
	reply.await(t)
	apply.release()
	if r := <-counted; r.Err != nil || r.Value.Mine != 5 {
		t.Fatalf("inc: %+v, want a slice of 5", r)
	}
	reply.deliver()
	p.presence.Lock() // the flusher holds it until it has dealt with the reply
	due := p.beatAt.Load()
	p.presence.Unlock()
	booksForTest(t, m, f).want("x", "5", "5")
	if due == 0 {
		t.Error("a slice lies in Redis and no heartbeat is due")
	}
}

// What an earlier process of this id has left is taken over even if Redis does
// not answer the first time it is asked for it.
func TestTakeOverIsTriedAgain(t *testing.T) {
	f := LaxInstance
	old, m := startForTest(t, Options{})
	mustInc(t, old, f, "x", 1)
	mustFlush(t, old)
	old.Close(t.Context())
	b := booksForTest(t, m, f)
	if _, err := m.ZAdd(b.Instances(), 1, "i1"); err != nil { // silent for long
		t.Fatal(err)
	}
	s := &meddledStore{}
	s.once(asksForNamespaces, func(_ context.Context, _ store, calls []lua.Call) []lua.Reply {
		return lostReplies(make([]lua.Reply, len(calls)), 0)
	})
	e := connectForTest(t, m.Addr(), Options{}, func(redis store) store {
		s.store = redis
		return s
	})
	eventually(t, 5*time.Second, "a heartbeat for the slices of an earlier process", func() bool {
		beat, err := m.ZScore(b.Instances(), "i1")
		return err == nil && beat > 1
	})
	if n := s.left(); n != 0 {
		t.Error("no reply was lost")
	}
	if n := e.Stats().Namespaces; n != 1 {
		t.Errorf("%d namespaces are live, want 1", n)
	}
	b.want("x", "1", "1")
}

// asksForNamespaces reports whether calls ask which namespaces are recorded.
func asksForNamespaces(calls []lua.Call) bool {
	return calls[0].Script == nil && len(calls[0].Args) > 0 && calls[0].Args[0] == "hkeys"
}
