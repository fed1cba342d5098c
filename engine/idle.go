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

// sweep lets go of counters that nobody has used for a while (rule L8), never
// of one with anything pending, in flight, waited for or in line.
func (p *partition) sweep(now int64) {
	after := int64(p.e.idleAfter())
	p.eachCell(func(s *shard, c *cell) {
		if c.unused(now) > after && c.idle() {
			s.dropLocked(c)
			p.gained(-1)
		}
	})
	p.nextSwp = 0
	if p.cells.Load() > 0 {
		p.nextSwp = now + int64(p.e.idleAfter()/2)
	}
}

// gained counts the counters in memory.
func (p *partition) gained(n int64) {
	p.cells.Add(n)
	p.e.counters.Add(n)
}
