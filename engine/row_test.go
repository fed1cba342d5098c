package engine

import (
	"math"
	"testing"
)

func TestRowOfOrdinaryKeys(t *testing.T) {
	e, m := laxForTest(t)
	m.Set("full", "9223372036854775807")
	m.Set("text", "abc")
	row := e.NewRow(0)
	if n, ok := row.IncrBy([]byte("k"), 1); ok {
		t.Fatalf("a key that is not in memory is %d", n)
	}
	mustIncr(t, e, "k", 1)
	read(t, e, "full")
	read(t, e, "text")
	read(t, e, "none")
	accepted := e.Stats().Accepted

	row = e.NewRow(0)
	for want := int64(3); want < 9; want += 2 {
		if n, ok := row.IncrBy([]byte("k"), 2); n != want || !ok {
			t.Errorf("k is %d (%v), want %d", n, ok, want)
		}
	}
	if n, ok := row.Read([]byte("k")); n.N != 7 || !ok {
		t.Errorf("k reads %+v (%v), want 7", n, ok)
	}
	if n, ok := row.Read([]byte("none")); !n.Missing || !ok {
		t.Errorf("a missing key reads %+v (%v)", n, ok)
	}
	for _, key := range []string{"full", "text", "other", "distkit:own"} {
		if n, ok := row.IncrBy([]byte(key), 1); ok {
			t.Errorf("%s is %d, want it left to others", key, n)
		}
	}
	if n, ok := row.Read([]byte("text")); ok {
		t.Errorf("text reads %+v, want it left to others", n)
	}
	row.Done()
	if got := e.Stats().Accepted - accepted; got != 3 {
		t.Errorf("%d increments accepted, want 3", got)
	}

	mustHold(t, e, Touch{Keys: keys("k")})
	wantValue(t, m, "k", "7")
	if n, ok := row.IncrBy([]byte("k"), 1); ok {
		t.Errorf("a key that is held is %d", n)
	}
	if n, ok := row.Read([]byte("k")); ok {
		t.Errorf("a key that is held reads %+v", n)
	}
	wantValue(t, m, "full", "9223372036854775807")
}

func TestRowOfCounters(t *testing.T) {
	for _, f := range []Family{LaxInstance, LaxPlain} {
		e, _ := startForTest(t, unhurried)
		row := e.NewRow(0)
		if v, ok := row.Inc(f, keyOf("k"), 1); ok {
			t.Fatalf("%v: a counter that is not in memory is %+v", f, v)
		}
		mustInc(t, e, f, "k", 1)
		mustInc(t, e, f, "full", math.MaxInt64)
		accepted := e.Stats().Accepted

		row = e.NewRow(0)
		for want := int64(3); want < 9; want += 2 {
			if v, ok := row.Inc(f, keyOf("k"), 2); v.Total != want || !ok {
				t.Errorf("%v: %+v (%v), want %d", f, v, ok, want)
			}
		}
		if v, ok := row.Inc(f, keyOf("k"), 0); v.Total != 7 || !ok {
			t.Errorf("%v: nothing more is %+v (%v), want 7", f, v, ok)
		}
		if v, ok := row.Get(f, keyOf("k")); v.Total != 7 || !ok {
			t.Errorf("%v: reads %+v (%v), want 7", f, v, ok)
		}
		if v, ok := row.Inc(f, keyOf("full"), 1); ok {
			t.Errorf("%v: past the limit it is %+v", f, v)
		}
		if v, ok := row.Get(f, Key{Namespace: []byte("other"), Counter: []byte("k")}); ok {
			t.Errorf("%v: a counter of a namespace that is not in use reads %+v", f, v)
		}
		row.Done()
		if got := e.Stats().Accepted - accepted; got != 3 {
			t.Errorf("%v: %d increments accepted, want 3", f, got)
		}
		if got := mustGet(t, e, f, "k"); got.Total != 7 {
			t.Errorf("%v: it is %+v, want 7", f, got)
		}
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	e, _ := laxForTest(t)
	mustIncr(t, e, "k", 1)
	mustInc(t, e, LaxPlain, "k", 1)
	name, key := []byte("k"), keyOf("k")
	if n := testing.AllocsPerRun(100, func() {
		row := e.NewRow(0)
		row.IncrBy(name, 1)
		row.Read(name)
		row.Inc(LaxPlain, key, 1)
		row.Get(LaxPlain, key)
		row.Done()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
