package integration

import (
	"fmt"
	"math"
	"testing"
)

const (
	maxInt = int64(math.MaxInt64)
	minInt = int64(math.MinInt64)
	exact  = int64(1<<53 + 1) // the first integer that a double does not have
)

var extremes = []int64{maxInt, maxInt - 1, minInt, minInt + 1, exact, -exact, 1<<53 + 3, 999999999999999999, -1000000000000000001}

func TestExtremesAreExact(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		u, other := r.users[0], r.users[1]
		inRedis := func(key string, n int64) {
			t.Helper()
			u.flush()
			same(t, key+" in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), key), fmt.Sprint(n))
			other.sees(key, n, 0)
			u.want("GET "+key, u.f.own(n))
		}
		for i, n := range extremes {
			key := fmt.Sprintf("k%d", i)
			u.want(fmt.Sprintf("INC %s %d", key, n), u.f.own(n))
			inRedis(key, n)
			u.want("DEL "+key, u.f.own(n))
			u.want(fmt.Sprintf("SET %s %d", key, n), u.f.own(n))
			inRedis(key, n)
			u.want(fmt.Sprintf("MINC %s 0", key), u.f.owns(n))
			step := int64(1)
			if n > 0 {
				step = -1
			}
			u.want(fmt.Sprintf("INC %s %d", key, step), u.f.own(n+step))
			inRedis(key, n+step)
			if u.f.aware {
				u.want(fmt.Sprintf("SETI %s %d", key, n), u.f.own(n))
				inRedis(key, n)
				u.want("DELI "+key, u.f.val(0, n))
				inRedis(key, 0)
			}
		}
	})
}

func TestScanTellsExtremesExactly(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		for i, n := range extremes {
			ns := fmt.Sprintf("scan%d", i)
			u.want(fmt.Sprintf("INC %s:x %d", ns, n), u.f.own(n))
			item := []any{ns + ":x", n}
			if u.f.aware {
				item = append(item, n)
			}
			u.want("SCAN 0 NS "+ns, []any{"0", []any{item}})
		}
	})
}

func TestDecOfTheLargest(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("DEC x 9223372036854775807", u.f.own(-maxInt))
		u.want("DEC x", u.f.own(minInt))
		u.want("DEC x -9223372036854775807", u.f.own(-1))
	})
}

func TestOverflowChangesNothing(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		unchanged := func(key string, n int64) {
			t.Helper()
			u.want("GET "+key, u.f.own(n))
			u.flush()
			same(t, key+" in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), key), fmt.Sprint(n))
		}
		u.want("INC up 9223372036854775800", u.f.own(maxInt-7))
		u.want("INC up 8", errOverflow)
		u.want("INC up 9223372036854775807", errOverflow)
		u.want("INC up 8 IF GT 0", errOverflow)
		u.want("DEC up -8", errOverflow)
		unchanged("up", maxInt-7)
		u.want("INC up 7", u.f.own(maxInt))
		u.want("INC up 1", errOverflow)
		unchanged("up", maxInt)

		u.want("DEC down 9223372036854775800", u.f.own(-maxInt+7))
		u.want("DEC down 9", errOverflow)
		u.want("INC down -9", errOverflow)
		u.want("INC down -9223372036854775808", errOverflow)
		unchanged("down", -maxInt+7)
		u.want("DEC down 8", u.f.own(minInt))
		u.want("DEC down", errOverflow)
		unchanged("down", minInt)

		u.want("DEC down -9223372036854775808", failure("ERR decrement would overflow"))
		unchanged("down", minInt)
	})
}

func TestOverflowOfTotalsThatOthersRaised(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		a.act("INC x 9223372036854775800", maxInt-7, maxInt-7)
		b.sees("x", maxInt-7, 0)
		b.want("INC x 8", errOverflow)
		if b.f.aware {
			b.want("SETI x 8", errOverflow)
		}
		b.act("INC x 7", maxInt, 7)
		b.act("INC x -9223372036854775807", 0, -maxInt+7)
		a.sees("x", 0, maxInt-7)
		if a.f.aware { // the total would fit, but not the slice
			a.want("INC x 8", errOverflow)
			b.want("DEC x 9", errOverflow)
			a.sees("x", 0, maxInt-7)
			b.sees("x", 0, -maxInt+7)
		}
	})
}

// TestDeltasThatDoNotFitBesideEachOther adds more than one pending delta can
// hold, though each total fits.
func TestDeltasThatDoNotFitBesideEachOther(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		u, other := r.users[0], r.users[1]
		u.act("INC x -9223372036854775807", -maxInt, -maxInt)
		u.want("INC x 9223372036854775807", u.f.own(0))
		u.want("INC x 9223372036854775807", u.f.own(maxInt))
		u.want("DEC x 9223372036854775807", u.f.own(0))
		u.want("DEC x 9223372036854775807", u.f.own(-maxInt))
		u.want("DEC x 1", u.f.own(minInt))
		u.want("MINC x 9223372036854775807 x 9223372036854775807 x 1", u.f.owns(-1, maxInt-1, maxInt))
		u.flush()
		same(t, "in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "x"), "9223372036854775807")
		other.sees("x", maxInt, 0)
	})
}

func TestSetIAcrossTheWholeRange(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		a.want("SETI x 9223372036854775807", a.f.own(maxInt))
		a.want("SETI x -9223372036854775808", a.f.own(minInt)) // the difference does not fit, the result does
		a.act("SETI x 9223372036854775807", maxInt, maxInt)
		b.sees("x", maxInt, 0)
		b.act("SETI x -9223372036854775808", -1, minInt)
		a.sees("x", -1, maxInt)
		a.act("SETI x 0", minInt, 0)
		b.sees("x", minInt, minInt)
		b.act("SETI x 9223372036854775807", maxInt, maxInt)
		a.sees("x", maxInt, 0)
		a.want("SETI x 1", errOverflow)
		a.act("SETI x -1", maxInt-1, -1)
		b.sees("x", maxInt-1, maxInt)
		b.want("DELI x", []any{int64(-1), maxInt})
		a.sees("x", -1, -1)
	})
}

func TestIncrementsThatDoNotFitBesideASetI(t *testing.T) {
	onRigs(t, 1, awareFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("SETI x -9223372036854775807", u.f.own(-maxInt))
		u.want("INC x 9223372036854775807", u.f.own(0))
		u.want("INC x 9223372036854775807", u.f.own(maxInt))
		u.want("INC x 1", errOverflow)
		u.want("SETI x 5", u.f.own(5))
		u.flush()
		same(t, "in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "x"), "5")
	})
}

// TestRemovalThatWouldOverflow takes away the slice that keeps a total in range.
func TestRemovalThatWouldOverflow(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		a, b, c := r.users[0], r.users[1], r.users[2]
		a.act("SETI x -10", -10, -10)
		b.act("SETI x 9223372036854775807", maxInt-10, maxInt)
		c.sees("x", maxInt-10, 0)
		c.act("SETI x 5", maxInt-5, 5)
		a.sees("x", maxInt-5, -10)
		a.want("DELI x", errOverflow)
		a.sees("x", maxInt-5, -10)
		c.want("DELI x", []any{maxInt - 10, int64(5)})
		a.want("DELI x", []any{maxInt, int64(-10)})
		settle(r.users, "x", maxInt, 0, maxInt, 0)
	})
}
