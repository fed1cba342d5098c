package engine

// Sizes of a round: between 100 and 500 counters a script cost Redis least per
// counter and block it for less than a millisecond.
const (
	maxCarried = 500  // increments in a batch, without those of the operations' counters
	maxHurried = 250  // of them such as did not wait in the queue; the rest is the queue's
	maxOps     = 500  // operations in a batch
	maxReads   = 2000 // counters loaded or refreshed beside it
	readPiece  = 500  // of them in one command
)

// round is one exchange with Redis: at most one numbered batch, then reads.
// While the batch is unanswered the same round is sent again, as it was.
type round struct {
	write  bool  // there is a batch; its number is the one after the last applied
	unsure bool  // it was sent and not answered: a late copy of it may be about
	sentAt int64 // when it was sent last: what a base's age counts from

	carried []carried
	ops     []*opReq
	ends    []*opGroup // groups whose last op is in ops
	clear   *opReq     // instead of carried and ops: CLEAR or CLEARI
	cleared []*cell    // the cells whose changes clear makes void

	// replayed: it was on its way when the process before ended.
	replayed bool
	was      []*opReq // of a replayed round: operations that it had, which are not repeated
	clears   bool     // of a replayed round: it was CLEAR or CLEARI, and cleared what that made void

	answer *answer // once Redis has answered and its number is counted as applied

	reads   []*cell
	popped  int // queue entries that this round accounts for
	hurried int // and those of the cells that did not wait in the queue
}

// carried is one counter's change in a batch, with what it was made under.
type carried struct {
	c     *cell
	ch    change
	epoch int64
	slice int64
}

// build makes the next round from what waits, or nil. Only the flusher calls
// it, and only with nothing in flight.
func (p *partition) build(now int64) *round {
	r := &round{}
	p.mu.Lock()
	p.busy = true
	p.takeOpsLocked(r)
	loads := p.loads.take()
	var line, hurry []*cell
	if r.clear == nil {
		hurry = p.hurry[:min(len(p.hurry), maxHurried)]
		p.hurry = rest(p.hurry, len(hurry))
		r.hurried = len(hurry)
	}
	if r.clear == nil && p.lineDueLocked() <= now {
		if p.popped >= p.passTo { // a pass over all that are in line now begins
			p.passTo, p.passFrom, p.spoilt = p.entered, now, false
			// What the last pass was about has been sent.
			p.inLine.Store(p.since.Swap(0))
		}
		line = p.queue[:min(len(p.queue), max(maxCarried-maxHurried, maxCarried-len(hurry)-len(r.ops)))]
		p.queue = rest(p.queue, len(line))
		p.popped += uint64(len(line))
		r.popped = len(line)
	}
	p.mu.Unlock()

	if r.clear != nil {
		p.takeAll(r)
	} else {
		p.take(r, hurry, line, now)
	}
	if p.family == Ordinary {
		expiringFirst(r.carried)
	}
	r.reads = append(r.reads, loads...)
	r.write = r.clear != nil || len(r.carried)+len(r.ops) > 0
	if len(r.carried)+len(r.cleared) > 0 {
		// A change accepted while the round was made may be younger than both.
		since := earliest(earliest(p.inLine.Load(), p.since.Load()), now)
		p.inAir.Store(since)
	}
	if !r.write && len(r.reads) == 0 {
		p.finish(r)
		return nil
	}
	return r
}

// rest is a line without its first n. An empty one keeps no memory: a million may have
// stood in it.
func rest(line []*cell, n int) []*cell {
	if n == len(line) {
		return nil
	}
	return line[n:]
}

// takeOpsLocked moves waiting operations into the round, in order: up to a
// CLEAR, which makes a round of its own.
func (p *partition) takeOpsLocked(r *round) {
	for len(p.groups) > 0 && len(r.ops) < maxOps {
		group := p.groups[0]
		if group.ops[0].kind >= opClear {
			if len(r.ops) > 0 {
				return
			}
			r.clear = group.ops[0]
		} else {
			n := min(len(group.ops), group.next+maxOps-len(r.ops))
			r.ops = append(r.ops, group.ops[group.next:n]...)
			group.next = n
			if n < len(group.ops) {
				return
			}
		}
		group.next = len(group.ops)
		r.ends = append(r.ends, group)
		p.groups = p.groups[1:]
		if r.clear != nil {
			return
		}
	}
}

// take carries the pending changes of the operations' counters, of the cells in a
// hurry and of those in line, and has the rest of the line refreshed if it is in use.
func (p *partition) take(r *round, hurry, line []*cell, now int64) {
	aheads := p.aheads(r.ops)
	for _, op := range r.ops {
		s := p.shardOfName(op.name)
		s.mu.Lock()
		if c := s.named(op.name); c != nil {
			p.carryLocked(r, c)
			if p.family == Ordinary && op.kind == opInc && c.loaded {
				// All at once: what is answered between two of them would come between.
				if h := aheads[op.name]; h.wide {
					c.loaded = false
				} else if !h.taken {
					c.goesAhead(h.delta)
					h.taken = true
				}
				op.ahead, op.lasts = c.loaded, c.epoch == noExpiry
			}
		}
		s.mu.Unlock()
	}
	for _, c := range hurry {
		s := p.shardOfCell(c)
		s.mu.Lock()
		c.hurried = false
		p.carryLocked(r, c)
		s.mu.Unlock()
	}
	for _, c := range line {
		s := p.shardOfCell(c)
		s.mu.Lock()
		c.queued = false
		switch {
		case c.sent.has: // carried above
		case c.pending.has && now >= c.retryAt():
			p.carryLocked(r, c)
		case c.unused(now) <= p.lag && !c.asked:
			r.reads = append(r.reads, c)
		}
		s.mu.Unlock()
	}
}

func (p *partition) carryLocked(r *round, c *cell) {
	if c.sent.has || !c.pending.has {
		return
	}
	r.carried = append(r.carried, carried{c: c, ch: c.take(), epoch: c.epoch, slice: c.base.Mine})
	if j := p.e.journal; j != nil {
		j.taken(p, c)
	}
}

// takeAll puts every pending change of the partition into flight: CLEAR makes
// them void, but only once Redis has done it.
func (p *partition) takeAll(r *round) {
	p.eachCell(func(_ *shard, c *cell) {
		if c.pending.has {
			c.take()
			r.cleared = append(r.cleared, c)
			if j := p.e.journal; j != nil {
				j.taken(p, c)
			}
		}
	})
}

// finish ends a round: what was in line has been dealt with, and whoever waits
// looks again.
func (p *partition) finish(r *round) {
	p.inAir.Store(0)
	p.mu.Lock()
	p.busy = false
	p.acked += uint64(r.popped)
	if r.popped > 0 && p.acked >= p.passTo && !p.spoilt { // it ended a pass
		p.pass.Store(p.e.now() - p.passFrom)
	}
	if p.acked >= p.passTo {
		p.inLine.Store(0)
	}
	if len(p.queue) == 0 { // nothing waits; a change accepted right now is noted by its round
		p.since.Store(0)
	}
	p.arrived += uint64(r.hurried)
	r.popped, r.hurried = 0, 0
	p.mu.Unlock()
	p.rounds.fire()
}
