package engine

// Row answers commands on single counters one after the other, for as long as they
// can be answered from memory without waiting. It looks at the clock once. Make one
// with NewRow for commands that have just come; it belongs to one goroutine.
type Row struct {
	e        *Engine
	db       int
	came     int64 // when the commands came; 0: nothing was asked yet
	accepted uint64

	// Where the last command's counter lies: most others are there, too.
	place     *partition // of ordinary keys; nil: none yet
	pace      int
	parts     []*partition // of counters; nil: none yet
	family    Family
	namespace string
}

// NewRow begins a row of commands. Ordinary keys are those of a database.
func (e *Engine) NewRow(db int) Row { return Row{e: e, db: db} }

// Done ends the row. Call it before any reply leaves.
func (r *Row) Done() {
	if r.accepted > 0 {
		r.e.stats.accepted.Add(r.accepted)
	}
}

// IncrBy is Engine.IncrBy; false: nothing was done, and that is to be asked.
func (r *Row) IncrBy(key []byte, delta int64) (n int64, ok bool) {
	p := r.placeOf(key)
	if p == nil {
		return 0, false
	}
	s := p.shardOf(hash(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	c := r.cellLocked(p, s, key)
	if c == nil {
		return 0, false
	}
	res, retry := incKey(p, c, delta, r.came)
	if retry || res.Err != nil {
		return 0, false
	}
	p.touchLocked(c, r.came)
	r.accepted++
	return res.Value.Total, true
}

// Read is Engine.Read of one key; false: that is to be asked.
func (r *Row) Read(key []byte) (n Number, ok bool) {
	p := r.placeOf(key)
	if p == nil {
		return Number{}, false
	}
	s := p.shardOf(hash(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	c := r.cellLocked(p, s, key)
	if c == nil {
		return Number{}, false
	}
	res := getKey(c)
	if res.Err != nil {
		return Number{}, false
	}
	p.touchLocked(c, r.came)
	return numberOf(res), true
}

// Inc is Engine.Inc of one item without a condition; false: that is to be asked.
func (r *Row) Inc(f Family, key Key, delta int64) (Value, bool) {
	p, s, c := r.lockCounter(f, key)
	if c == nil {
		return Value{}, false
	}
	defer s.mu.Unlock()
	item := Item{Key: key, N: delta}
	res, retry, accepted := tryInc(p, c, &item, r.came)
	if retry || res.Err != nil {
		return Value{}, false
	}
	p.touchLocked(c, r.came)
	if accepted {
		r.accepted++
	}
	return res.Value, true
}

// Get is Engine.Get of one counter; false: that is to be asked.
func (r *Row) Get(f Family, key Key) (Value, bool) {
	p, s, c := r.lockCounter(f, key)
	if c == nil {
		return Value{}, false
	}
	defer s.mu.Unlock()
	val, err := c.readable()
	if err != nil {
		return Value{}, false
	}
	p.touchLocked(c, r.came)
	return val, true
}

// lockCounter returns the cell of a counter that can be answered now, its shard
// locked; else nil, and nothing is locked.
func (r *Row) lockCounter(f Family, key Key) (*partition, *shard, *cell) {
	h := hash(key.Counter)
	p := r.partOf(f, key.Namespace, h)
	if p == nil {
		return nil, nil, nil
	}
	s := p.shardOf(h)
	s.mu.Lock()
	c := r.cellLocked(p, s, key.Counter)
	if c == nil {
		s.mu.Unlock()
	}
	return p, s, c
}

// cellLocked returns the cell of a counter that can be answered now; else nil.
func (r *Row) cellLocked(p *partition, s *shard, counter []byte) *cell {
	if r.came == 0 {
		r.came = r.e.now()
	}
	c := s.get(counter)
	if c == nil || p.failed.Load() != nil || p.heldLocked(s, counter) || !p.servableLocked(c, r.came, r.came-p.maxAge()) {
		return nil
	}
	return c
}

// placeOf returns the partition of an ordinary key, if there is one.
func (r *Row) placeOf(key []byte) *partition {
	pace := r.e.patterns.match(key)
	if pace < 0 {
		return nil
	}
	if r.place == nil || r.pace != pace {
		r.place, r.pace = (*r.e.places.Load())[place{r.db, pace}], pace
	}
	return r.place
}

// partOf returns the partition of a counter, if there is one.
func (r *Row) partOf(f Family, namespace []byte, h uint64) *partition {
	if r.parts == nil || r.family != f || r.namespace != string(namespace) {
		sp := (*r.e.spaces.Load())[string(namespace)]
		if sp == nil {
			return nil
		}
		parts := sp.parts[f].Load()
		if parts == nil {
			return nil
		}
		r.parts, r.family, r.namespace = *parts, f, sp.name
	}
	if len(r.parts) == 1 {
		return r.parts[0]
	}
	return r.parts[h%uint64(len(r.parts))]
}
