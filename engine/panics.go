package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// A panic is a mistake of ours. Ending the process, as Go does, would lose what
// every counter has pending, so the engine's goroutines go on after one where
// they can: the flusher of a partition starts anew from what the cells say, with
// the batch that was on its way unanswered and therefore repeated. What it cannot
// go on from is a lock that the panic left held: then the process does end.

// lockPatience is how long a lock may be held before it counts as held for ever;
// nobody does I/O under one but presence, which a panic always frees.
const lockPatience = 5 * time.Second

// guard runs f and reports what it panicked with, or nil. A panic is logged with
// its stack and counted.
func (e *Engine) guard(where string, f func()) (panicked any) {
	defer func() {
		if panicked = recover(); panicked != nil {
			e.stats.panics.Add(1)
			e.log.Error("panic", "where", where, "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
		}
	}()
	f()
	return nil
}

// keepFlushing runs the flusher until ctx ends, again after a panic.
func (p *partition) keepFlushing(ctx context.Context) {
	for ctx.Err() == nil {
		panicked := p.e.guard("flusher of "+p.space.name+" "+p.family.String(), func() { p.flush(ctx) })
		if panicked == nil {
			return
		}
		p.mustBeFree(&p.mu, panicked)
		for i := range p.shards {
			p.mustBeFree(&p.shards[i].mu, panicked)
		}
		p.presence.Lock() // a strict command may be restoring, for as long as Redis takes
		p.mend(fmt.Errorf("engine: panic: %v", panicked))
		p.presence.Unlock()
	}
}

// mustBeFree panics again when a lock is not to be had.
func (p *partition) mustBeFree(mu *sync.Mutex, panicked any) {
	for deadline := p.e.now() + int64(p.e.patience); !mu.TryLock(); time.Sleep(time.Millisecond) {
		if p.e.now() > deadline {
			panic(panicked)
		}
	}
	mu.Unlock()
}

// mend makes the flusher's state whole after a panic at any point of it, and has
// the next attempt made after a pause, as if Redis had not answered. What stood
// in the queue or was waited for is found again from the cells.
func (p *partition) mend(err error) {
	r := p.flight
	if r != nil && r.answer != nil {
		p.acknowledgeRest(r)
		r, p.flight = nil, nil
	}
	if r != nil && !r.write {
		r, p.flight = nil, nil
	}
	inFlight := make(map[*cell]bool)
	if r == nil {
		p.batchEnded(false, nil, true)
	}
	if r != nil {
		r.unsure = true
		r.reads, r.popped, r.hurried = nil, 0, 0
		for _, item := range r.carried {
			inFlight[item.c] = true
		}
		for _, c := range r.cleared {
			inFlight[c] = true
		}
	}
	p.mu.Lock()
	p.queue, p.hurry, p.loads = nil, nil, loadLine{}
	if r != nil { // whoever waits for all waits for it
		p.entered++
		r.popped = 1
	}
	p.popped, p.passTo = p.entered, p.entered
	acked := p.entered
	if r != nil {
		acked--
	}
	p.busy, p.spoilt = r != nil, true
	p.mu.Unlock()
	p.stuck, p.burial = nil, burial{}
	p.eachCell(func(_ *shard, c *cell) {
		c.queued, c.asked, c.hurried, c.stuck = false, false, false, c.retryAt() != 0
		if r == nil {
			c.ahead = 0
		}
		if c.sent.has && !inFlight[c] { // taken for a batch that was never sent
			c.putBack()
		}
		switch {
		case c.stuck:
			p.stuck = append(p.stuck, c)
		case c.pending.has:
			p.enqueueLocked(c)
		}
	})
	p.nStuck.Store(int64(len(p.stuck)))
	p.mu.Lock()
	// Who has hurried meanwhile is still to be taken.
	p.acked, p.arrived = acked, p.hurried-uint64(len(p.hurry))
	p.mended++
	p.mu.Unlock()
	p.setAway(err)
	p.rounds.fire()
}

// acknowledgeRest ends a round that Redis has answered, for those of its
// counters that the panic kept from it. What Redis has of them is loaded before
// they are answered again, even though the partition counts as away: without it
// they read less than before.
func (p *partition) acknowledgeRest(r *round) {
	void := make(map[string]bool)
	for i, op := range r.ops {
		if i < len(r.answer.results) {
			op.res = r.answer.results[i].Result
			void[op.name] = void[op.name] || op.res.Err == nil && op.res.Applied && op.kind.voids()
		}
	}
	p.batchEnded(r.answer.status != "idle", r.givenBack(r.answer, void), false)
	settle := func(c *cell, refusal *Error) {
		s := p.shardOfCell(c)
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case refusal == nil || void[c.name]:
			c.loaded = false
			c.refuse(nil, 0)
			if c.sent.has {
				c.acknowledge()
				p.cleanedLocked(c)
			}
		case c.sent.has:
			c.putBack()
			c.refuse(refusal, p.e.now()+int64(refusedPause))
		}
	}
	for i, item := range r.carried {
		settle(item.c, r.answer.refused[i+1])
	}
	for _, c := range r.cleared {
		settle(c, nil)
	}
	if r.clear != nil {
		r.clear.res.Applied = true
	}
	p.eachCell(func(_ *shard, c *cell) {
		c.forget()
		if _, changed := void[c.name]; changed || r.clear != nil {
			c.loaded = false
		}
	})
	p.end(r)
	p.inAir.Store(0)
}
