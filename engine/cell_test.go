package engine

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

// A change put together from many has the effect of applying them in order.
func TestChangesCompose(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		start := Value{Total: r.Int64N(2000) - 1000, Mine: r.Int64N(2000) - 1000}
		step, whole := start, change{}
		for range r.IntN(6) {
			next := change{d: r.Int64N(200) - 100, has: true}
			if r.IntN(3) == 0 {
				next.set, next.v = true, r.Int64N(200)-100
			}
			step, _ = next.apply(step)
			whole, _ = whole.then(next)
		}
		if got, ok := whole.apply(start); !ok || got != step {
			t.Fatalf("from %+v: composed %+v gives %+v, want %+v", start, whole, got, step)
		}
	}
}

// What a client reads does not change while a change moves from pending to
// sent, is put back, or arrives (rule L2).
func TestViewSurvivesAFlush(t *testing.T) {
	c := &cell{}
	c.setBase(Value{Total: 10, Mine: 4}, epoch{n: 0}, 1)
	c.add(5, 0)
	want, _ := c.view()
	check := func(when string) {
		t.Helper()
		if got, ok := c.view(); !ok || got != want {
			t.Fatalf("%s: reads %+v, want %+v", when, got, want)
		}
	}
	c.take()
	check("in flight")
	c.putBack()
	check("refused")
	c.take()
	c.add(1, 0)
	want = Value{Total: 16, Mine: 10}
	check("with more pending")
	c.acknowledge()
	c.settle(Value{Total: 15, Mine: 9}, epoch{n: 0}, 2)
	check("acknowledged")
	if !c.dirty() {
		t.Fatal("the second change is still pending")
	}
}

func TestAddRefusesWhatDoesNotFitBesideOthers(t *testing.T) {
	c := &cell{}
	if !c.add(math.MaxInt64, 0) || c.add(1, 0) {
		t.Fatal("pending overflowed")
	}
	c.take()
	if c.add(1, 0) {
		t.Fatal("pending does not fit beside what is in flight")
	}
	if !c.add(-1, 0) {
		t.Fatal("a change that fits was refused")
	}
	c.putBack()
	if c.pending.d != math.MaxInt64-1 {
		t.Fatalf("put back to %d", c.pending.d)
	}
}

// A slice that stands unchanged under a moved epoch was left behind by whoever
// raised it: it counts as zero until the next batch replaces it.
func TestStaleSliceIsVoid(t *testing.T) {
	c := &cell{}
	c.setBase(Value{Total: 5, Mine: 5}, epoch{n: 0}, 1)
	c.setBase(Value{Total: 100, Mine: 5}, epoch{n: 1}, 2)
	if got, _ := c.view(); got != (Value{Total: 100}) {
		t.Fatalf("reads %+v", got)
	}
	c.add(3, 0)
	if got, _ := c.view(); got != (Value{Total: 103, Mine: 3}) {
		t.Fatalf("reads %+v", got)
	}
	if c.take(); c.epoch != 0 || c.base.Mine != 5 {
		t.Fatalf("the batch is made under epoch %d and slice %d, want those from before", c.epoch, c.base.Mine)
	}
	c.acknowledge()
	c.settle(Value{Total: 103, Mine: 3}, epoch{n: 1}, 3)
	if got, _ := c.view(); got != (Value{Total: 103, Mine: 3}) || c.void {
		t.Fatalf("reads %+v", got)
	}
	c.setBase(Value{Total: 3, Mine: 3}, epoch{n: 2, swept: true}, 4) // a sibling with our id did SET
	if got, _ := c.view(); got != (Value{Total: 3, Mine: 3}) || c.void {
		t.Fatalf("reads %+v", got)
	}
	c.setBase(Value{Total: 50, Mine: 50}, epoch{n: 3}, 5)
	if got, _ := c.view(); got != (Value{Total: 50, Mine: 50}) {
		t.Fatalf("reads %+v", got)
	}
}

// A million counters in memory cost what one costs: what few have is not a part of it.
func TestCellIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(cell{}); size > 128 {
		t.Errorf("a cell takes %d bytes, and Go would spend the next size of memory on it", size)
	}
	var c cell
	c.setBareAt(1)
	c.setForgotAt(2)
	c.refuse(ErrOverflow, 3)
	if r := c.seldom(); r != (rarity{forgotAt: 2, bareAt: 1, retryAt: 3, err: ErrOverflow}) {
		t.Errorf("%+v", r)
	}
	c.refuse(nil, 0)
	c.setBareAt(0)
	c.setForgotAt(0)
	if c.rare != nil {
		t.Errorf("nothing is left, and takes memory: %+v", *c.rare)
	}
}

func TestLastUseOfACell(t *testing.T) {
	const day = int64(24 * time.Hour)
	for _, start := range []int64{1, 40 * day, 49*day + 17*int64(time.Hour), 100 * day} {
		var c cell
		c.touch(start)
		for _, after := range []int64{-int64(time.Millisecond), 0, int64(20 * time.Millisecond), int64(time.Minute), 24 * day} {
			if got := c.unused(start + after); max(got, after)-min(got, after) > int64(time.Millisecond) {
				t.Errorf("%v after %v it was not used for %v", time.Duration(after), time.Duration(start), time.Duration(got))
			}
		}
	}
}
