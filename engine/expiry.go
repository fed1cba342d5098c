package engine

import (
	"sync/atomic"
	"time"
)

// The life of an ordinary key stands where other families have the epoch: the
// moment of its expiry in ms by Redis' clock, noExpiry, or missing. The life
// under which a change was accepted is the change's v.
const (
	noExpiry = 0
	missing  = -1
)

// lifeSlack is by how much what two scripts say of one expiry may differ, in ms.
const lifeSlack = 2

// bareTime is for how long a key must have been without an expiry before it counts
// as one that gets none: longer than a client needs to give one to what it has made.
const bareTime = int64(time.Second)

// mayExpireLocked reports whether a key without an expiry may be one that somebody
// else has just made and is about to give one to. What is accepted in memory for such
// a key could be flushed when that expiry is past, and nothing would tell: the key
// would be made anew, without the expiry that nobody gives it a second time. Whoever
// makes a key through this proxy gives it its expiry through it, under a hold, so
// nothing is pending then.
func (c *cell) mayExpireLocked() bool {
	return c.epoch == noExpiry && c.bareAt() != 0 && !c.made && c.baseAt-c.bareAt() < bareTime
}

// farFuture is an expiry, in ms, that no process lives to see.
const farFuture = 1 << 42

// sameLife reports whether two lives are one.
func sameLife(a, b int64) bool {
	return a == b || a > 0 && b > 0 && max(a, b)-min(a, b) <= lifeSlack
}

// clock knows when, at the earliest, Redis' clock shows a given time. Safe for
// concurrent use.
type clock struct {
	behind atomic.Int64 // the engine's time less Redis', in ns, at least
	known  atomic.Bool
}

// hear takes in what Redis' clock showed, in ms, between two moments of the
// engine's; 0: nothing.
func (k *clock) hear(sent, received, millis int64) {
	if millis == 0 {
		return
	}
	least, most := sent-(millis+1)*1e6, received-millis*1e6
	if k.known.Swap(true) {
		least = max(least, k.behind.Load())
	}
	k.behind.Store(min(least, most))
}

// reaches is when the clock shows a time in ms.
func (k *clock) reaches(millis int64) int64 { return min(millis, farFuture)*1e6 + k.behind.Load() }

// validLocked reports whether what is known of an ordinary key still holds for a
// command that came at that time: nobody may have changed it in a way that was not
// to be seen, and it must not have expired. That is a guess, on the safe side, and
// what Redis has said since the command came is better.
func (p *partition) validLocked(c *cell, came int64) bool {
	return c.baseAt >= p.void.Load() && !p.overtakenLocked(c, came)
}

// overtakenLocked reports whether an ordinary key has expired, or what is pending or
// in flight was accepted in another life than is known now: that has to be flushed, to
// see what becomes of it, before the key is answered again.
func (p *partition) overtakenLocked(c *cell, came int64) bool {
	life := max(c.epoch, noExpiry)
	if c.pending.has && !sameLife(c.pending.v, life) || c.sent.has && !sameLife(c.sent.v, life) {
		return true
	}
	return c.epoch > 0 && c.baseAt < came && came >= p.clock.reaches(c.epoch)
}
