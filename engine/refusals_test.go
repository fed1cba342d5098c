package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

var instanceAware = []Family{LaxInstance, StrictInstance}

// onFamilies runs a test for several families.
func onFamilies(t *testing.T, families []Family, run func(t *testing.T, f Family)) {
	for _, f := range families {
		t.Run(f.String(), func(t *testing.T) { run(t, f) })
	}
}

// untouched are settings under which nothing is flushed but for a reason, and no
// counter in memory is too old to be used.
var untouched = Options{FlushInterval: time.Hour}

// The refused partition's round ends while FLUSH still waits for the other one.
func TestFlushOfTwoNamespacesTellsOfARefusal(t *testing.T) {
	const pairs = 10 // which of two FLUSH waits for first is chance
	_, m := startForTest(t, Options{})
	// FLUSH has the time to wait for the attempt after the one that was refused.
	e, gate := gateForTest(t, m.Addr(), Options{FlushInterval: refusedPause, AllowedLag: time.Hour, CommandTimeout: 5 * time.Second})
	f := LaxPlain
	var items []Item
	for i := range pairs {
		for _, name := range []string{"good", "bad"} {
			items = append(items, Item{Key: Key{fmt.Append(nil, name, i), []byte("a")}, N: 1})
		}
	}
	e.Get(t.Context(), f, keysOf(items), make([]Result, len(items)))
	for i := range pairs {
		if err := m.Set(fmt.Sprint("bad", i, ":", f.Container()), "not a container"); err != nil {
			t.Fatal(err)
		}
	}
	slow := gate.hold(t, func(calls []lua.Call) bool {
		return callsOf(lua.PlainApply)(calls) && strings.HasPrefix(calls[0].Args[3].(string), "good")
	})
	res := make([]Result, len(items))
	e.Inc(t.Context(), f, items, res)
	for _, r := range res {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	flush := func(keys []Key) {
		if _, err := e.Flush(t.Context(), f, keys); !errors.Is(err, wrongType) {
			t.Errorf("FLUSH: %v with %d counters pending, want %v", err, e.Stats().Pending, wrongType)
		}
	}
	var wg sync.WaitGroup
	for i := range pairs {
		wg.Go(func() { flush(keysOf(items[2*i : 2*i+2])) })
	}
	slow.await(t, pairs)
	for i := range pairs {
		p := partitionForTest(t, e, f, fmt.Sprint("bad", i))
		eventually(t, 5*time.Second, "a refusal", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.failed.Load() != nil && !p.busy
		})
	}
	slow.release()
	wg.Wait()
	flush(keysOf(items[1:2])) // and so it is with the next one
}

func keysOf(items []Item) []Key {
	keys := make([]Key, len(items))
	for i := range items {
		keys[i] = items[i].Key
	}
	return keys
}

// SET and DEL reach into other instances' containers: a bad one there must be
// met before anything of the batch is applied, whether the instance was named
// by the batch at once or only after Redis had asked for it.
func TestBadContainerOfAnotherInstance(t *testing.T) {
	for _, kind := range []opKind{opSet, opDel} {
		t.Run(kind.String()+"/known", func(t *testing.T) { meetBadContainer(t, kind, true) })
		t.Run(kind.String()+"/unknown", func(t *testing.T) { meetBadContainer(t, kind, false) })
	}
}

func meetBadContainer(t *testing.T, kind opKind, known bool) {
	t.Parallel()
	_, m := startForTest(t, Options{})
	e, gate := gateForTest(t, m.Addr(), Options{FlushInterval: time.Millisecond, AllowedLag: time.Hour})
	f := LaxInstance
	b := booksForTest(t, m, f)
	mustInc(t, e, f, "b", 7)
	mustInc(t, e, f, "a", 0)
	mustFlush(t, e)
	m.ZAdd(b.Instances(), float64(time.Now().UnixMilli()), "ghost")
	if known {
		if res := operateOn(t, e, f, opSet, "c", 1); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	b.spoil(b.Buried("ghost"))

	busy := gate.hold(t, func([]lua.Call) bool { return true })
	busy.await(t, 1) // what comes now goes with the next round, all of it
	since := e.now()
	mustInc(t, e, f, "a", 5)
	p := partitionForTest(t, e, f, DefaultNamespace)
	done := make(chan error, 1)
	go func() { done <- e.one(t.Context(), f, kind, Item{Key: keyOf("b"), N: 1}).Err }()
	eventually(t, 5*time.Second, "an operation in line", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.groups) == 1 && e.now()-since > int64(5*time.Millisecond)
	})
	busy.release()
	if err := <-done; !errors.Is(err, wrongType) {
		t.Errorf("%v: %v, want %v", kind, err, wrongType)
	}
	b.want("a", "", "")
	b.want("b", "7", "7")
	m.Del(b.Buried("ghost"))
	flushes(t, e)
	b.want("a", "5", "5")
	b.want("b", "7", "7")
}

func TestStrictCommandMeetsABadContainerBeforeItWrites(t *testing.T) {
	e, m := startForTest(t, Options{})
	f := StrictInstance
	b := booksForTest(t, m, f)
	mustInc(t, e, f, "b", 7)
	m.ZAdd(b.Instances(), float64(time.Now().UnixMilli()), "ghost")
	b.spoil(b.Buried("ghost"))
	for _, kind := range []opKind{opSet, opDel} {
		if res := operateOn(t, e, f, kind, "b", 1); !errors.Is(res.Err, wrongType) {
			t.Errorf("%v: %v, want %v", kind, res.Err, wrongType)
		}
		b.want("b", "7", "7")
	}
}

// A refused CLEARI has done nothing, in Redis and in memory.
func TestClearIWithBadEpochs(t *testing.T) {
	onFamilies(t, instanceAware, func(t *testing.T, f Family) {
		e, m := startForTest(t, Options{})
		b := booksForTest(t, m, f)
		mustInc(t, e, f, "a", 5)
		mustFlush(t, e)
		b.spoil(b.Epochs())
		if err := e.ClearI(t.Context(), f, e.DefaultNS()); !errors.Is(err, wrongType) {
			t.Errorf("CLEARI: %v, want %v", err, wrongType)
		}
		b.want("a", "5", "5")
		m.Del(b.Epochs())
		eventually(t, 5*time.Second, "an increment", func() bool {
			return operateOrInc(t, e, f, "a", 3).Err == nil
		})
		flushes(t, e)
		b.want("a", "8", "8")
	})
}

// operateOrInc is INC whose refusal the caller looks at.
func operateOrInc(t testing.TB, e *Engine, f Family, name string, n int64) Result {
	t.Helper()
	var res [1]Result
	e.Inc(t.Context(), f, []Item{{Key: keyOf(name), N: n}}, res[:])
	return res[0]
}

// An epoch that is no number counts as none.
func TestEpochThatIsNoNumber(t *testing.T) {
	onFamilies(t, instanceAware, func(t *testing.T, f Family) {
		e, m := startForTest(t, Options{})
		b := booksForTest(t, m, f)
		mustInc(t, e, f, "a", 5)
		mustInc(t, e, f, "b", 5)
		mustFlush(t, e)
		m.HSet(b.Epochs(), "a", "x")
		res := operateOn(t, e, f, opDelI, "a", 0)
		if res.Err != nil || res.Prev.Mine != 5 || res.Value.Total != 0 {
			t.Errorf("DELI: %+v, want 5 removed and a total of 0", res)
		}
		mustGet(t, e, f, "cold")
		mustInc(t, e, f, "b", 1)
		mustInc(t, e, f, "a", 2)
		mustFlush(t, e)
		b.want("b", "6", "6")
		b.want("a", "2", "2")
		if res := operateOn(t, e, f, opSet, "a", 9); res.Err != nil {
			t.Error(res.Err)
		}
		b.want("a", "9", "9")
	})
}

func TestRefusedCounterIsCountedOnce(t *testing.T) {
	e, m := startForTest(t, untouched)
	f := LaxInstance
	b := booksForTest(t, m, f)
	mustInc(t, e, f, "a", 5)
	m.HSet(b.Cumulative(), "a", "9223372036854775807")
	if _, err := e.FlushAll(t.Context()); !errors.Is(err, ErrOverflow) {
		t.Fatalf("flush: %v, want %v", err, ErrOverflow)
	}
	for i := range 200 { // each carries the refused change again
		operateOn(t, e, f, opDelI, "a", 0)
		if n := e.Stats().Refused; n != 1 {
			t.Fatalf("%d counters are refused after %d times DELI, want 1", n, i+1)
		}
	}
}
