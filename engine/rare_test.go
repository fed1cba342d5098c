package engine

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// rareHold holds those of the keys that are rare.
func rareHold(t *testing.T, e *Engine, names ...string) (h *RareHold, which []string) {
	t.Helper()
	adds := make([]Add, len(names))
	for i, name := range names {
		adds[i] = Add{[]byte(name), 1}
	}
	rare := make([]bool, len(names))
	h = e.HoldRare(0, adds, rare)
	for i, is := range rare {
		if is {
			which = append(which, names[i])
		}
	}
	if (h != nil) != (len(which) > 0) {
		t.Fatalf("a hold %v on %v", h, which)
	}
	return h, which
}

// A key is rare that is not in memory, that nobody holds, and that nobody has asked for
// within the time that it would stay fresh.
func TestRareKeys(t *testing.T) {
	e, _ := laxForTest(t)
	mustIncr(t, e, "warm", 1)
	held, err := e.Hold(t.Context(), []Touch{{Keys: [][]byte{[]byte("held")}}})
	if err != nil {
		t.Fatal(err)
	}
	h, which := rareHold(t, e, "warm", "a", "held", "a", "b")
	if len(which) != 3 || which[0] != "a" || which[1] != "a" || which[2] != "b" {
		t.Fatalf("%v are rare", which)
	}
	if _, again := rareHold(t, e, "a", "b"); again != nil {
		t.Fatalf("%v are rare while somebody else has them", again)
	}
	h.Release()
	held.Release()
	if _, again := rareHold(t, e, "a", "b"); again != nil {
		t.Fatalf("%v are rare though they are asked for again and again", again)
	}
	if h, which := rareHold(t, e, "held"); len(which) != 1 {
		t.Fatal("what was held is not rare")
	} else {
		h.Abandon()
	}
	whole, err := e.Hold(t.Context(), []Touch{{Whole: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Release()
	if _, which := rareHold(t, e, "c"); which != nil {
		t.Fatalf("%v are rare while somebody holds everything", which)
	}
	if got := e.Stats(); got.Rare != 4 || got.Counters != 1 {
		t.Errorf("%d increments of rare keys, %d counters in memory", got.Rare, got.Counters)
	}
}

// What is asked for after a while is rare again.
func TestRareAgain(t *testing.T) {
	var b rareBook
	const h, lag = 12345678901234567, int64(40 * time.Millisecond)
	if b.ask(h, 0, lag) {
		t.Error("a key that was never asked for")
	}
	for _, step := range []struct {
		at   int64
		want bool
	}{{lag, true}, {2 * lag, true}, {3*lag + 1e6, false}, {3*lag + 2e6, true}} {
		if got := b.ask(h, step.at, lag); got != step.want {
			t.Errorf("at %v: asked for lately: %v", time.Duration(step.at), got)
		}
	}
	if b.ask(h^1, 3*lag+2e6, lag) {
		t.Error("another key of the same place")
	}
}

// While a rare increment is on its way the key is not answered from memory, nor from
// what a script says that ran beside it: that may not know of the increment.
func TestRareIncrementIsReadByAll(t *testing.T) {
	opts := unhurried
	opts.Lax = everyKey
	m := miniredis.RunT(t)
	e, gate := gateForTest(t, m.Addr(), opts)
	h, which := rareHold(t, e, "a")
	if len(which) != 1 {
		t.Fatal("the key is not rare")
	}
	replies := gate.holdReplies(t, callsOf(lua.StringApply))
	done := make(chan int64)
	go func() { done <- e.IncrBy(t.Context(), 0, []byte("a"), 1).N }()
	replies.await(t, 1) // the script has run, nobody knows
	if n, err := m.Incr("a", 1); err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	h.Release()
	replies.release()
	if got := <-done; got != 1 {
		t.Errorf("the increment beside it is told %d", got)
	}
	var out [1]Number
	e.Read(t.Context(), 0, [][]byte{[]byte("a")}, out[:])
	if out[0].N != 2 {
		t.Errorf("the key reads %d, want 2", out[0].N)
	}
}

// Increments of cold keys are many from so many a second on, if they are half of all. A
// command waits for no replica, so with such there are never many.
func TestManyCold(t *testing.T) {
	const tick = int64(tideTime)
	var td tide
	now := 10 * tick
	for _, step := range []struct {
		ticks, cold, all int
		want             bool
	}{
		{1, 200, 300, false}, // nothing was judged yet: this is
		{0, 1, 0, false},
		{1, 198, 250, false}, // with the one before 199 in a fiftieth of a second
		{1, 200, 400, true},
		{0, 0, 0, true},
		{1, 200, 401, false}, // less than half
		{1, 200, 300, true},
		{2, 399, 399, false}, // in two
	} {
		now += int64(step.ticks) * tick
		all := td.all.Load() + uint64(step.all)
		if got := td.rises(step.cold, now, 10_000, all); step != (struct {
			ticks, cold, all int
			want             bool
		}{1, 200, 300, false}) && got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
	}
	e, _ := laxForTest(t)
	e.opts.RareFrom = 1
	if !e.ManyCold(1) {
		t.Error("one is not many, though it is to be")
	}
	e.opts.WaitReplicas = 1
	if e.ManyCold(1) {
		t.Error("many, though replicas have to be waited for")
	}
}
