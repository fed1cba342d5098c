package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

func TestCounterThatIsNoInteger(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		totals := u.f.totals("distkit")
		for i, bad := range []string{"abc", "", " 12", "+5", "012", "-0", "1.5", "9223372036854775808", "-9223372036854775809"} {
			x := fmt.Sprintf("x%d", i)
			raw(t, r.redis, "HSET", totals, x, bad)
			u.want("INC "+x+" 5", errNotInteger)
			u.want("GET "+x, errNotInteger)
			u.want("DEC "+x, errNotInteger)
			u.want("SET "+x+" 5 IF GT 0", errNotInteger)
			u.want("MGET good "+x, []any{u.f.own(int64(i)), errNotInteger})
			u.want("MINC good 1 "+x+" 2 good 0", []any{u.f.own(int64(i) + 1), errNotInteger, u.f.own(int64(i) + 1)})
			u.want("FLUSH good", []any{int64(0), int64(1)}[b2i(u.f.lax)])
			same(t, "in Redis", raw(t, r.redis, "HMGET", totals, x, "good"), []any{bad, fmt.Sprint(i + 1)})
			if i%2 == 0 {
				u.want("SET "+x+" 7", u.f.own(7))
			} else {
				u.want("DEL "+x, u.f.own(0))
				u.want("INC "+x+" 7", u.f.own(7))
			}
			u.want("INC "+x+" 1", u.f.own(8))
			u.flush()
			same(t, "in Redis", raw(t, r.redis, "HGET", totals, x), "8")
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCounterThatTurnsIntoNoInteger(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, hoard)
		for _, f := range laxFamilies {
			t.Run(f.prefix, func(t *testing.T) {
				u := r.in(t, f).users[0]
				u.want("MINC x 1 good 1", f.owns(1, 1))
				u.flush()
				raw(t, r.redis, "HSET", f.totals("distkit"), "x", "abc")
				u.want("MINC x 5 good 5", f.owns(6, 6)) // nobody knows yet
				u.want("FLUSH x good", errNotInteger)
				u.want("GET x", errNotInteger)
				u.want("INC x 1", errNotInteger)
				u.want("GET good", f.own(6))
				same(t, "in Redis", raw(t, r.redis, "HGET", f.totals("distkit"), "good"), "6")
				u.want("SET x 10", f.own(10)) // the refused 5 are void
				u.want("INC x 1", f.own(11))
				u.want("FLUSH x", int64(1))
				same(t, "in Redis", raw(t, r.redis, "HGET", f.totals("distkit"), "x"), "11")
			})
		}
	})
}

func TestSliceThatIsNoInteger(t *testing.T) {
	onRigs(t, 1, awareFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		slices := "ns:" + u.f.container + ":count:" + u.p.id
		raw(t, r.redis, "HSET", slices, "x", "abc")
		u.want("INC ns:x 5", errNotInteger)
		u.want("GET ns:x", errNotInteger)
		u.want("INC ns:good 5", u.f.own(5))
		u.want("SET ns:x 3", u.f.own(3))
		u.act("INC ns:x 2", 5, 5)
	})
}

// raced leaves a proxy with 5 accepted for a counter that another proxy has
// brought to the end of the range in the meantime.
func raced(r *rig, key string) (late, early user) {
	late, early = r.users[0], r.users[1]
	late.t.Helper()
	late.want("INC "+key+" 1", r.f.own(1))
	late.do("FLUSH " + key)
	early.act("INC "+key+" 9223372036854775806", maxInt, maxInt-1)
	late.want("INC "+key+" 5", r.f.own(6))
	late.want("FLUSH "+key, errOverflow)
	late.want("GET "+key, errOverflow)
	late.want("INC "+key+" 1", errOverflow)
	late.want("INC "+key+"fine 1", r.f.own(1))
	late.want("FLUSH "+key+"fine", int64(1))
	early.sees(key, maxInt, maxInt-1)
	return late, early
}

func TestDeltaThatOverflowsOnlyInRedisIsVoidedBySetAndDel(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, hoard, engine.Options{})
		for _, f := range laxFamilies {
			t.Run(f.prefix+"SET", func(t *testing.T) {
				late, early := raced(r.in(t, f), "set")
				late.want("SET set 7", f.own(7))
				late.want("GET set", f.own(7))
				late.want("FLUSH set", int64(0))
				early.sees("set", 7, 0)
			})
			t.Run(f.prefix+"DEL", func(t *testing.T) {
				late, early := raced(r.in(t, f), "del")
				late.want("DEL del", f.val(maxInt, 1))
				late.want("INC del 3", f.own(3))
				late.want("FLUSH del", int64(1))
				early.sees("del", 3, 0)
			})
		}
	})
}

func TestDeltaThatOverflowsOnlyInRedisIsTriedAgain(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{FlushInterval: time.Second}, engine.Options{})
		for _, f := range laxFamilies {
			_, early := raced(r.in(t, f), "room")
			early.act("DEC room 100", maxInt-100, maxInt-101)
		}
		for _, f := range laxFamilies {
			late, early := r.in(t, f).users[0], r.in(t, f).users[1]
			late.sees("room", maxInt-95, 6)
			early.sees("room", maxInt-95, maxInt-101)
		}
	})
}
