package integration

import (
	"fmt"
	"testing"
)

// comparisons are every comparator with operands below, at and above a counter
// that reads 10, and whether the condition holds.
var comparisons = []struct {
	word  string
	holds [3]bool // of 9, 10 and 11
}{
	{"EQ", [3]bool{false, true, false}},
	{"NE", [3]bool{true, false, true}},
	{"LT", [3]bool{false, false, true}},
	{"LE", [3]bool{false, true, true}},
	{"GT", [3]bool{true, false, false}},
	{"GE", [3]bool{true, true, false}},
}

// eachComparison calls run with a key of its own, the words of a condition, and
// whether it holds of a counter that reads 10.
func eachComparison(prefix string, run func(key, condition string, holds bool)) {
	for _, c := range comparisons {
		for i, holds := range c.holds {
			run(fmt.Sprintf("%s%s%d", prefix, c.word, i), fmt.Sprintf("IF %s %d", c.word, 9+i), holds)
		}
	}
}

func TestConditionsOfEveryComparator(t *testing.T) {
	changes := []struct {
		verb string
		to   int64 // from 10
	}{
		{"INC %s 5", 15}, {"INC %s", 11}, {"INC %s 0", 10}, {"DEC %s 4", 6}, {"DEC %s", 9}, {"SET %s 42", 42},
	}
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		for i, ch := range changes {
			eachComparison(fmt.Sprint(i), func(key, condition string, holds bool) {
				u.want("INC "+key+" 10", u.f.own(10))
				reply, now := u.f.ownCond(0, 10, 10), int64(10)
				if holds {
					reply, now = u.f.ownCond(1, ch.to, 10), ch.to
				}
				u.want(fmt.Sprintf(ch.verb, key)+" "+condition, reply)
				u.want("GET "+key, u.f.own(now))
			})
		}
		u.flush()
		u.want("GET 0EQ1", u.f.own(15))
		u.want("GET 0EQ0", u.f.own(10))
	})
}

func TestConditionsCompareTotalsOrSlices(t *testing.T) {
	onRigs(t, 2, awareFamilies, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		eachComparison("", func(key, condition string, holds bool) {
			b.want("INC "+key+" 90", b.f.own(90))
		})
		b.flush()
		eachComparison("", func(key, condition string, holds bool) {
			a.want("INC "+key+" 10", a.f.val(100, 10))
			a.want("INC "+key+" 3 IF LT 100", a.f.cond(0, 100, 10, 100, 10)) // the total
			if holds {
				a.want("SETI "+key+" 7 "+condition, a.f.cond(1, 97, 7, 100, 10))
			} else {
				a.want("SETI "+key+" 7 "+condition, a.f.cond(0, 100, 10, 100, 10))
			}
		})
		a.want("SET EQ0 1 IF GT 100", a.f.cond(0, 100, 10, 100, 10))
		a.want("SET EQ0 1 IF EQ 100", a.f.cond(1, 1, 1, 100, 10))
		b.sees("EQ0", 1, 0)
	})
}

func TestConditionsOfUnknownCounters(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC a 5 IF EQ 0", u.f.ownCond(1, 5, 0))
		u.want("INC b 5 IF GT 0", u.f.ownCond(0, 0, 0))
		u.want("DEC c 5 IF GE 0", u.f.ownCond(1, -5, 0))
		u.want("SET d 5 IF LT 0", u.f.ownCond(0, 0, 0))
		u.want("SET e 5 IF LE 0", u.f.ownCond(1, 5, 0))
		u.want("INC f 0 IF NE 0", u.f.ownCond(0, 0, 0))
		u.want("inc g if eq 0", u.f.ownCond(1, 1, 0))
		if u.f.aware {
			u.want("SETI h 5 IF EQ 0", u.f.ownCond(1, 5, 0))
		}
	})
}

func TestConditionsSeeWhatOthersWrote(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		a, b := r.users[0], r.users[1]
		a.act("INC x 5", 5, 5)
		b.act("INC x 20", 25, 20)
		a.sees("x", 25, 5)
		a.want("INC x 1 IF EQ 25", a.f.cond(1, 26, 6, 25, 5))
		a.flush()
		b.want("SET x 7 IF EQ 26", b.f.cond(1, 7, 7, 26, 20)) // in Redis, whatever b has seen
		a.sees("x", 7, 0)
		a.want("INC x 1 IF GE 25", a.f.cond(0, 7, 0, 7, 0))
	})
}

// TestConditionsAtTheEndsOfTheRange would fail if anything passed through a
// floating point number.
func TestConditionsAtTheEndsOfTheRange(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		for i, n := range []int64{maxInt, minInt, exact, -exact} {
			key := fmt.Sprintf("k%d", i)
			u.want(fmt.Sprintf("SET %s %d", key, n), u.f.own(n))
			u.want(fmt.Sprintf("SET %s 1 IF NE %d", key, n), u.f.ownCond(0, n, n))
			if n != maxInt {
				u.want(fmt.Sprintf("SET %s 1 IF GE %d", key, n+1), u.f.ownCond(0, n, n))
				u.want(fmt.Sprintf("INC %s 1 IF EQ %d", key, n+1), u.f.ownCond(0, n, n))
			}
			if n != minInt {
				u.want(fmt.Sprintf("SET %s 1 IF LE %d", key, n-1), u.f.ownCond(0, n, n))
				u.want(fmt.Sprintf("INC %s 1 IF EQ %d", key, n-1), u.f.ownCond(0, n, n))
			}
			u.want(fmt.Sprintf("SET %s 1 IF EQ %d", key, n), u.f.ownCond(1, 1, n))
		}
	})
}
