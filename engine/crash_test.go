package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

var journaled = []Family{LaxInstance, LaxPlain, Ordinary}

// crashOpts flush when told to.
var crashOpts = Options{FlushInterval: time.Minute, AllowedLag: time.Minute, CommandTimeout: 20 * time.Second, Lax: everyKey}

func onJournaled(t *testing.T, run func(t *testing.T, f Family)) {
	for _, f := range journaled {
		t.Run(f.String(), func(t *testing.T) { run(t, f) })
	}
}

// What was acknowledged and not flushed is there at the next start.
func TestKilledWithPending(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		r := newCrashRig(t, crashOpts)
		r.inc(f, "a", 5)
		r.inc(f, "b", 0)
		r.inc(f, "b", -7)
		if got := r.inRedis(f, "a") + r.inRedis(f, "b"); got != "" {
			t.Fatalf("%q is in Redis already", got)
		}
		id := r.e.InstanceID()
		r.opts.InstanceID = "another"
		r.restart()
		if r.e.InstanceID() != id {
			t.Errorf("the instance is %s, was %s", r.e.InstanceID(), id)
		}
		r.want(f, "a", 5)
		r.want(f, "b", -7)
		r.inc(f, "a", 1)
		r.restart()
		r.restart() // with nothing done in between
		r.want(f, "a", 6)
		r.restart()
		r.want(f, "a", 6)
		r.want(f, "b", -7)
	})
}

// A batch that was on its way counts once, whether Redis has applied it or not, and
// so does what was accepted behind it, however often the process is killed.
func TestKilledInFlight(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		for _, fate := range []int32{dropped, muted} {
			for _, kills := range []int{1, 3} {
				r := newCrashRig(t, crashOpts)
				r.inc(f, "a", 1)
				r.inc(f, "b", 1)
				if err := r.flush(); err != nil {
					t.Fatal(err)
				}
				r.inc(f, "a", 10)
				r.inc(f, "c", 100)
				r.lose(f, fate)
				r.inc(f, "a", 1000)
				r.fate = fate
				for range kills - 1 {
					r.restart()
					r.lose(f, fate)
				}
				r.fate = passes
				r.restart()
				r.want(f, "a", 1011)
				r.want(f, "b", 1)
				r.want(f, "c", 100)
				r.inc(f, "a", 1)
				r.restart()
				r.want(f, "a", 1012)
			}
		}
	})
}

// A counter that is not loaded is not answered from what the journal says alone.
func TestKilledWhileRedisIsAway(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		r := newCrashRig(t, crashOpts)
		r.inc(f, "a", 5)
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		r.inc(f, "a", 1)
		r.kill()
		r.m.SetError("LOADING not yet")
		r.start()
		if err := mayInc(r.e, f, "a", 1); err == nil || err.(*Error).Code != "LOADING" {
			t.Errorf("while Redis is away: %v", err)
		}
		r.m.SetError("")
		eventually(t, 20*time.Second, "a counter", func() bool { return mayInc(r.e, f, "a", 1) == nil })
		r.want(f, "a", 7)
	})
}

// A batch that Redis had applied, of an instance that was buried since: what Redis says
// of its counters lacks what the burial took, and is not answered from.
func TestKilledAndBuried(t *testing.T) {
	r := newCrashRig(t, crashOpts)
	r.inc(LaxInstance, "a", 1)
	if err := r.flush(); err != nil {
		t.Fatal(err)
	}
	r.inc(LaxInstance, "a", 10)
	r.lose(LaxInstance, muted)
	r.kill()
	r.m.SetTime(time.Now().Add(time.Hour))
	other := connectForTest(t, r.m.Addr(), Options{InstanceID: "i2", FlushInterval: time.Millisecond}, func(s store) store { return s })
	mustInc(t, other, LaxInstance, "b", 1)
	eventually(t, 20*time.Second, "the burial", func() bool {
		mustInc(t, other, LaxInstance, "b", 1)
		return r.inRedis(LaxInstance, "a") == "0"
	})
	other.Close(t.Context())
	r.start()
	r.want(LaxInstance, "a", 11)
}

// SETI stands in the journal as it does in memory.
func TestKilledWithSlices(t *testing.T) {
	for _, fate := range []int32{dropped, muted} {
		r := newCrashRig(t, crashOpts)
		seti := func(n int64) {
			t.Helper()
			var res [1]Result
			r.e.SetI(context.Background(), LaxInstance, []Item{{Key: keyOf("a"), N: n}}, res[:])
			if err := errors.Join(res[0].Err, r.e.Commit(0)); err != nil {
				t.Fatal(err)
			}
		}
		r.m.HSet(lua.NewKeys(DefaultNamespace, LaxInstance.Container(), 0, 1).Cumulative(), "a", "1000") // others'
		r.inc(LaxInstance, "a", 5)
		seti(10)
		r.inc(LaxInstance, "a", 1)
		r.restart()
		r.want(LaxInstance, "a", 1011)
		seti(20)
		r.lose(LaxInstance, fate)
		r.inc(LaxInstance, "a", 2)
		seti(30)
		r.inc(LaxInstance, "a", 3)
		r.restart()
		r.want(LaxInstance, "a", 1033)
	}
}

// An operation that was on its way is not repeated, and its effect not doubled; what
// travelled with it counts once.
func TestKilledInAnOperation(t *testing.T) {
	for _, f := range []Family{LaxInstance, LaxPlain} {
		for _, kind := range []opKind{opSet, opDel, opClear, opClearI} {
			for _, fate := range []int32{dropped, muted} {
				if kind == opClearI && f == LaxPlain {
					continue
				}
				t.Run(fmt.Sprint(f, " ", kind, " ", fate), func(t *testing.T) {
					r := newCrashRig(t, crashOpts)
					r.inc(f, "a", 5)
					r.inc(f, "b", 50)
					if err := r.flush(); err != nil {
						t.Fatal(err)
					}
					r.inc(f, "a", 1)
					r.inc(f, "b", 1)
					r.link.fate.Store(fate)
					ctx, giveUp := context.WithCancel(context.Background())
					done := make(chan error, 1)
					go func() {
						if kind >= opClear {
							done <- r.e.clear(ctx, f, kind, []byte(DefaultNamespace))
						} else {
							done <- r.e.one(ctx, f, kind, Item{Key: keyOf("a"), N: 7}).Err
						}
					}()
					eventually(t, 20*time.Second, "Redis away", r.partition(f).away.Load)
					giveUp()
					if err := <-done; err != ErrUnknown {
						t.Fatal(err)
					}
					r.fate = muted // once more in the middle of finding out
					r.restart()
					eventually(t, 20*time.Second, "Redis away", r.partition(f).away.Load)
					r.fate = passes
					r.restart()
					a, b := int64(6), int64(51)
					if fate == muted {
						switch kind {
						case opSet:
							a = 7
						case opDel:
							a = 0
						default:
							a, b = 0, 0
						}
					}
					r.want(f, "a", a)
					r.want(f, "b", b)
					r.inc(f, "a", 1)
					r.restart()
					r.want(f, "a", a+1)
				})
			}
		}
	}
}

// A stop with an operation on its way, and nothing pending, is as a kill: the number of
// its batch may be used up.
func TestStoppedInAnOperation(t *testing.T) {
	for _, fate := range []int32{dropped, muted} {
		r := newCrashRig(t, crashOpts)
		r.inc(LaxPlain, "a", 5)
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		r.link.fate.Store(fate)
		ctx, giveUp := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.e.one(ctx, LaxPlain, opSet, Item{Key: keyOf("a"), N: 100}).Err }()
		eventually(t, 20*time.Second, "Redis away", r.partition(LaxPlain).away.Load)
		giveUp()
		if err := <-done; err != ErrUnknown {
			t.Fatal(err)
		}
		r.e.Close(ctx)
		r.start()
		want := map[int32]int64{dropped: 5, muted: 100}[fate]
		r.inc(LaxPlain, "a", 1)
		r.want(LaxPlain, "a", want+1)
	}
}

// What Redis refuses is refused after a start too, and void once it was set.
func TestKilledWithARefusal(t *testing.T) {
	for _, f := range []Family{LaxInstance, LaxPlain} {
		t.Run(f.String(), func(t *testing.T) {
			r := newCrashRig(t, crashOpts)
			r.inc(f, "a", 5)
			r.inc(f, "b", 5)
			keys := lua.NewKeys(DefaultNamespace, f.Container(), 0, 1)
			key := map[Family]string{LaxInstance: keys.Cumulative(), LaxPlain: keys.Totals()}[f]
			r.m.HSet(key, "a", "no number")
			if err := r.flush(); err != ErrNotInteger {
				t.Fatal(err)
			}
			r.restart()
			if err := r.flush(); err != ErrNotInteger {
				t.Fatal(err)
			}
			if got := r.inRedis(f, "b"); got != "5" {
				t.Errorf("its neighbour is %q in Redis", got)
			}
			if res := r.e.one(context.Background(), f, opSet, Item{Key: keyOf("a"), N: 100}); res.Err != nil {
				t.Fatal(res.Err)
			}
			r.inc(f, "a", 1)
			r.restart()
			r.want(f, "a", 101)
			r.want(f, "b", 5)
		})
	}
}

// An increment of a key that expires goes with the key, also when the process was
// killed in between, and otherwise keeps its time to live.
func TestKilledWithExpiry(t *testing.T) {
	r := newCrashRig(t, crashOpts)
	r.m.Set("dies", "5")
	r.m.SetTTL("dies", 10*time.Second)
	r.m.Set("lives", "5")
	r.m.SetTTL("lives", time.Hour)
	r.inc(Ordinary, "dies", 1)
	r.inc(Ordinary, "lives", 1)
	r.kill()
	r.m.FastForward(20 * time.Second)
	r.m.SetTime(time.Now().Add(20 * time.Second))
	r.start()
	r.want(Ordinary, "lives", 6)
	if r.m.Exists("dies") {
		t.Error("an expired key is back")
	}
	if ttl := r.m.TTL("lives"); ttl < 50*time.Minute {
		t.Errorf("a time to live of an hour is %v", ttl)
	}
}
