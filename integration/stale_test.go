package integration

import (
	"fmt"
	"testing"
)

func TestSetMakesOtherSlicesVoid(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		a, b, c := r.users[0], r.users[1], r.users[2]
		a.act("SETI x 100", 100, 100)
		b.act("SETI x 100", 200, 100)
		c.act("SETI x 100", 300, 100)
		a.want("SET x 50", a.f.own(50))
		b.act("INC x 5", 55, 5)
		c.act("INC x 6", 61, 6)
		settle(r.users, "x", 61, 50, 5, 6)
	})
}

func TestSetIsSeenByThoseItMadeStale(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		for i, u := range r.users {
			u.act("INC x 100", 100*int64(i+1), 100)
		}
		r.users[0].want("SET x 50", r.f.own(50))
		settle(r.users, "x", 50, 50, 0, 0)
		r.users[1].want("MGETI x", []any{int64(0)})
		r.users[1].want("DELI x", []any{int64(50), int64(0)})
		r.users[2].want("CLEARI", "OK")
		settle(r.users, "x", 50, 50, 0, 0)
	})
}

func TestDelMakesOtherSlicesVoid(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		a, b, c := r.users[0], r.users[1], r.users[2]
		a.act("INC x 100", 100, 100)
		b.act("INC x 100", 200, 100)
		a.sees("x", 200, 100)
		a.want("DEL x", []any{int64(200), int64(100)})
		b.act("INC x 10", 10, 10)
		c.act("INC x 20", 30, 20)
		settle(r.users, "x", 30, 0, 10, 20)
	})
}

func TestDelThenIncFromAll(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		a, b, c := r.users[0], r.users[1], r.users[2]
		a.act("INC x 50", 50, 50)
		b.act("INC x 30", 80, 30)
		c.want("DEL x", []any{int64(80), int64(0)})
		a.act("INC x 5", 5, 5)
		b.act("INC x 7", 12, 7)
		c.act("INC x 3", 15, 3)
		settle(r.users, "x", 15, 5, 7, 3)
	})
}

func TestMissedEpochs(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		b.act("INC x 50", 50, 50)
		for _, n := range []int64{10, 20, 30} {
			a.want(fmt.Sprintf("SET x %d", n), a.f.own(n))
		}
		b.act("INC x 5", 35, 5)
		settle(r.users, "x", 35, 30, 5)
	})
}

func TestEpochsRaisedInTurn(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		for i, u := range r.users {
			u.want(fmt.Sprintf("SET x %d", 10*(i+1)), u.f.own(10*int64(i+1)))
		}
		settle(r.users, "x", 30, 0, 0, 30)
	})
}

func TestNewInstanceAfterAnEpoch(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		a.want("SET x 100", a.f.own(100))
		b.act("SETI x 50", 150, 50)
		a.want("SET y 100", a.f.own(100))
		b.act("INC y 50", 150, 50)
		settle(r.users, "x", 150, 100, 50)
		settle(r.users, "y", 150, 100, 50)
	})
}

func TestInterleavedIncAndSet(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		a, b, c := r.users[0], r.users[1], r.users[2]
		a.act("INC x 10", 10, 10)
		b.act("INC x 5", 15, 5)
		a.want("SET x 20", a.f.own(20))
		b.act("INC x 3", 23, 3)
		c.act("INC x 7", 30, 7)
		b.want("SET x 1", b.f.own(1))
		a.act("INC x 2", 3, 2)
		c.act("DEC x 4", -1, -4)
		settle(r.users, "x", -1, 2, 1, -4)
	})
}

func TestSetIAfterAnothersSet(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		b.act("SETI x 50", 50, 50)
		a.want("SET x 100", a.f.own(100))
		b.act("SETI x 30", 130, 30) // not 80: the 50 are in nothing any more
		settle(r.users, "x", 130, 100, 30)

		b.act("SETI y 50", 50, 50)
		a.want("SET y 5", a.f.own(5))
		b.act("SETI y 50", 55, 50) // the same value as before
	})
}

// TestPendingSetIAcrossASet has the SET fall between a SETI and its flush.
func TestPendingSetIAcrossASet(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, hoard, hoard)
		a, c := r.users[0], r.users[1]
		c.want("INC x 50", c.f.own(50))
		c.flush()
		c.want("INC y 50", c.f.own(50))
		c.flush()
		c.want("SETI x 30", c.f.own(30))
		c.want("INC x 1", c.f.own(31))
		c.want("INC y 2", c.f.own(52))
		a.want("SET x 100", a.f.own(100))
		a.want("SET y 100", a.f.own(100))
		c.flush()
		same(t, "totals", raw(t, r.redis, "HMGET", a.f.totals("distkit"), "x", "y"), []any{"131", "102"})
		c.want("MGETI x y", []any{int64(31), int64(2)})
	})
}

func TestReturnAfterClearIsVoid(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		a.act("INC x 10", 10, 10)
		b.act("INC x 20", 30, 20)
		a.want("CLEAR", "OK")
		b.act("INC x 3", 3, 3)
		a.act("INC x 4", 7, 4)
		settle(r.users, "x", 7, 4, 3)
	})
}
