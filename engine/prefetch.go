package engine

import (
	"context"
	"slices"
)

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
	e.ask(f, keys)
	for _, key := range keys {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err != nil {
			continue
		}
		s, _, err := p.acquire(ctx, key.Counter, h, came, came)
		if err == nil {
			s.mu.Unlock()
		} else if err != errGone {
			return // so it is with the others, and each is told when it is used
		}
	}
}

// ask has counters loaded, with the next round of their partitions, or with the
// next rounds if they are many.
func (e *Engine) ask(f Family, keys []Key) {
	var kicked []*partition
	for _, key := range keys {
		h := hash(key.Counter)
		p, err := e.partition(f, key.Namespace, h)
		if err == nil && p.ask(key.Counter, h, len(keys) > fewKeys) && !slices.Contains(kicked, p) {
			kicked = append(kicked, p)
		}
	}
	for _, p := range kicked {
		p.kick()
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
		c := s.get(key.Counter)
		cold := c == nil || !c.loaded || c.baseAt < came-p.maxAge()
		s.mu.Unlock()
		if cold {
			return true
		}
	}
	return false
}

// ask has a counter loaded, as askLocked.
func (p *partition) ask(counter []byte, h uint64, many bool) bool {
	if p.away.Load() || p.failed.Load() != nil {
		return false
	}
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
	return p.askLocked(c, many)
}

// waitHook is the context key of BeforeWait.
type waitHook struct{}

// BeforeWait returns a context under which f is called before a counter is
// waited for. A session uses it to have the counters of the commands behind
// loaded in the same round trip, by Ask, at no cost while all are in memory.
func BeforeWait(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, waitHook{}, f)
}

func beforeWait(ctx context.Context) {
	if f, ok := ctx.Value(waitHook{}).(func()); ok {
		f()
	}
}

// Ask has those of the keys loaded that are cold, without waiting, so that they
// come with whatever is waited for next. It does nothing for a strict family.
func (e *Engine) Ask(f Family, keys []Key) {
	if f.Lax() && len(keys) > 0 {
		e.ask(f, keys)
	}
}
