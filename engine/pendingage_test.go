package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// The age that counts is that of the oldest change, not of the line: where more
// counters are in use than one batch takes, the line is never empty, and yet no
// change waits for long.
func TestBusyCountersAreNotOld(t *testing.T) {
	const bound = time.Second
	opts := Options{FlushInterval: time.Millisecond, AllowedLag: time.Second, MaxPendingAge: bound}
	e := connectForTest(t, "127.0.0.1:1", opts, func(store) store { return &swiftStore{} })
	keys := manyKeys("busy", 3*maxCarried)
	items := make([]Item, len(keys))
	for i, key := range keys {
		items[i] = Item{Key: key, N: 1}
	}
	res := make([]Result, len(items))
	for start := time.Now(); time.Since(start) < 2*bound; {
		e.Inc(t.Context(), LaxPlain, items, res)
		for _, r := range res {
			if r.Err != nil {
				t.Fatalf("after %v: %v", time.Since(start), r.Err)
			}
		}
	}
	mustFlush(t, e)
	if age := e.Stats().OldestPending; age != 0 {
		t.Errorf("the oldest change is %v old with nothing pending", age)
	}
}

// A partition that Redis refuses as a whole keeps the age of its changes from
// one attempt to the next.
func TestRefusedPartitionGrowsOld(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		m := miniredis.RunT(t)
		e, gate := gateForTest(t, m.Addr(), Options{FlushInterval: 10 * time.Millisecond})
		b := booksForTest(t, m, f)
		mustInc(t, e, f, "x", 1)
		mustFlush(t, e)
		saved := m.HGet(b.totalsKey(), "x")
		b.spoil(b.totalsKey())
		accepted := int64(1)
		eventually(t, 5*time.Second, "a refusal", func() bool {
			r := operateOrInc(t, e, f, "x", 1)
			if r.Err == nil {
				accepted++
			}
			return r.Err != nil
		})
		first := gate.count(applyOf(f))
		eventually(t, 10*time.Second, "three more attempts", func() bool { return gate.count(applyOf(f)) >= first+3 })
		if age := e.Stats().OldestPending; age < 2*refusedPause {
			t.Errorf("the oldest change is %v old after three attempts, one each %v", age, refusedPause)
		}
		m.Del(b.totalsKey())
		m.HSet(b.totalsKey(), "x", saved)
		flushes(t, e)
		if got := m.HGet(b.totalsKey(), "x"); got != fmt.Sprint(accepted) {
			t.Errorf("Redis has %s, accepted were %d", got, accepted)
		}
		if age := e.Stats().OldestPending; age != 0 {
			t.Errorf("the oldest change is %v old with nothing pending", age)
		}
	})
}

// A counter whose change Redis refuses has no increments of others refused,
// however long it waits.
func TestRefusedCounterDoesNotMakeOthersOld(t *testing.T) {
	const bound = time.Second
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		e, m := startForTest(t, Options{FlushInterval: time.Millisecond, MaxPendingAge: bound})
		b := booksForTest(t, m, f)
		mustInc(t, e, f, "bad", 1)
		mustInc(t, e, f, "good", 1)
		mustFlush(t, e)
		m.HSet(b.totalsKey(), "bad", "text")
		mustInc(t, e, f, "bad", 1)
		eventually(t, 5*time.Second, "a refused counter", func() bool { return e.Stats().Refused == 1 })
		start := time.Now()
		eventually(t, 10*time.Second, "a wait beyond the bound", func() bool {
			if r := operateOrInc(t, e, f, "good", 1); r.Err != nil {
				t.Fatalf("after %v: %v", time.Since(start), r.Err)
			}
			return time.Since(start) > 2*bound
		})
	})
}

// Past the bound on age all that changes a counter in memory is refused, what is
// in memory is read, and nothing that was accepted is lost.
func TestTooOldRefusesEveryChange(t *testing.T) {
	const bound = 100 * time.Millisecond
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		m := miniredis.RunT(t)
		e, gate := gateForTest(t, m.Addr(), Options{MaxPendingAge: bound, FlushInterval: time.Millisecond})
		b := booksForTest(t, m, f)
		mustInc(t, e, f, "x", 1)
		mustInc(t, e, f, "young", 1)
		mustFlush(t, e)
		gate.shut()
		mustInc(t, e, f, "x", 5)
		eventually(t, 5*time.Second, "an old change", func() bool { return e.Stats().OldestPending > bound })
		for _, name := range []string{"x", "young"} { // it is the oldest that counts, whose ever it is
			for _, n := range []int64{1, -1} {
				if r := operateOrInc(t, e, f, name, n); !errors.Is(r.Err, ErrPendingTooOld) {
					t.Errorf("INC %s by %d: %v, want %v", name, n, r.Err, ErrPendingTooOld)
				}
			}
			if f.InstanceAware() {
				var res [1]Result
				e.SetI(t.Context(), f, []Item{{Key: keyOf(name), N: 9}}, res[:])
				if !errors.Is(res[0].Err, ErrPendingTooOld) {
					t.Errorf("SETI %s: %v, want %v", name, res[0].Err, ErrPendingTooOld)
				}
			}
		}
		if got := mustGet(t, e, f, "x"); got.Total != 6 {
			t.Errorf("the total reads %d, want 6", got.Total)
		}
		gate.open()
		flushes(t, e)
		if got := m.HGet(b.totalsKey(), "x"); got != "6" {
			t.Errorf("Redis has %s, want 6", got)
		}
		mustInc(t, e, f, "x", -1)
		mustInc(t, e, f, "young", 1)
	})
}
