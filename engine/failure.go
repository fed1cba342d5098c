package engine

import (
	"math/rand/v2"
	"time"
)

// Retry times while Redis is away, and for what Redis refuses.
const (
	minBackoff   = 25 * time.Millisecond
	maxBackoff   = time.Second
	refusedPause = time.Second
)

// roundFailed deals with a round that Redis did not answer or refused.
func (p *partition) roundFailed(r *round, err error) {
	if refusal := asRefusal(err); refusal != nil {
		p.refused(r, refusal)
		return
	}
	p.setAway(err)
	p.spoilt = true
	p.dropReads(r)
	p.mu.Lock()
	loads := p.loads.takeAll()
	p.mu.Unlock()
	p.drop(loads)
	if !r.write {
		p.flight = nil
	}
	p.finishReads(r)
}

// refused gives everything back, because Redis refuses the partition as a whole
// (a container of the wrong type): nothing was applied. A batch that was sent
// before without an answer stays as it is: a late copy of it could still be
// carried out, and its number must not be used for anything else.
func (p *partition) refused(r *round, err *Error) {
	if p.failed.Swap(err) == nil {
		p.e.log.Warn("Redis refuses a partition", "namespace", p.space.name, "family", p.family.String(), "error", err.Error())
	}
	p.refusals.Add(1)
	p.e.stats.failures.Add(1)
	p.tryAt.Store(p.e.now() + int64(refusedPause))
	if r.write && r.unsure {
		p.dropReads(r)
		p.rounds.fire()
		return
	}
	if since := p.inAir.Load(); since != 0 { // it goes on waiting
		p.since.Store(earliest(p.since.Load(), since))
	}
	p.batchEnded(false, nil, true)
	for _, item := range r.carried {
		p.returnCell(item.c)
	}
	for _, c := range r.cleared {
		p.returnCell(c)
	}
	if r.clear != nil {
		r.clear.res.Err = err
	}
	for _, op := range r.ops {
		op.res = Result{Err: err}
	}
	p.noneAhead(r)
	p.mu.Lock()
	p.flushTo = max(p.flushTo, p.entered) // the next attempt is for all of it
	p.mu.Unlock()
	p.failGroups(err)
	p.dropReads(r)
	p.flight = nil
	p.end(r)
	p.finish(r)
}

// failGroups refuses the operations that still wait.
func (p *partition) failGroups(err *Error) {
	p.mu.Lock()
	groups := p.groups
	p.groups = nil
	for _, group := range groups {
		for _, op := range group.ops[group.next:] {
			op.res = Result{Err: err}
		}
		group.next = len(group.ops)
		close(group.done)
	}
	p.mu.Unlock()
}

// returnCell puts a refused change back in line.
func (p *partition) returnCell(c *cell) {
	s := p.shardOfCell(c)
	s.mu.Lock()
	c.putBack()
	if !c.queued {
		p.enqueueLocked(c)
	}
	s.mu.Unlock()
}

// dropReads gives up the round's reads: whoever waits is told by finish that
// Redis is away, or asks again.
func (p *partition) dropReads(r *round) {
	p.drop(r.reads)
	r.reads = nil
}

func (p *partition) drop(reads []*cell) {
	for _, c := range reads {
		s := p.shardOfCell(c)
		s.mu.Lock()
		c.asked = false
		if !c.loaded && !c.dirty() && !c.queued {
			s.dropLocked(c)
			p.gained(-1)
		}
		s.mu.Unlock()
	}
}

// finishReads wakes whoever waits for reads of a round whose batch is still
// unanswered.
func (p *partition) finishReads(r *round) {
	if p.flight == nil {
		p.finish(r)
		return
	}
	p.rounds.fire()
}

// setAway notes that Redis did not answer, or too few of its replicas have what
// it did, and when to try again.
func (p *partition) setAway(err error) {
	p.failures++
	pause := min(maxBackoff, minBackoff<<min(p.failures-1, 10))
	pause += time.Duration(rand.Int64N(int64(pause)/2+1)) - pause/4
	now := p.e.now()
	p.failedAt.Store(now)
	p.tryAt.Store(now + int64(pause))
	p.why.Store(redisError(err))
	p.away.Store(true)
	p.e.undone(err)
	p.hasten()
}

// pausing reports whether the flusher waits before it tries to reach Redis
// again, and nothing says that it would succeed now: whoever needs Redis is told so.
func (p *partition) pausing(now int64) bool {
	return p.away.Load() && !p.heard.Load() && now < p.tryAt.Load()
}

// hear notes that Redis has answered somebody else: the next attempt is due, and
// whoever needs Redis waits for it. Where Redis answers everything with an error
// of its own, that somebody was answered says nothing new, except of one that is
// loading its data.
func (p *partition) hear() {
	why := p.why.Load()
	if !p.away.Load() || why != nil && why.Code != "LOADING" || p.heard.Swap(true) {
		return
	}
	p.hasten()
	p.kick()
}

// hasten brings the next attempt forward if Redis was heard since the last began.
func (p *partition) hasten() {
	if p.heard.Load() {
		p.tryAt.Store(min(p.tryAt.Load(), p.failedAt.Load()+int64(minBackoff)))
	}
}

// setBack notes that Redis answered.
func (p *partition) setBack() {
	p.failures = 0
	p.away.Store(false)
	p.e.reachable()
}
