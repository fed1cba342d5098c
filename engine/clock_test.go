package engine

import (
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// clocked is two instances, near and far, on a Redis whose clock the test sets:
// it stands still in between.
type clocked struct {
	t         *testing.T
	m         *miniredis.Miniredis
	b         books
	f         Family
	near, far *Engine
	link      *gatedStore // between far and Redis
	now       time.Time
}

const clockedDeadAfter = time.Second

func newClocked(t *testing.T, f Family) *clocked {
	t.Helper()
	m := miniredis.RunT(t)
	c := &clocked{t: t, m: m, b: booksForTest(t, m, f), f: f, now: time.Now()}
	m.SetTime(c.now)
	opts := Options{FlushInterval: time.Millisecond, AllowedLag: time.Millisecond, DeadAfter: clockedDeadAfter}
	opts.InstanceID = "near"
	c.near = connectForTest(t, m.Addr(), opts, func(s store) store { return s })
	opts.InstanceID = "far"
	c.far, c.link = gateForTest(t, m.Addr(), opts)
	return c
}

// set moves Redis' clock, and with it what expires.
func (c *clocked) set(by time.Duration) {
	c.now = c.now.Add(by)
	c.m.SetTime(c.now)
	if by > 0 {
		c.m.FastForward(by)
	}
}

// add has an instance add to x until that was not refused, and be acknowledged.
func (c *clocked) add(e *Engine, n int64) {
	c.t.Helper()
	eventually(c.t, 5*time.Second, "an increment", func() bool { return operateOrInc(c.t, e, c.f, "x", n).Err == nil })
	flushes(c.t, e)
}

// heardOf waits until instances have said by the clock as it is now that they
// live, and have moved back what was taken from them.
func (c *clocked) heardOf(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		eventually(c.t, 10*time.Second, "a heartbeat of "+id, func() bool {
			beat, err := c.m.ZScore(c.b.Instances(), id)
			return err == nil && int64(beat) == c.now.UnixMilli() && !c.m.Exists(c.b.Buried(id))
		})
	}
}

// settles waits until the total is want and the sum of the slices of the live
// instances.
func (c *clocked) settles(want int64, live ...string) {
	c.t.Helper()
	var total, slices int64
	defer func() {
		if c.t.Failed() {
			c.t.Logf("the total is %d, the slices of %v add up to %d", total, live, slices)
		}
	}()
	eventually(c.t, 10*time.Second, "total "+strconv.FormatInt(want, 10)+" of the live slices", func() bool {
		parseInt(c.m.HGet(c.b.Cumulative(), "x"), &total)
		slices = 0
		for _, id := range live {
			var slice int64
			parseInt(c.m.HGet(c.b.Slices(id), "x"), &slice)
			slices += slice
		}
		return total == want && slices == want
	})
	for _, e := range []*Engine{c.near, c.far} {
		eventually(c.t, 10*time.Second, "the total read by "+e.InstanceID(), func() bool {
			var res [1]Result
			e.Get(c.t.Context(), c.f, []Key{keyOf("x")}, res[:])
			return res[0].Err == nil && res[0].Value.Total == want
		})
	}
}

// When Redis' clock is set forward everybody seems dead. Whoever lives comes
// back, by a heartbeat if by nothing else, and nothing is lost: not when the
// batch records have expired either.
func TestRedisClockSetForward(t *testing.T) {
	day := 24 * time.Hour
	for name, by := range map[string]time.Duration{
		"less than dead_after": clockedDeadAfter / 2, "more than dead_after": 2 * clockedDeadAfter,
		"beyond a burial's day": 2 * day, "beyond the record's week": 10 * day, "years": 10 * 365 * day,
	} {
		t.Run(name, func(t *testing.T) {
			onFamilies(t, instanceAware, func(t *testing.T, f Family) {
				t.Parallel()
				c := newClocked(t, f)
				c.add(c.near, 3)
				c.add(c.far, 40)
				for i := range int64(3) {
					c.set(by)
					c.add(c.near, 3) // and far does nothing but live
					c.heardOf("near", "far")
					c.settles(43+3*(i+1), "near", "far")
				}
				c.set(by)
				c.add(c.far, 40)
				c.add(c.near, 3)
				c.heardOf("near", "far")
				c.settles(95, "near", "far")
			})
		})
	}
}

// When Redis' clock is set back heartbeats lie in the future. Who is alive is
// not buried, and who is dead dies all the same: dead_after later if the clock
// was set back by less, else dead_after after the next one was heard of.
func TestRedisClockSetBack(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"half of dead_after": clockedDeadAfter / 2, "seconds": 10 * time.Second, "years": 10 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			onFamilies(t, instanceAware, func(t *testing.T, f Family) {
				t.Parallel()
				c := newClocked(t, f)
				c.add(c.near, 3)
				c.add(c.far, 40)
				startedOn(t, c)
				c.set(-by)
				c.add(c.near, 3)
				c.add(c.far, 40)
				c.settles(86+500, "near", "far", "dead")
				for range 4 { // twice dead_after, in steps in which the others are heard of
					c.set(clockedDeadAfter/2 + time.Millisecond)
					c.add(c.near, 1)
					c.add(c.far, 1)
				}
				c.settles(86+8, "near", "far")
			})
		})
	}
}

// startedOn has an instance named dead count 500 and crash.
func startedOn(t *testing.T, c *clocked) {
	t.Helper()
	e, gate := gateForTest(t, c.m.Addr(), Options{InstanceID: "dead", DeadAfter: clockedDeadAfter})
	c.add(e, 500)
	gate.shut()
}

// An instance that comes back after more than a day of Redis' clock finds
// nothing to move back, and counts from zero: the total stays the sum of slices.
func TestRedisClockBeyondTheBurialsDay(t *testing.T) {
	onFamilies(t, instanceAware, func(t *testing.T, f Family) {
		t.Parallel()
		c := newClocked(t, f)
		c.add(c.near, 3)
		c.add(c.far, 40)
		c.link.shut()
		c.set(2 * clockedDeadAfter)
		eventually(t, 10*time.Second, "far's burial", func() bool {
			c.add(c.near, 0)
			return c.m.HGet(c.b.Cumulative(), "x") == "3"
		})
		c.set(25 * time.Hour)
		c.link.open()
		c.add(c.near, 1)
		c.add(c.far, 5)
		c.settles(9, "near", "far")
	})
}
