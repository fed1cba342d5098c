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
	var cold []Key
	for _, key := range keys {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err != nil {
			continue
		}
		if p.ask(key.Counter, h) {
			cold = append(cold, key)
		}
	}
	for _, key := range cold {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err != nil {
			continue
		}
		if s, _, err := p.acquire(ctx, key.Counter, h); err == nil {
			s.mu.Unlock()
		} else if err == ErrLoading || err == ErrClosed {
			return // so will the others, and each is told when it is used
		}
	}
}

// ask has a counter loaded unless it can be served as it is; true: it has to
// be waited for.
func (p *partition) ask(counter []byte, h uint64) bool {
	if p.away.Load() || p.failed.Load() != nil {
		return false
	}
	now := p.e.now()
	s := p.shardOf(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	c, made := s.cellLocked(counter)
	if made {
		p.gained(1)
	}
	if c.loaded && now-c.baseAt <= p.maxAge() {
		return false
	}
	p.askLocked(c)
	return true
}
