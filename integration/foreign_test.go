package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestEpochRaisedByTheCrate has a SET done as the distkit crate does it: the
// epoch is raised and the total written, but other instances' slices stay. The
// next change replaces this proxy's.
func TestEpochRaisedByTheCrate(t *testing.T) {
	changes := []struct {
		line        string
		total, mine int64
	}{
		{"INC inc 3", 10, 3},
		{"DEC dec 2", 5, -2},
		{"SETI seti 20", 27, 20},
		{"SETI again 50", 57, 50},
		{"SET set 9", 9, 9},
	}
	onRigs(t, 1, awareFamilies, func(t *testing.T, r *rig) {
		base := "distkit:" + r.f.container
		slices := base + ":count:" + r.users[0].p.id
		for _, ch := range changes {
			key := strings.Fields(ch.line)[1]
			t.Run(key, func(t *testing.T) {
				u := r.in(t, r.f).users[0]
				u.act("INC "+key+" 50", 50, 50)
				raw(t, r.redis, "HINCRBY", base+":epoch", key, 1)
				raw(t, r.redis, "HSET", base+":cumulative", key, 7)
				same(t, "slice in Redis", raw(t, r.redis, "HGET", slices, key), "50")
				u.act(ch.line, ch.total, ch.mine)
				same(t, "total in Redis", raw(t, r.redis, "HGET", base+":cumulative", key), fmt.Sprint(ch.total))
				same(t, "slice in Redis", raw(t, r.redis, "HGET", slices, key), fmt.Sprint(ch.mine))
				u.act("INC "+key+" 1", ch.total+1, ch.mine+1)
			})
		}
	})
}

func TestDelIAfterAnEpochRaisedByTheCrate(t *testing.T) {
	onRigs(t, 1, awareFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		base := "distkit:" + u.f.container
		u.act("INC x 50", 50, 50)
		raw(t, r.redis, "HINCRBY", base+":epoch", "x", 1)
		raw(t, r.redis, "HSET", base+":cumulative", "x", 7)
		u.want("DELI x", []any{int64(7), int64(0)}) // the 50 are not in the 7
		u.sees("x", 7, 0)
	})
}

// TestTotalsOfTheCrate reads what instances of the distkit crate have written.
func TestTotalsOfTheCrate(t *testing.T) {
	onRigs(t, 1, awareFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		base := "crate:" + u.f.container
		raw(t, r.redis, "HSET", base+":cumulative", "x", 40)
		raw(t, r.redis, "HSET", base+":count:rust", "x", 40)
		raw(t, r.redis, "SADD", base+":keys", "x")
		now := raw(t, r.redis, "TIME").([]any)[0].(string) + "000"
		raw(t, r.redis, "ZADD", base+":instances", now, "rust")
		u.want("GET crate:x", u.f.val(40, 0))
		u.act("INC crate:x 2", 42, 2)
		same(t, "its slice", raw(t, r.redis, "HGET", base+":count:rust", "x"), "40")
		u.want("SET crate:x 5", u.f.own(5)) // takes the counter out of its slices
		same(t, "its slice", raw(t, r.redis, "HGET", base+":count:rust", "x"), nil)
		same(t, "the epoch", raw(t, r.redis, "HGET", base+":epoch", "x"), "1")
	})
}

func TestPlainTotalsOfTheCrate(t *testing.T) {
	onRigs(t, 1, plainFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		raw(t, r.redis, "HSET", u.f.totals("crate"), "x", 40)
		u.want("INC crate:x 2", int64(42))
		u.flush()
		raw(t, r.redis, "HINCRBY", u.f.totals("crate"), "x", 8)
		u.sees("crate:x", 50, 0)
	})
}
