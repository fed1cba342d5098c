package integration

import (
	"fmt"
	"testing"
)

// onSizes runs a test of the instance-aware families with several numbers of proxies.
func onSizes(t *testing.T, run func(t *testing.T, users []user)) {
	onRigs(t, 10, awareFamilies, func(t *testing.T, r *rig) {
		for _, n := range []int{2, 3, 5, 10} {
			t.Run(fmt.Sprint(n), func(t *testing.T) { run(t, r.in(t, r.f).users[:n]) })
		}
	})
}

// keyFor is a counter of its own for each number of users.
func keyFor(users []user) string { return fmt.Sprintf("ns%d:x", len(users)) }

// settle waits until all users see the total, each with its own slice.
func settle(users []user, key string, total int64, slices ...int64) {
	for i, u := range users {
		u.t.Helper()
		u.sees(key, total, slices[i])
	}
}

func TestInstancesCumulate(t *testing.T) {
	onSizes(t, func(t *testing.T, users []user) {
		key, total := keyFor(users), int64(0)
		slices := make([]int64, len(users))
		for round := int64(1); round <= 3; round++ {
			for i, u := range users {
				n := round * int64(i+1)
				slices[i] += n
				total += n
				u.act(fmt.Sprintf("INC %s %d", key, n), total, slices[i])
			}
		}
		settle(users, key, total, slices...)
	})
}

func TestUnflushedInstancesCumulate(t *testing.T) {
	onSizes(t, func(t *testing.T, users []user) {
		key := keyFor(users)
		slices := make([]int64, len(users))
		for i, u := range users { // nobody waits for anybody
			slices[i] = 7
			if e, bad := u.do("INC " + key + " 7").(failure); bad {
				t.Fatal(e)
			}
		}
		settle(users, key, 7*int64(len(users)), slices...)
	})
}

func TestSetIOfEachInstanceSumsUp(t *testing.T) {
	onSizes(t, func(t *testing.T, users []user) {
		key, total := keyFor(users), int64(0)
		slices := make([]int64, len(users))
		for i, u := range users {
			slices[i] = int64(i+1) * 10
			total += slices[i]
			u.act(fmt.Sprintf("SETI %s %d", key, slices[i]), total, slices[i])
		}
		settle(users, key, total, slices...)
		total += 3 - slices[1]
		slices[1] = 3
		users[1].act("SETI "+key+" 3", total, 3) // only the own slice
		settle(users, key, total, slices...)
		for i, u := range users {
			u.want("MGETI "+key+" nothing", []any{slices[i], int64(0)})
		}
	})
}

func TestDelIOneAfterAnotherReachesZero(t *testing.T) {
	testRemovalOneByOne(t, func(u user, key string, left, removed int64) {
		u.want("DELI "+key, []any{left, removed})
	})
}

func TestClearIOneAfterAnotherReachesZero(t *testing.T) {
	testRemovalOneByOne(t, func(u user, key string, left, _ int64) {
		u.want("CLEARI "+key[:len(key)-len(":x")], "OK")
		u.sees(key, left, 0)
	})
}

func testRemovalOneByOne(t *testing.T, remove func(u user, key string, left, removed int64)) {
	onSizes(t, func(t *testing.T, users []user) {
		key, total := keyFor(users), int64(0)
		slices := make([]int64, len(users))
		for i, u := range users {
			slices[i] = int64(i+1) * 5
			total += slices[i]
			u.act(fmt.Sprintf("INC %s %d", key, slices[i]), total, slices[i])
		}
		for i, u := range users {
			total -= slices[i]
			remove(u, key, total, slices[i])
			slices[i] = 0
			users[len(users)-1].sees(key, total, slices[len(users)-1])
		}
		settle(users, key, 0, slices...)
	})
}

func TestPlainCountersCumulate(t *testing.T) {
	onRigs(t, 3, plainFamilies, func(t *testing.T, r *rig) {
		total := int64(0)
		for round := range 3 {
			for i, u := range r.users {
				n := int64(round*10 + i)
				total += n
				u.act(fmt.Sprintf("INC x %d", n), total, 0)
			}
		}
		r.users[1].want("SET x 5", int64(5))
		for _, u := range r.users {
			u.sees("x", 5, 0)
		}
		r.users[2].act("DEC x 2", 3, 0)
		r.users[0].sees("x", 3, 0)
		r.users[0].want("DEL x", int64(3))
		for _, u := range r.users {
			u.sees("x", 0, 0)
		}
	})
}

func TestCountersOfInstancesAreIndependent(t *testing.T) {
	onRigs(t, 3, awareFamilies, func(t *testing.T, r *rig) {
		a, b := int64(0), int64(0)
		for i, u := range r.users {
			n := int64(i + 1)
			a, b = a+n, b+10*n
			u.act(fmt.Sprintf("INC a %d", n), a, n)
			u.act(fmt.Sprintf("INC b %d", 10*n), b, 10*n)
		}
		settle(r.users, "a", 6, 1, 2, 3)
		settle(r.users, "b", 60, 10, 20, 30)
		r.users[0].want("SET a 5", r.f.own(5)) // b's slices stay valid
		r.users[1].act("INC b 1", 61, 21)
		r.users[2].act("INC b 1", 62, 31)
		r.users[1].act("INC a 7", 12, 7)
	})
}
