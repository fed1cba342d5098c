package engine

import (
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// CLEAR lowers epochs: what a proxy remembers from before must not make the
// slices void that are written after it.
func TestIncsAfterClearKeepTheirSlices(t *testing.T) {
	const incs = 50
	e, m := startForTest(t, Options{})
	e, gate := gateForTest(t, m.Addr(), Options{InstanceID: e.InstanceID()})
	f := StrictInstance
	if res := operateOn(t, e, f, opSet, "c", 1); res.Err != nil {
		t.Fatal(res.Err)
	}
	if err := e.Clear(t.Context(), f, e.DefaultNS()); err != nil {
		t.Fatal(err)
	}
	all := gate.hold(t, callsOf(lua.InstApply)) // none knows of another
	var wg sync.WaitGroup
	for range incs {
		wg.Go(func() {
			if res := operateOn(t, e, f, opInc, "c", 1); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
	all.await(t, incs)
	all.release()
	wg.Wait()
	booksForTest(t, m, f).want("c", "50", "50")
}

func TestTwinsClearKeepsLaterSlices(t *testing.T) {
	a, m := startForTest(t, Options{})
	b := connectForTest(t, m.Addr(), Options{}, func(s store) store { return s })
	f := LaxInstance
	if res := operateOn(t, a, f, opSet, "c", 2); res.Err != nil {
		t.Fatal(res.Err)
	}
	mustGet(t, a, f, "c") // a remembers the slice, and the epoch that CLEAR lowers
	if err := b.Clear(t.Context(), f, b.DefaultNS()); err != nil {
		t.Fatal(err)
	}
	mustInc(t, b, f, "c", 2)
	mustFlush(t, b)
	// a may have looked between CLEAR and INC: it shows the twin's 2 within the lag.
	eventually(t, 5*time.Second, "the twin reads total 2 and slice 2", func() bool {
		return mustGet(t, a, f, "c") == Value{Total: 2, Mine: 2}
	})
	mustInc(t, a, f, "c", 1)
	mustFlush(t, a)
	booksForTest(t, m, f).want("c", "3", "3")
}
