package engine

import "context"

// Prefetch loads those of the keys that are not in memory, or too old to be
// answered from, in one round trip, so that the reads and increments that
// follow need none. It does nothing for a strict family. Errors show when the
// keys are used.
func (e *Engine) Prefetch(ctx context.Context, f Family, keys []Key) {
	if !f.Lax() {
		return
	}
	came := e.now()
	if !e.anyCold(f, keys, came) {
		return
	}
	// As there is a round to wait for, all come along: one that is fresh enough
	// now may not be after the wait.
	for _, key := range keys {
		h := hash(key.Counter)
		if p, err := e.partition(f, key.Namespace, h); err == nil {
			p.ask(key.Counter, h)
		}
	}
	for _, key := range keys {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err != nil {
			continue
		}
		if !p.await(ctx, key.Counter, h, came) {
			return // so it is with the others, and each is told when it is used
		}
	}
}

// anyCold reports whether one of the keys cannot be served as it is.
func (e *Engine) anyCold(f Family, keys []Key, came int64) bool {
	for _, key := range keys {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err != nil || p.away.Load() || p.failed.Load() != nil {
			continue
		}
		s := p.shardOf(h)
		s.mu.Lock()
		c := s.cells[string(key.Counter)]
		cold := c == nil || !c.loaded || c.baseAt < came-p.maxAge()
		s.mu.Unlock()
		if cold {
			return true
		}
	}
	return false
}

// ask has a counter loaded with the next round.
func (p *partition) ask(counter []byte, h uint64) {
	if p.away.Load() || p.failed.Load() != nil {
		return
	}
	s := p.shardOf(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	c, made := s.cellLocked(counter)
	if made {
		p.gained(1)
	}
	p.askLocked(c)
}

// await waits until a counter was loaded after the command came; false when
// Redis is away.
func (p *partition) await(ctx context.Context, counter []byte, h uint64, came int64) bool {
	s, _, err := p.acquire(ctx, counter, h, came)
	if err == nil {
		s.mu.Unlock()
	}
	return err == nil || err == errGone
}
