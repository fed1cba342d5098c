package engine

import "time"

// idleAfter is how long an untouched counter stays in memory: the configured
// time, or next to nothing once more counters are in memory than may be pending.
func (e *Engine) idleAfter() time.Duration {
	if e.counters.Load() > int64(e.opts.MaxPending) {
		return min(time.Second, e.opts.IdleAfter)
	}
	return e.opts.IdleAfter
}

// idle reports whether nothing would be lost with the cell but a load.
func (c *cell) idle() bool { return !c.dirty() && !c.asked && !c.queued }

// sweep lets go of counters in one shard that nobody has used for a while (rule L8),
// never of one with anything pending, in flight, waited for or in line. The shards have
// their turns spread over the time in which all are gone through: a million counters
// at once would hold up the loads and flushes behind them.
func (p *partition) sweep(now int64) {
	after := int64(p.e.idleAfter())
	p.shards[p.swept].each(func(s *shard, c *cell) {
		if c.unused(now) > after && c.idle() {
			s.dropLocked(c)
			p.gained(-1)
		}
	})
	p.swept = (p.swept + 1) % len(p.shards)
	p.nextSwp = 0
	if p.cells.Load() > 0 {
		p.nextSwp = now + p.sweepPause()
	}
}

// sweepPause is the time between two shards: all have had their turn in half of the
// time after which counters go.
func (p *partition) sweepPause() int64 {
	return max(int64(p.e.idleAfter()/2)/int64(len(p.shards)), int64(time.Millisecond))
}

// gained counts the counters in memory.
func (p *partition) gained(n int64) {
	p.cells.Add(n)
	p.e.counters.Add(n)
}
