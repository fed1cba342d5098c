package engine

import (
	"context"
	"slices"
)

// Add is an increment of an ordinary key.
type Add struct {
	Key   []byte
	Delta int64
}

// IncrWarm is IncrBy as far as it needs no word from Redis; false: nothing was done,
// and IncrTogether does it.
func (e *Engine) IncrWarm(ctx context.Context, db int, key []byte, delta int64) (n Number, done bool) {
	p, err := e.ordinary(db, key)
	if err != nil {
		return numberOf(Result{Err: err}), true
	}
	return p.incrWarm(ctx, key, delta, e.now())
}

// IncrTogether adds to ordinary keys that are lax, in order. Those that are not in
// memory, or that somebody holds, are added to in Redis, in numbered batches: all in
// one round trip, or a few if they are very many. The outcome of adds[i] is in out[i].
func (e *Engine) IncrTogether(ctx context.Context, db int, adds []Add, out []Number) {
	came := e.now()
	ahead := make(map[*partition]*opGroup, 1)
	for i := range adds {
		add := &adds[i]
		p, err := e.ordinary(db, add.Key)
		if err != nil {
			out[i] = numberOf(Result{Err: err})
			continue
		}
		group := ahead[p]
		if group == nil || !group.has(add.Key) { // else the one before comes first
			var done bool
			if out[i], done = p.incrWarm(ctx, add.Key, add.Delta, came); done {
				continue
			}
			if err := p.refusesCold(came); err != nil {
				out[i] = Number{Err: err}
				continue
			}
		}
		if group == nil {
			group = newGroup()
			group.reqs = make([]opReq, 0, len(adds)-i)
			ahead[p] = group
		}
		group.reqs = append(group.reqs, opReq{kind: opInc, name: string(add.Key), n: add.Delta})
		group.at = append(group.at, i)
	}
	if len(ahead) == 0 {
		return
	}
	beforeWait(ctx)
	for _, group := range ahead {
		group.ops = make([]*opReq, len(group.reqs))
		for i := range group.reqs {
			group.ops[i] = &group.reqs[i]
		}
	}
	for p, group := range ahead { // keys of several paces are rare
		for i, res := range p.runGroup(ctx, group) {
			n, at := incremented(res), group.at[i]
			if p.away.Load() && (res.Err == ErrLoading || res.Err == ErrUnavailable) {
				// It was not carried out, and what is in memory is served as it is.
				if served, done := p.incrWarm(ctx, adds[at].Key, adds[at].Delta, came); done {
					n = served
				}
			}
			out[at] = n
		}
	}
}

// manyOps is how many operations of a group are looked through for a key.
const manyOps = 64

// has reports whether a key is among those of a group that is being made, or may be.
func (g *opGroup) has(key []byte) bool {
	if len(g.reqs) > manyOps {
		return true
	}
	for i := range g.reqs {
		if g.reqs[i].name == string(key) {
			return true
		}
	}
	return false
}

// incremented is the outcome of an increment that was carried out in Redis.
func incremented(res Result) Number {
	switch res.Err {
	case errNoKeyRight:
		return Number{Foreign: true}
	case errForeign:
		return Number{Err: errForeign} // what Redis says to INCR
	}
	return numberOf(res)
}

// incrWarm increments a key in memory; false: Redis has to be asked.
func (p *partition) incrWarm(ctx context.Context, key []byte, delta, came int64) (n Number, done bool) {
	if err := p.failed.Load(); err != nil && came < p.tryAt.Load() {
		return Number{Err: err}, true
	}
	s := p.shardOf(hash(key))
	for {
		s.mu.Lock()
		c := s.get(key)
		if c == nil || p.heldLocked(s, key) || !p.servableLocked(c, came, came-p.maxAge()) {
			s.mu.Unlock()
			return Number{}, false
		}
		res, flushed := p.incrLocked(s, c, delta, came)
		switch {
		case flushed != nil:
			if err := p.awaitFlush(ctx, flushed, p.e.opts.CommandTimeout); err != nil {
				return Number{Err: err}, true
			}
		case res.Err == errForeign:
			return Number{}, false
		default:
			return numberOf(res), true
		}
	}
}

// incrLocked is stepLocked for an ordinary key.
func (p *partition) incrLocked(s *shard, c *cell, delta, now int64) (res Result, flushed arrival) {
	defer s.mu.Unlock()
	res, retry := incKey(p, c, delta, now)
	if retry {
		p.hurryLocked(c)
		return res, p.hurriedFlush()
	}
	if res.Err == nil {
		p.e.stats.accepted.Add(1)
	}
	p.touchLocked(c, now)
	return res, nil
}

// turnAway tells the clients of operations on ordinary keys to come again, because
// Redis is away: of those that wait and, if undone, of those in the round, which it
// has not carried out.
func (p *partition) turnAway(r *round, undone bool) {
	if !p.pausing(p.e.now()) {
		return
	}
	if undone && p.flight == r {
		p.withdraw(r)
	}
	p.mu.Lock()
	var kept []*opGroup
	for _, group := range p.groups {
		if group.next > 0 { // a part of it is on its way
			kept = append(kept, group)
			continue
		}
		for _, op := range group.ops {
			op.res = Result{Err: ErrLoading}
		}
		group.next = len(group.ops)
		close(group.done)
	}
	p.groups = kept
	p.mu.Unlock()
}

// withdraw takes the operations out of a round that Redis has not carried out.
func (p *partition) withdraw(r *round) {
	for _, op := range r.ops {
		op.res = Result{Err: ErrLoading}
	}
	p.noneAhead(r)
	p.mu.Lock()
	for len(p.groups) > 0 && p.groups[0].next > 0 { // the rest of one that is in part in the round
		group := p.groups[0]
		for _, op := range group.ops[group.next:] {
			op.res = Result{Err: ErrLoading}
		}
		r.ends = append(r.ends, group)
		p.groups = p.groups[1:]
	}
	p.mu.Unlock()
	r.ops = nil
	p.end(r)
	if r.write = len(r.carried) > 0; !r.write {
		p.flight = nil
		p.finish(r)
	}
}

// headway is what the increments of a batch add to one ordinary key.
type headway struct {
	delta int64
	taken bool // its cell knows
	wide  bool // it does not fit: the key is not answered from memory meanwhile
}

// aheads adds up the increments of ordinary keys among operations.
func (p *partition) aheads(ops []*opReq) map[string]*headway {
	if p.family != Ordinary || len(ops) == 0 {
		return nil
	}
	list := make([]headway, len(ops))
	by := make(map[string]*headway, len(ops))
	for i, op := range ops {
		if op.kind != opInc {
			continue
		}
		h := by[op.name]
		if h == nil {
			h = &list[i]
			by[op.name] = h
		}
		var ok bool
		if h.delta, ok = sum(h.delta, op.n, 0); !ok {
			h.wide = true
		}
	}
	return by
}

// forgetLeft takes those increments out of a round that is repeated whose clients have
// been told that the outcome is unknown, and leaves it at that: carried out now, an
// increment could make a key anew to which nobody gives the time to live that it had.
// Of a key that has none, others may have been told more already.
func (p *partition) forgetLeft(r *round) {
	if p.family != Ordinary {
		return
	}
	var gone []*opReq
	p.mu.Lock()
	r.ops = slices.DeleteFunc(r.ops, func(op *opReq) bool {
		drop := op.left && op.kind == opInc && !op.lasts
		if drop {
			gone = append(gone, op)
		}
		return drop
	})
	p.mu.Unlock()
	for _, op := range gone {
		s := p.shardOfName(op.name)
		s.mu.Lock()
		if c := s.named(op.name); c != nil && op.ahead {
			c.ahead -= op.n
		}
		s.mu.Unlock()
	}
}

// noneAhead notes that the operations of a round are not on their way any more.
func (p *partition) noneAhead(r *round) {
	if p.family != Ordinary {
		return
	}
	for _, op := range r.ops {
		s := p.shardOfName(op.name)
		s.mu.Lock()
		if c := s.named(op.name); c != nil {
			c.ahead = 0
		}
		s.mu.Unlock()
	}
}

// refusesCold tells why an increment of a key that is not in memory may not be sent
// to Redis, or nil.
func (p *partition) refusesCold(now int64) error {
	if p.pausing(now) {
		return ErrLoading
	}
	if err := p.refuseLocked(&cell{}, now); err != nil {
		return err
	}
	return nil
}
