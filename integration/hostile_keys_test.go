package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// errNotYet is what a check returns that only waits.
var errNotYet = errors.New("not yet")

// spoil puts a string where a container is, or could be.
func (b *books) spoil(key string) {
	b.t.Helper()
	if _, err := b.c.Pipelined(context.Background(), func(p redis.Pipeliner) error {
		p.Del(context.Background(), key)
		p.Set(context.Background(), key, "not a container", 0)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *books) remove(key string) {
	b.t.Helper()
	if err := b.c.Del(context.Background(), key).Err(); err != nil {
		b.t.Fatal(err)
	}
}

// has compares a counter's total and one instance's slice.
func (b *books) has(counter, id string, total, slice int64) {
	b.t.Helper()
	if got := b.total(counter); got != total {
		b.t.Errorf("the total of %s is %d in Redis, want %d", counter, got, total)
	}
	if got := b.slice(id, counter); got != slice {
		b.t.Errorf("the slice of %s is %d in Redis, want %d", counter, got, slice)
	}
}

// refused runs a verb that a container of the wrong type has to stop.
func (p *party) refused(verb string, args ...any) {
	p.t.Helper()
	if err := p.do(verb, args...).Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
		p.t.Errorf("%s%s %v: %v, want WRONGTYPE", p.prefix, verb, args, err)
	}
}

// lone starts a proxy by itself that has 7 of b.
func lone(t *testing.T, prefix string) (*party, *books) {
	t.Helper()
	r := startRedis(t)
	p := join(t, r, prefix, "alive", engine.Options{DeadAfter: time.Minute})
	p.ints("INC", "b", 7)
	p.flushed()
	return p, openBooks(t, r, prefix)
}

// Whatever SET and DEL find in others' containers, what was acknowledged
// beside them counts once.
func TestBadContainerOfAnotherInstance(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		p, b := lone(t, prefix)
		beat := redis.Z{Score: float64(b.now()), Member: "ghost"}
		if err := b.c.ZAdd(context.Background(), b.key("instances"), beat).Err(); err != nil {
			t.Fatal(err)
		}
		p.ints("SET", "c", 1) // the ghost is known from here on
		b.spoil(b.key("buried", "ghost"))
		p.ints("INC", "a", 5)
		p.refused("SET", "b", 1)
		b.has("b", "alive", 7, 7)
		b.remove(b.key("buried", "ghost"))
		p.flushed()
		b.has("a", "alive", 5, 5)
		b.has("b", "alive", 7, 7)
	}, "DK.", "DKS.")
}

func TestClearIWithBadEpochs(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		p, b := lone(t, prefix)
		b.spoil(b.key("epoch"))
		p.refused("CLEARI")
		b.has("b", "alive", 7, 7)
		b.remove(b.key("epoch"))
		eventually(t, 5*time.Second, func() error { return p.do("INC", "b", 3).Err() })
		p.flushed()
		b.has("b", "alive", 10, 10)
	}, "DK.", "DKS.")
}

func TestEpochThatIsNoNumber(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		p, b := lone(t, prefix)
		p.ints("INC", "a", 5)
		p.flushed()
		if err := b.c.HSet(context.Background(), b.key("epoch"), "a", "x").Err(); err != nil {
			t.Fatal(err)
		}
		p.want([]int64{0, 5}, "DELI", "a")
		p.ints("GET", "cold")
		p.ints("INC", "b", 1)
		p.flushed()
		b.has("a", "alive", 0, 0)
		b.has("b", "alive", 8, 8)
	}, "DK.", "DKS.")
}

// A step of the way back that Redis refuses is repeated, and moves nothing.
func TestReturnWithBadKeysMovesNothingTwice(t *testing.T) {
	a := newAbsence(t, "DK.")
	a.bury()
	a.b.spoil(a.b.key("keys"))
	a.gone.link.Up()
	eventually(t, 10*time.Second, func() error { // until the container is what stops it
		err := a.gone.do("GET", "x").Err()
		if err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") {
			return nil
		}
		return errNotYet
	})
	failures := a.gone.engine.Stats().Failures
	eventually(t, 10*time.Second, func() error {
		a.gone.do("GET", "x")
		if a.gone.engine.Stats().Failures < failures+2 {
			return errNotYet
		}
		return nil
	})
	a.b.has("x", "gone", 1, 0)
	a.b.remove(a.b.key("keys"))
	a.totals(map[string]int64{"x": 6, "y": 7})
	a.b.has("x", "gone", 6, 5)
	a.b.has("y", "gone", 7, 7)
}

func TestReturnWithOneCounterThatIsNoInteger(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.bury()
		if err := a.b.c.HSet(context.Background(), a.b.totalsKey(), "x", "abc").Err(); err != nil {
			t.Fatal(err)
		}
		a.gone.link.Up()
		a.gone.sees("y", 7, 7)
		a.gone.ints("INC", "y", 1)
		a.gone.flushed()
		a.b.has("y", "gone", 8, 8)
	}, "DK.", "DKS.")
}

// Nothing is subtracted that cannot be recorded for its owner.
func TestBurialThatCannotBeRecorded(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.gone.link.Down()
		a.b.spoil(a.b.key("buried", "gone"))
		a.b.awaitDeath("gone")
		a.stays.do("GET", "x") // meets the dead instance
		a.stays.do("INC", "z", 1)
		a.stays.do("GET", "z")
		a.b.has("x", "gone", 6, 5)
		a.b.remove(a.b.key("buried", "gone"))
		a.b.awaitBurial("gone", a.stays, "x")
		a.b.has("x", "gone", 1, 0)
		a.gone.link.Up()
		a.totals(map[string]int64{"x": 6, "y": 7})
		a.b.has("x", "gone", 6, 5)
	}, "DK.", "DKS.")
}
