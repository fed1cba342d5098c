package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
)

// Lost is a change that Redis never acknowledged before the engine was closed.
type Lost struct {
	Namespace string
	Family    Family
	Counter   string
	Delta     int64
	// Slice says that the change also set this instance's slice to Value first.
	Slice bool
	Value int64
	// Reason is why it was not taken; it may have been, if Redis did not answer.
	Reason string
	// Kept says that it is in the journal, and goes to Redis at the next start.
	Kept bool
}

// Flush waits until Redis has what was accepted for the keys before the call,
// and returns how many of them had something to flush; 0 for a strict family.
// They go before what else waits. It gives up with ErrFlushTimeout once Redis has taken
// nothing for command-timeout.
func (e *Engine) Flush(ctx context.Context, f Family, keys []Key) (int, error) {
	if !f.Lax() {
		return 0, nil
	}
	flushed := make(map[*cell]*partition)
	targets := make(map[*partition]arrival)
	for _, key := range keys {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err != nil {
			return 0, err
		}
		s := p.shardOf(h)
		s.mu.Lock()
		if c := s.get(key.Counter); c != nil && c.dirty() {
			flushed[c], targets[p] = p, nil
			p.hurryLocked(c)
		}
		s.mu.Unlock()
	}
	for p := range targets {
		targets[p] = p.hurriedFlush()
	}
	for p, done := range targets {
		if err := p.awaitSteps(ctx, done, p.e.opts.CommandTimeout, true); err != nil {
			return 0, err
		}
	}
	for c, p := range flushed {
		s := p.shardOfCell(c)
		s.mu.Lock()
		err := c.err()
		s.mu.Unlock()
		if err != nil {
			return 0, err
		}
	}
	return len(flushed), nil
}

// FlushAll waits until Redis has everything that was accepted before the call,
// in all families and namespaces, and returns how many counters that were. It gives up
// as Flush does.
func (e *Engine) FlushAll(ctx context.Context) (int, error) {
	return e.drain(ctx, false)
}

// drain flushes everything; patient: for as long as ctx allows, also while Redis takes
// nothing.
func (e *Engine) drain(ctx context.Context, patient bool) (int, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	total := 0
	for _, p := range e.live() {
		n := int(p.dirty.Load())
		if n == 0 {
			continue
		}
		total += n
		target := p.flushNow()
		wg.Go(func() {
			limit := e.opts.CommandTimeout
			if patient {
				limit = forever
			}
			err := p.awaitSteps(ctx, target, limit, true)
			if err == nil {
				err = p.firstRefusal()
			}
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return 0, errs[0]
	}
	return total, nil
}

// firstRefusal is why some counter of the partition could not be flushed, or nil.
func (p *partition) firstRefusal() error {
	if p.dirty.Load() == 0 {
		return nil
	}
	var err error
	p.eachCell(func(_ *shard, c *cell) {
		if err == nil && c.retryAt() != 0 && c.err() != nil {
			err = c.err()
		}
	})
	return err
}

// live returns all partitions that exist.
func (e *Engine) live() (parts []*partition) {
	for _, sp := range *e.spaces.Load() {
		parts = append(parts, sp.all()...)
	}
	for _, p := range *e.places.Load() {
		parts = append(parts, p)
	}
	return parts
}

// Close flushes everything, for as long as ctx allows, and stops the engine.
// Nobody may use the engine any more. What Redis has not acknowledged is
// returned, with an error. A second call only waits and returns nothing.
func (e *Engine) Close(ctx context.Context) (lost []Lost, err error) {
	e.closing.Do(func() {
		defer close(e.closed)
		lost, err = e.close(ctx)
	})
	<-e.closed
	return lost, err
}

func (e *Engine) close(ctx context.Context) ([]Lost, error) {
	_, flushErr := e.drain(ctx, true)
	e.mu.Lock()
	close(e.stopped)
	e.mu.Unlock()
	e.cancel()
	err := e.client.Close() // ends what still waits for Redis
	e.mu.Lock()
	for _, client := range e.clients {
		err = cmp.Or(err, client.Close())
	}
	e.mu.Unlock()
	e.meeting.Wait() // it may still make partitions
	for _, p := range e.live() {
		p.stopFlusher()
	}
	e.leaving.Wait()
	if e.journal != nil {
		err = cmp.Or(err, e.journal.close())
	}
	lost := e.lost(ctx, flushErr)
	if len(lost) > 0 {
		return lost, fmt.Errorf("engine: %d counters have increments that Redis did not acknowledge", len(lost))
	}
	return nil, err
}

// lost lists what is left after the last flush.
func (e *Engine) lost(ctx context.Context, cause error) (lost []Lost) {
	reason := "Redis did not take it"
	if e.lacking.Load() {
		reason = "too few replicas confirmed it; the master may have it"
	} else if ctx.Err() != nil {
		reason = "Redis did not answer in time"
	} else if cause != nil {
		reason = cause.Error()
	}
	for _, p := range e.live() {
		p.eachCell(func(_ *shard, c *cell) {
			if !c.dirty() {
				return
			}
			ch, _ := c.sent.then(c.pending)
			item := Lost{
				Namespace: p.space.name, Family: p.family, Counter: c.name,
				Delta: ch.d, Slice: ch.set, Reason: reason, Kept: e.journal != nil && !e.unkept(),
			}
			if ch.set {
				item.Value = ch.v
			}
			if c.err() != nil {
				item.Reason = c.err().Error()
			}
			lost = append(lost, item)
		})
	}
	return lost
}
