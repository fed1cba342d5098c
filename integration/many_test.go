package integration

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// owns is a many-key reply of counters that only the asking proxy has changed.
func (f counters) owns(ns ...int64) []any {
	out := make([]any, len(ns))
	for i, n := range ns {
		out[i] = f.own(n)
	}
	return out
}

func TestManyKeysKeepTheirOrder(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("MINC c 3 a 1 b 2", u.f.owns(3, 1, 2))
		u.want("MGET a b c", u.f.owns(1, 2, 3))
		u.want("MGET b ghost a b", u.f.owns(2, 0, 1, 2))
		u.want("MSET b 20 z 26 a 10", u.f.owns(20, 26, 10))
		u.want("MGET z a ns:a b", u.f.owns(26, 10, 0, 20))
		u.want("MSET ns:a 5 a 6", u.f.owns(5, 6)) // of two namespaces
		u.want("MINC ns:a -1 a -1", u.f.owns(4, 5))
		if u.f.aware {
			u.want("MSETI b 1 new 2 a 3", u.f.owns(1, 2, 3))
			u.want("MGETI a new b z", []any{int64(3), int64(2), int64(1), int64(26)})
		}
	})
}

func TestDuplicatesTakeEffectInOrder(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("MINC x 1 x 2 y 5 x -4", u.f.owns(1, 3, 5, -1))
		u.want("MSET x 7 x 8 y 9 x 6", u.f.owns(7, 8, 9, 6))
		u.want("MGET x x", u.f.owns(6, 6))
		u.want("MSET x 7 IF EQ 6 x 8 IF EQ 6 x 9 IF EQ 7", []any{
			u.f.ownCond(1, 7, 6), u.f.ownCond(0, 7, 7), u.f.ownCond(1, 9, 7)})
		if u.f.aware {
			u.want("MSETI x 1 x 2 x 5 IF EQ 2", []any{u.f.own(1), u.f.own(2), u.f.ownCond(1, 5, 2)})
		}
		u.flush()
		same(t, "y in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "y"), "9")
	})
}

func TestManyKeysWithConditions(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("MINC a 1 IF EQ 0 b 2 c 3 IF LT 100", []any{u.f.ownCond(1, 1, 0), u.f.own(2), u.f.ownCond(1, 3, 0)})
		u.want("MINC a 1 IF EQ 0 a 2 IF EQ 1 b 4 IF GT 10 b 3 IF EQ 2", []any{
			u.f.ownCond(0, 1, 1), u.f.ownCond(1, 3, 1), u.f.ownCond(0, 2, 2), u.f.ownCond(1, 5, 2)})
		u.want("MSET d 30 a 11 IF GT 1 b 99 IF LT 1", []any{u.f.own(30), u.f.ownCond(1, 11, 3), u.f.ownCond(0, 5, 5)})
		u.want("MGET a b c d", u.f.owns(11, 5, 3, 30))
	})
}

func TestManyKeysOfTwoInstancesWithConditions(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		b.act("INC y 5", 5, 5)
		b.act("INC x 5", 5, 5)
		a.want("MINC y 4 IF GT 10 y 3 IF EQ 5", []any{a.f.cond(0, 5, 0, 5, 0), a.f.cond(1, 8, 3, 5, 0)})
		a.flush()
		b.sees("y", 8, 5)
		a.want("MSETI x 10 IF EQ 1 x 4 IF EQ 0 y 7", []any{a.f.cond(0, 5, 0, 5, 0), a.f.cond(1, 9, 4, 5, 0), a.f.val(12, 7)})
		a.flush()
		b.sees("x", 9, 5)
		b.sees("y", 12, 5)
	})
}

func TestFailedItemsStopNothingElse(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("SET top 9223372036854775806", u.f.own(maxInt-1))
		u.want("MINC a 1 top 2 b 2 top 1 top 1 IF GT 0 c 3",
			[]any{u.f.own(1), errOverflow, u.f.own(2), u.f.own(maxInt), errOverflow, u.f.own(3)})
		u.flush()
		u.want("MGET a b c top", u.f.owns(1, 2, 3, maxInt))
		same(t, "top in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "top"), "9223372036854775807")
	})
}

func TestManyKeysNeedAtLeastOne(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		verbs := []string{"MGET", "MINC", "MSET"}
		if u.f.aware {
			verbs = append(verbs, "MGETI", "MSETI")
		}
		for _, verb := range verbs {
			u.want(verb, failure("ERR wrong number of arguments for '"+strings.ToLower(u.f.prefix+verb)+"' command"))
		}
	})
}

func TestTwoThousandKeysAtOnce(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		n := 2000
		if r.b.embedded {
			n = 200 // its Lua is slow
		}
		u, other := r.users[0], r.users[1]
		var inc, set, get []string
		var after, doubled []int64
		for i := range int64(n) {
			key := fmt.Sprintf("many:%d", i)
			inc = append(inc, fmt.Sprintf("%s %d", key, i))
			set = append(set, fmt.Sprintf("%s %d", key, 2*i))
			get = append(get, key)
			after, doubled = append(after, i), append(doubled, 2*i)
		}
		u.want("MINC "+strings.Join(inc, " "), u.f.owns(after...))
		u.flush()
		u.want("MGET "+strings.Join(get, " "), u.f.owns(after...))
		u.want("MINC "+strings.Join(inc, " "), u.f.owns(doubled...))
		u.flush()
		u.want("MSET "+strings.Join(set, " "), u.f.owns(doubled...))
		got := other.do("MGET " + strings.Join(get, " ")).([]any)
		for i := range got {
			same(t, get[i], got[i], other.f.val(2*int64(i), 0))
		}
		if u.f.aware {
			u.want("MSETI "+strings.Join(inc, " "), u.f.owns(after...))
			u.want("CLEARI many", "OK")
			other.sees(fmt.Sprintf("many:%d", n-1), 0, 0)
		}
		u.want("CLEAR many", "OK")
		u.want("GET many:7", u.f.own(0))
	})
}

func TestManyKeysSeeWhatOthersWrote(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		u, other := r.users[0], r.users[1]
		u.want("MINC a 1 b 2 c 3", u.f.owns(1, 2, 3))
		u.flush()
		same(t, "cold", other.do("MGET c b a d"), []any{u.f.val(3, 0), u.f.val(2, 0), u.f.val(1, 0), u.f.own(0)})
		other.want("MSET d 4 b 20", u.f.owns(4, 20))
		u.want("INC e 5", u.f.own(5)) // in memory, and not in Redis yet
		want := []any{u.f.val(4, 0), u.f.own(5), u.f.val(20, 0), u.f.own(1)}
		eventually(t, 5*time.Second, func() error {
			if got := u.do("MGET d e b a"); !reflect.DeepEqual(got, want) {
				return fmt.Errorf("MGET: %v, want %v", got, want)
			}
			return nil
		})
	})
}
