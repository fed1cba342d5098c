package engine

// Row answers commands on lax ordinary keys one after the other, for as long as they
// can be answered from memory without waiting. It looks at the clock once. Make one
// with NewRow for commands that have just come; it belongs to one goroutine.
type Row struct {
	e        *Engine
	db       int
	came     int64 // when the commands came; 0: nothing was asked yet
	place    *partition
	pace     int // of place
	accepted uint64
}

// NewRow begins a row of commands to a database.
func (e *Engine) NewRow(db int) Row { return Row{e: e, db: db} }

// IncrBy is Engine.IncrBy; false: nothing was done, and that is to be asked.
func (r *Row) IncrBy(key []byte, delta int64) (n int64, ok bool) {
	res, ok := r.step(key, opInc, delta)
	if ok {
		r.accepted++
	}
	return res.Value.Total, ok
}

// Get is Engine.Read of one key; false: that is to be asked.
func (r *Row) Get(key []byte) (n Number, ok bool) {
	res, ok := r.step(key, opGet, 0)
	return numberOf(res), ok
}

// Done ends the row. Call it before any reply leaves.
func (r *Row) Done() {
	if r.accepted > 0 {
		r.e.stats.accepted.Add(r.accepted)
	}
}

func (r *Row) step(key []byte, kind opKind, delta int64) (Result, bool) {
	p := r.placeOf(key)
	if p == nil || p.failed.Load() != nil {
		return Result{}, false
	}
	s := p.shardOf(hash(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cells[string(key)]
	if c == nil || p.heldLocked(s, key) || !p.servableLocked(c, r.came, r.came-p.maxAge()) {
		return Result{}, false
	}
	var res Result
	var retry bool
	if kind == opGet {
		res = getKey(c)
	} else {
		res, retry = incKey(p, c, delta, r.came)
	}
	if retry || res.Err != nil {
		return Result{}, false
	}
	p.touchLocked(c, r.came)
	return res, true
}

// placeOf is Engine.ordinary, which the last key's place spares.
func (r *Row) placeOf(key []byte) *partition {
	pace := r.e.patterns.match(key)
	switch {
	case pace < 0:
		return nil
	case r.place != nil && r.pace == pace:
		return r.place
	case r.came == 0:
		r.came = r.e.now()
	}
	r.place, r.pace = (*r.e.places.Load())[place{r.db, pace}], pace
	return r.place
}
