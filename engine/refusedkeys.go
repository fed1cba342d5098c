package engine

// What Redis refuses of ordinary keys is tried again, unless a command has overwritten
// the key meanwhile.

// AnyRefused reports whether Redis refuses a change of any lax ordinary key.
func (e *Engine) AnyRefused() bool {
	for _, p := range *e.places.Load() {
		if p.nStuck.Load() > 0 {
			return true
		}
	}
	return false
}

// VoidRefused drops the changes of lax ordinary keys that Redis refuses, where a
// command has overwritten what they were about (rule L5).
func (e *Engine) VoidRefused(touches []Touch) {
	for i := range touches {
		t := &touches[i]
		if !t.Overwritten {
			continue
		}
		for _, key := range t.Keys {
			if p, err := e.ordinary(t.DB, key); err == nil && p.nStuck.Load() > 0 {
				s := p.shardOf(hash(key))
				s.mu.Lock()
				p.voidRefusedLocked(s.get(key))
				s.mu.Unlock()
			}
		}
		if !t.Whole {
			continue
		}
		e.eachPlace(t.DB, func(p *partition) {
			if p.nStuck.Load() > 0 {
				p.eachCell(func(_ *shard, c *cell) { p.voidRefusedLocked(c) })
			}
		})
	}
}

func (p *partition) voidRefusedLocked(c *cell) {
	if c == nil || c.retryAt() == 0 || c.sent.has {
		return
	}
	wasDirty := c.dirty()
	c.pending, c.loaded = change{}, false
	c.refuse(nil, 0)
	if j := p.e.journal; j != nil {
		j.stated(p, c)
	}
	if wasDirty {
		p.cleanedLocked(c)
	}
}
