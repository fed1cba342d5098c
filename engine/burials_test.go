package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// buriedForTest is an engine that was cut off and is buried: it had 5 of a and b.
func buriedForTest(t *testing.T, f Family) (*Engine, *gatedStore, books) {
	t.Helper()
	_, m := startForTest(t, Options{InstanceID: "other"})
	e, gate := gateForTest(t, m.Addr(), Options{})
	b := booksForTest(t, m, f)
	mustInc(t, e, f, "a", 5)
	mustInc(t, e, f, "b", 5)
	mustFlush(t, e)
	gate.shut()
	b.bury()
	b.want("a", "0", "")
	b.want("b", "0", "")
	return e, gate, b
}

// uses has a proxy back in touch with Redis use a counter until it is right.
func uses(t *testing.T, e *Engine, f Family, name string, want Value) {
	t.Helper()
	eventually(t, 10*time.Second, name+" as it was", func() bool {
		var res [1]Result
		e.Get(t.Context(), f, []Key{keyOf(name)}, res[:])
		return res[0].Err == nil && res[0].Value == want
	})
}

// A step that Redis refuses is repeated: it must not have moved anything.
func TestReturnWithBadKeysMovesNothingTwice(t *testing.T) {
	onFamilies(t, instanceAware, func(t *testing.T, f Family) {
		e, gate, b := buriedForTest(t, f)
		b.spoil(b.InUse())
		gate.open()
		p := partitionForTest(t, e, f, DefaultNamespace)
		eventually(t, 10*time.Second, "three attempts", func() bool {
			p.beatAt.Store(e.now())
			p.kick()
			return gate.count(lua.InstRestore) >= 3
		})
		b.want("a", "0", "")
		b.want("b", "0", "")
		b.m.Del(b.InUse())
		eventually(t, 10*time.Second, "slices moved back", func() bool {
			p.beatAt.Store(e.now())
			p.kick()
			return b.m.HGet(b.Slices("i1"), "b") != ""
		})
		b.want("a", "5", "5")
		b.want("b", "5", "5")
	})
}

func TestReturnWithOneCounterThatIsNoInteger(t *testing.T) {
	onFamilies(t, instanceAware, func(t *testing.T, f Family) {
		e, gate, b := buriedForTest(t, f)
		b.m.HSet(b.Cumulative(), "a", "abc")
		gate.open()
		uses(t, e, f, "b", Value{Total: 5, Mine: 5})
		mustInc(t, e, f, "b", 1)
		mustInc(t, e, f, "new", 1)
		mustFlush(t, e)
		b.want("b", "6", "6")
		b.want("new", "1", "1")
		var res [1]Result
		e.Get(t.Context(), f, []Key{keyOf("a")}, res[:])
		if !errors.Is(res[0].Err, ErrNotInteger) {
			t.Errorf("GET a: %v, want %v", res[0].Err, ErrNotInteger)
		}
	})
}

// Nothing is subtracted that cannot be recorded, for its owner to have it back.
func TestBurialThatCannotBeRecorded(t *testing.T) {
	onFamilies(t, instanceAware, func(t *testing.T, f Family) {
		_, m := startForTest(t, Options{InstanceID: "other"})
		e, gate := gateForTest(t, m.Addr(), Options{})
		b := booksForTest(t, m, f)
		mustInc(t, e, f, "x", 1)
		mustFlush(t, e)
		m.HSet(b.Cumulative(), "q", "5")
		m.HSet(b.Slices("ghost"), "q", "5")
		m.ZAdd(b.Instances(), 1, "ghost")
		b.spoil(b.Buried("ghost"))
		touch := func() { operateOrInc(t, e, f, "x", 1) }
		eventually(t, 10*time.Second, "two attempts", func() bool {
			touch()
			return gate.count(lua.InstBury) >= 2
		})
		b.want("q", "5", "")
		if got := m.HGet(b.Slices("ghost"), "q"); got != "5" {
			t.Errorf("the ghost's slice is %q, want 5", got)
		}
		m.Del(b.Buried("ghost"))
		eventually(t, 10*time.Second, "a burial", func() bool {
			touch()
			return m.HGet(b.Buried("ghost"), "q") == "5 0"
		})
		b.want("q", "0", "")
	})
}
