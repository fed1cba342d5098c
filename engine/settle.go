package engine

// settle takes over the answers to a round.
func (p *partition) settle(r *round, out answer) {
	p.setBack()
	p.failed.Store(nil)
	p.noteMark(out.mark, r.clear != nil)
	if p.family.InstanceAware() {
		p.alive.Store(out.alive)
	}
	if r.write {
		if out.status != "idle" {
			p.applied++
			p.usedAt = p.e.now()
		}
		r.answer = &out
		p.settleWrites(r, out)
	}
	for i, c := range r.reads {
		p.settleRead(c, out.reads, i, r.sentAt)
	}
	if out.readErr != nil {
		p.dropReads(r)
	}
	p.flight = nil
	p.end(r)
	p.finish(r)
	if out.readErr != nil && asRefusal(out.readErr) == nil {
		p.setAway(out.readErr)
	}
	if out.dead != "" {
		p.bury(out.dead)
	}
}

func (p *partition) settleWrites(r *round, out answer) {
	now := p.e.now()
	if r.clear != nil {
		r.clear.res.Applied = true
		p.batchEnded(out.status != "idle", nil, false)
		p.settleClear(r, out)
		return
	}
	if r.clears {
		p.settleReplayedClear(r, out)
		return
	}
	if p.family.InstanceAware() && out.status != "idle" {
		p.beaten(now)
	}
	void := p.settleOps(r, out)
	p.batchEnded(out.status != "idle", r.givenBack(&out, void), false)
	commands := p.lastCommands(r, out)
	for i, item := range r.carried {
		s := p.shardOfCell(item.c)
		s.mu.Lock()
		c := item.c
		refusal := out.refused[i+1]
		switch {
		case refusal != nil && !void[c.name]:
			c.putBack()
			if !c.stuck {
				c.stuck = true
				p.stuck = append(p.stuck, c)
				p.nStuck.Store(int64(len(p.stuck)))
			}
			c.refuse(refusal, now+int64(refusedPause))
		case refusal != nil:
			c.acknowledge()
			p.cleanedLocked(c)
		default:
			c.acknowledge()
			p.cleanedLocked(c)
			if last, more := commands[c.name]; more { // a command has changed it since
				c.unrefuse()
				p.settleKeyLocked(s, c, r.ops[last], &out.results[last], out.status == "seen", r.sentAt)
			} else if got := out.values[i]; got.err == nil && !r.fromBefore(&out) {
				c.settle(got.val, got.epoch, r.sentAt)
				if item.epoch == missing {
					c.made = true
				}
			} else {
				c.loaded = false // what it is now, after a late answer, the next load tells
			}
		}
		s.mu.Unlock()
	}
	p.settleOpCells(r, out, commands)
	for _, item := range r.carried {
		p.keepFresh(item.c, now)
	}
}

// settleOps hands out the operations' results and tells which counters' earlier
// changes they made void.
func (p *partition) settleOps(r *round, out answer) map[string]bool {
	var void map[string]bool
	ops := r.ops
	if r.was != nil {
		ops = r.was[:len(out.results)]
	}
	for i, op := range ops {
		res := out.results[i]
		op.res = res.Result
		if p.family == Ordinary && op.kind == opInc && res.Err == nil {
			p.e.stats.accepted.Add(1)
		}
		if res.Err == nil && res.Applied && op.kind.voids() {
			if void == nil {
				void = make(map[string]bool)
			}
			void[op.name] = true
		}
	}
	return void
}

// settleOpCells brings the counters of operations up to date, those in memory, and
// ordinary keys that were incremented.
func (p *partition) settleOpCells(r *round, out answer, commands map[string]int) {
	for i, op := range r.ops {
		res := out.results[i]
		if p.family == Ordinary {
			if last, found := commands[op.name]; !found || last == i {
				p.settleKey(op, &res, out.status == "seen", r.sentAt)
			}
			continue
		}
		if res.Err != nil {
			continue
		}
		s := p.shardOfName(op.name)
		s.mu.Lock()
		if c := s.named(op.name); c != nil && (c.retryAt() == 0 || op.kind.voids() && res.Applied) {
			if c.retryAt() != 0 { // refused in an earlier batch, and void now
				wasDirty := c.dirty()
				c.pending = change{}
				if j := p.e.journal; j != nil {
					j.stated(p, c)
				}
				if wasDirty {
					p.cleanedLocked(c)
				}
			}
			known := res.Applied || res.epoch.swept || res.epoch.n == c.epoch
			if known {
				c.settle(res.Value, res.epoch, r.sentAt)
			}
			if out.status == "seen" || !known {
				// The values are those of the first time; or what was only looked at
				// may be a void slice, and the next load tells.
				c.forget()
			}
		}
		s.mu.Unlock()
	}
}

// lastCommands tells which is the last increment of each ordinary key among the
// operations: only what that leaves is the key's value.
func (p *partition) lastCommands(r *round, out answer) map[string]int {
	if p.family != Ordinary || len(r.ops) == 0 {
		return nil
	}
	last := make(map[string]int, len(r.ops))
	for i, op := range r.ops {
		if op.kind == opInc && out.results[i].Err == nil {
			last[op.name] = i
		}
	}
	return last
}

// settleKey takes over what an operation says of an ordinary key, unless that may be
// from before: whoever holds it, or has held it, may have changed it since. What was
// incremented is in memory from now on.
func (p *partition) settleKey(op *opReq, res *opResult, seen bool, at int64) {
	s := p.shardOfName(op.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.named(op.name)
	if c == nil {
		if op.kind != opInc || res.Err != nil || seen {
			return
		}
		c = &cell{name: op.name, baseAt: never}
		c.touch(p.e.now())
		s.putLocked(c)
		p.gained(1)
	}
	p.settleKeyLocked(s, c, op, res, seen, at)
}

// settleKeyLocked is settleKey for a key that is in memory. Its shard is locked.
func (p *partition) settleKeyLocked(s *shard, c *cell, op *opReq, res *opResult, seen bool, at int64) {
	if c.ahead = 0; res.Err != nil && !seen {
		return
	}
	if seen || c.retryAt() != 0 || p.heldLocked(s, []byte(op.name)) || at <= p.released.Load() || p.e.rare.freedSince(hash([]byte(op.name)), at) {
		c.loaded = false
		return
	}
	c.setBase(res.Value, res.epoch, at)
	if op.kind == opInc && res.Value.Total == op.n {
		c.made = true
	}
}

// settleClear makes void what CLEAR or CLEARI carried.
func (p *partition) settleClear(r *round, out answer) {
	for _, c := range r.cleared {
		s := p.shardOfCell(c)
		s.mu.Lock()
		c.acknowledge()
		p.cleanedLocked(c)
		s.mu.Unlock()
	}
	whole := r.clear.kind == opClear
	p.eachCell(func(_ *shard, c *cell) {
		if whole {
			c.settle(Value{}, epoch{}, r.sentAt)
			if out.status == "seen" {
				c.forget() // it was empty the first time
			}
			return
		}
		c.refuse(nil, 0)
		c.base.Total, _ = sum(c.known().Total, 0, c.known().Mine)
		c.base.Mine, c.void = 0, false
		c.forget()
	})
	p.beatAt.Store(0)
	if !whole { // a slice that could not be taken away has to be kept alive
		p.beatAt.Store(p.e.now())
	}
}

func (p *partition) settleRead(c *cell, values []reading, i int, at int64) {
	if i >= len(values) {
		return
	}
	s := p.shardOfCell(c)
	s.mu.Lock()
	v := values[i]
	if c.asked {
		p.e.stats.loads.Add(1)
	}
	switch {
	case c.sent.has:
		// Cannot happen: the batch before it was answered.
		c.asked = false
	case c.outdated(at):
	case v.err != nil:
		c.loaded, c.asked, c.baseAt = true, false, at
		c.setErr(v.err)
	default:
		c.setBase(v.val, v.epoch, at)
		if v.val.Mine != 0 && p.beatAt.Load() == 0 {
			p.beatAt.Store(p.e.now()) // a slice from before this run: it is ours to keep alive
		}
	}
	s.mu.Unlock()
	p.keepFresh(c, p.e.now())
}

// keepFresh puts a counter that is in use back in line for the next round.
func (p *partition) keepFresh(c *cell, now int64) {
	s := p.shardOfCell(c)
	s.mu.Lock()
	if !c.queued && (c.pending.has && c.retryAt() == 0 || c.unused(now) <= p.lag) {
		p.enqueueLocked(c)
	}
	s.mu.Unlock()
}

// stuckDue is when the first refused change is tried again.
func (p *partition) stuckDue() int64 {
	at := int64(whenever)
	for _, c := range p.stuck {
		s := p.shardOfCell(c)
		s.mu.Lock()
		at = min(at, c.retryAt())
		s.mu.Unlock()
	}
	return at
}

// requeueStuck puts refused changes whose pause is over back in line.
func (p *partition) requeueStuck(now int64) {
	kept := p.stuck[:0]
	for _, c := range p.stuck {
		s := p.shardOfCell(c)
		s.mu.Lock()
		switch {
		case c.retryAt() == 0: // void by now
			c.stuck = false
		case now < c.retryAt():
			kept = append(kept, c)
		default:
			c.stuck = false
			if !c.queued {
				p.enqueueLocked(c)
			}
		}
		s.mu.Unlock()
	}
	clear(p.stuck[len(kept):])
	p.stuck = kept
	p.nStuck.Store(int64(len(kept)))
}
