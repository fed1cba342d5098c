package integration

import (
	"fmt"
	"testing"
)

func TestDelReturnsTheOldValueAndRemoves(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC gone 15", u.f.own(15))
		u.want("INC sibling 4", u.f.own(4))
		u.want("DEL gone", u.f.own(15)) // of a lax family: not flushed yet
		u.want("GET gone", u.f.own(0))
		u.want("DEL gone", u.f.own(0))
		u.want("GET sibling", u.f.own(4))
		u.flush() // nothing that was pending comes back
		u.want("GET gone", u.f.own(0))
		same(t, "the counter in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "gone"), nil)
		same(t, "its sibling in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "sibling"), "4")
	})
}

func TestDelAfterFlushAndAfterSet(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC flushed 8", u.f.own(8))
		u.flush()
		u.want("DEL flushed", u.f.own(8))
		u.want("SET replaced 30", u.f.own(30))
		u.want("INC replaced 2", u.f.own(32))
		u.want("DEL replaced", u.f.own(32))
	})
}

func TestDelThenIncStartsFresh(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC again 50", u.f.own(50))
		u.want("DEL again", u.f.own(50))
		u.want("INC again 3", u.f.own(3))
		u.flush()
		u.want("GET again", u.f.own(3))
		same(t, "in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "again"), "3")
	})
}

func TestDelOfACounterOnlyAnotherProxyTouched(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		writer, stranger := r.users[0], r.users[1]
		writer.act("INC foreign 9", 9, 9)
		stranger.want("DEL foreign", stranger.f.val(9, 0))
		stranger.want("GET foreign", stranger.f.own(0))
		writer.sees("foreign", 0, 0)
	})
}

func TestDelIRemovesTheSlice(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		a.act("INC x 30", 30, 30)
		b.act("INC x 50", 80, 50)
		a.want("DELI x", []any{int64(50), int64(30)})
		a.sees("x", 50, 0)
		b.sees("x", 50, 50)
		a.want("DELI x", []any{int64(50), int64(0)})
		if u := a; u.f.lax { // what is pending is removed, too
			u.want("INC y 6", u.f.own(6))
			u.want("DELI y", []any{int64(0), int64(6)})
			u.want("GET y", u.f.own(0))
		}
	})
}

func TestClearRemovesTheNamespace(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		u, other := r.users[0], r.users[1]
		u.want("CLEAR never", "OK") // empty
		u.want("CLEAR never", "OK")
		for i := range 5 {
			u.want(fmt.Sprintf("INC page:k%d 5", i), u.f.own(5))
		}
		u.want("INC stays:k0 6", u.f.own(6))
		u.want("INC k0 7", u.f.own(7))
		u.want("CLEAR page", "OK") // with increments pending
		for i := range 5 {
			u.want(fmt.Sprintf("GET page:k%d", i), u.f.own(0))
		}
		u.flush()
		u.want("GET page:k0", u.f.own(0))
		u.want("GET stays:k0", u.f.own(6))
		u.want("GET k0", u.f.own(7))
		same(t, "totals in Redis", raw(t, r.redis, "EXISTS", u.f.totals("page")), int64(0))
		other.want("GET page:k0", u.f.own(0))

		u.want("INC page:k0 2", u.f.own(2))
		u.flush()
		u.want("GET page:k0", u.f.own(2))
		other.sees("page:k0", 2, 0)
		other.want("CLEAR page", "OK")
		u.sees("page:k0", 0, 0)
		u.act("INC page:k0 4", 4, 4)
		other.sees("page:k0", 4, 0)
	})
}

func TestClearLeavesOtherFamilies(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		ns := "own" + r.f.container
		for _, f := range everyFamily {
			r.in(t, f).users[0].want("INC "+ns+":x 5", f.own(5))
		}
		r.users[0].want("CLEAR "+ns, "OK")
		for _, f := range everyFamily {
			left := int64(5)
			if f == r.f {
				left = 0
			}
			r.in(t, f).users[0].want("GET "+ns+":x", f.own(left))
		}
	})
}

func TestClearWithoutNamespaceIsTheDefaultOne(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC x 5", u.f.own(5))
		u.want("INC ns:x 6", u.f.own(6))
		u.want("CLEAR", "OK")
		u.want("GET x", u.f.own(0))
		u.want("GET ns:x", u.f.own(6))
	})
}

func TestClearIRemovesOnlyOwnContributions(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		for i, key := range []string{"c:a", "c:b", "c:c"} {
			n := int64(i+1) * 10
			a.act(fmt.Sprintf("INC %s %d", key, n), n, n)
			b.act(fmt.Sprintf("INC %s 5", key), n+5, 5)
		}
		a.want("INC c:d 50", a.f.own(50)) // in the lax family: pending
		a.want("CLEARI c", "OK")
		for _, key := range []string{"c:a", "c:b", "c:c"} {
			a.sees(key, 5, 0)
			b.sees(key, 5, 5)
		}
		a.sees("c:d", 0, 0)
		b.sees("c:d", 0, 0)
		a.want("CLEARI c", "OK")
		a.act("INC c:a 2", 7, 2)
	})
}
