package engine

import (
	"context"
	"errors"
	"time"
)

// forever is a limit that only a context ends.
const forever = time.Duration(1<<63 - 1)

// errGone says that a partition left the engine between look-up and use.
var errGone = errors.New("engine: partition has left memory")

// onCell finds a counter's cell and runs f on it, waiting for loads and flushes
// as needed. What counts as too old is judged by when the command came, so that
// one of many counters finds all that were loaded for it, however long that took.
func (e *Engine) onCell(ctx context.Context, f Family, key Key, item *Item, came int64, st step) Result {
	h := hash(key.Counter)
	for {
		p, err := e.partition(f, key.Namespace, h)
		if err != nil {
			return Result{Err: err}
		}
		s, c, err := p.acquire(ctx, key.Counter, h, came, came-p.maxAge())
		if err == errGone {
			continue
		}
		if err != nil {
			return Result{Err: err}
		}
		res, flushed := p.stepLocked(s, c, item, came, st)
		if flushed == nil {
			if !f.InstanceAware() {
				res.Value.Mine, res.Prev.Mine = 0, 0
			}
			return res
		}
		if err := p.awaitFlush(ctx, flushed, e.opts.CommandTimeout); err != nil {
			return Result{Err: err}
		}
	}
}

// stepLocked takes a step, unlocks the shard even if that panics, and returns what
// to wait for with awaitFlush before the step is tried again, or nil.
func (p *partition) stepLocked(s *shard, c *cell, item *Item, now int64, st step) (Result, arrival) {
	defer s.mu.Unlock()
	res, retry := st(p, c, item, now)
	if retry {
		p.hurryLocked(c)
		return res, p.hurriedFlush()
	}
	p.touchLocked(c, now)
	return res, nil
}

// incCell is INC in memory. The cell's shard is locked.
func incCell(p *partition, c *cell, item *Item, now int64) (Result, bool) {
	res, retry, accepted := tryInc(p, c, item, now)
	if accepted {
		p.e.stats.accepted.Add(1)
	}
	return res, retry
}

// tryInc is incCell but for the statistics; retry: a flush has to come first. The
// cell's shard is locked.
func tryInc(p *partition, c *cell, item *Item, now int64) (res Result, retry, accepted bool) {
	cur, err := c.readable()
	if err != nil {
		return Result{Err: err}, false, false
	}
	if !item.Cond.Holds(cur.Total) {
		return Result{Value: cur, Prev: cur}, false, false
	}
	if item.N == 0 {
		return Result{Applied: true, Value: cur, Prev: cur}, false, false
	}
	next, ok := change{d: item.N, has: true}.apply(cur)
	if !p.family.InstanceAware() {
		next.Mine = 0
		_, ok = sum(cur.Total, item.N, 0)
	}
	if !ok {
		return Result{Err: ErrOverflow}, false, false
	}
	if err := p.refuseLocked(c, now); err != nil {
		return Result{Err: err}, false, false
	}
	wasDirty := c.dirty()
	if !c.add(item.N, 0) {
		return Result{}, true, false
	}
	if j := p.e.journal; j != nil {
		j.added(p, c, item.N)
	}
	p.acceptedLocked(wasDirty, now)
	return Result{Applied: true, Value: next, Prev: cur}, false, true
}

// setICell is SETI in memory. The cell's shard is locked.
func setICell(p *partition, c *cell, item *Item, now int64) (Result, bool) {
	cur, err := c.readable()
	if err != nil {
		return Result{Err: err}, false
	}
	if !item.Cond.Holds(cur.Mine) {
		return Result{Value: cur, Prev: cur}, false
	}
	next, ok := change{v: item.N, set: true, has: true}.apply(cur)
	if !ok {
		return Result{Err: ErrOverflow}, false
	}
	if err := p.refuseLocked(c, now); err != nil {
		return Result{Err: err}, false
	}
	wasDirty := c.dirty()
	c.setSlice(item.N)
	if j := p.e.journal; j != nil {
		j.sliceSet(p, c)
	}
	p.acceptedLocked(wasDirty, now)
	p.e.stats.accepted.Add(1)
	return Result{Applied: true, Value: next, Prev: cur}, false
}

// getCell is GET in memory. The cell's shard is locked.
func getCell(p *partition, c *cell, _ *Item, _ int64) (Result, bool) {
	cur, err := c.readable()
	if err != nil {
		return Result{Err: err}, false
	}
	return Result{Applied: true, Value: cur, Prev: cur}, false
}

// readable is what a client reads, or why it cannot.
func (c *cell) readable() (Value, error) {
	if c.err() != nil {
		return Value{}, c.err()
	}
	cur, ok := c.view()
	if !ok {
		return Value{}, ErrOverflow
	}
	return cur, nil
}

// arrival tells whether what a flush was asked for has been dealt with; moved:
// the flusher had to put the line together anew, and has to be asked again. Call
// it with partition.mu locked.
type arrival func() (reached, moved bool)

// flushNow has everything that is in line now flushed without waiting for the
// interval, and returns what awaitFlush waits for.
func (p *partition) flushNow() (done arrival) {
	p.mu.Lock()
	target, mended := p.entered, p.mended
	p.flushTo = max(p.flushTo, target)
	p.mu.Unlock()
	p.kick()
	return func() (bool, bool) { return p.acked >= target, p.mended != mended }
}

// hurryLocked has a counter flushed with one of the next rounds, however long the
// line is. It waits for that once, whatever the number of those who ask: they go on
// asking while Redis is away. The cell's shard is locked.
func (p *partition) hurryLocked(c *cell) {
	if c.hurried {
		return
	}
	c.hurried = true
	p.mu.Lock()
	p.hurry = append(p.hurry, c)
	p.hurried++
	p.mu.Unlock()
}

// hurriedFlush has what is in a hurry now flushed, and returns what awaitFlush
// waits for. A cell's shard may be locked.
func (p *partition) hurriedFlush() (done arrival) {
	p.mu.Lock()
	target, mended := p.hurried, p.mended
	p.mu.Unlock()
	p.kick()
	return func() (bool, bool) { return p.arrived >= target, p.mended != mended }
}

// awaitFlush waits until flushNow or hurriedFlush say that the rounds asked for
// have ended, at most for limit.
func (p *partition) awaitFlush(ctx context.Context, flushed arrival, limit time.Duration) error {
	return p.awaitSteps(ctx, flushed, limit, false)
}

// awaitSteps is awaitFlush; steadily: limit is for each step, so that it waits for as
// long as Redis takes one batch after the other.
func (p *partition) awaitSteps(ctx context.Context, flushed arrival, limit time.Duration, steadily bool) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	refusals := p.refusals.Load()
	steps := uint64(0)
	for {
		done := p.rounds.next()
		p.mu.Lock()
		reached, moved := flushed()
		now := p.acked + p.arrived
		p.mu.Unlock()
		if steadily && now != steps {
			timer.Reset(limit)
			steps = now
		}
		if moved {
			flushed = p.flushNow()
			continue
		}
		// The rounds of a refused partition end too, with nothing taken: then what
		// counts is the next attempt.
		err := p.failed.Load()
		switch {
		case err != nil && p.refusals.Load() > refusals:
			return err
		case err == nil && reached:
			return nil
		}
		select {
		case <-done:
		case <-timer.C:
			if err != nil {
				return err
			}
			return ErrFlushTimeout
		case <-ctx.Done():
			return ErrClosed
		case <-p.e.stopped:
			return ErrClosed
		}
	}
}
