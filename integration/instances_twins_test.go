package integration

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

func TestTwoProcessesOfOneID(t *testing.T) {
	const each = 200
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		twin := join(t, a.r, prefix, "gone", engine.Options{})
		done := make(chan error, 2)
		for _, p := range []*party{a.gone, twin} {
			go func() {
				var err error
				for i := 0; i < each && err == nil; i++ {
					err = p.do("INC", "x", 1).Err()
				}
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range []*party{a.gone, twin} {
			p.flushed()
		}
		for _, p := range []*party{a.gone, twin} {
			p.sees("x", 6+2*each, 5+2*each)
			p.sees("y", 7, 7)
		}
		a.totals(map[string]int64{"x": 6 + 2*each, "y": 7})

		for _, value := range []int64{100, 100, 100 + 3} { // also to what the slice is already
			a.gone.want([]int64{value, value}, "SET", "x", value)
			twin.ints("INC", "x", 3)
			twin.flushed()
			a.gone.sees("x", value+3, value+3)
			twin.sees("x", value+3, value+3)
			if n := a.b.slice("gone", "x"); n != value+3 {
				t.Errorf("the slice is %d, want %d", n, value+3)
			}
		}
		a.gone.want([]int64{106, 106}, "DEL", "x")
		twin.ints("INC", "x", 1)
		twin.flushed()
		a.gone.sees("x", 1, 1)
		a.stays.sees("x", 1, 0)
	}, "DK.", "DKS.")
}

// Both processes of one id are cut off, buried, and come back.
func TestTwoProcessesOfOneIDComeBack(t *testing.T) {
	a := newAbsence(t, "DK.")
	twin := join(t, a.r, "DK.", "gone", engine.Options{})
	twin.sees("x", 6, 5)
	twin.link.Down()
	a.gone.link.Down()
	twin.ints("INC", "x", 10)
	a.gone.ints("INC", "x", 20)
	a.bury()
	a.gone.link.Up()
	twin.link.Up()
	a.gone.flushed()
	twin.flushed()
	a.gone.sees("x", 36, 35)
	twin.sees("x", 36, 35)
	a.totals(map[string]int64{"x": 36, "y": 7})
}

// What a burial could not take away is void for whoever returns once the
// counter was SET or DELeted.
func TestSliceLeftAloneIsVoidAfterASet(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "alive", engine.Options{})
		p.ints("INC", "x", 1)
		p.flushed()
		b.c.HSet(context.Background(), b.totalsKey(), "high", "9223372036854775807")
		b.plant("ghost", map[string]any{"high": -1}, -deadAfter)
		b.awaitBurial("ghost", p, "x")
		p.want([]int64{50, 50}, "SET", "high", 50)
		ghost := join(t, r, prefix, "ghost", engine.Options{})
		ghost.want([]int64{50, 0}, "GET", "high")
		if err := b.c.HGet(context.Background(), b.key("count", "ghost"), "high").Err(); !errors.Is(err, redis.Nil) {
			t.Error("the void slice is still in Redis")
		}
	}, "DK.", "DKS.")
}
