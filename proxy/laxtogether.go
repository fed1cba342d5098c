package proxy

import "github.com/distkit/distkit-proxy/engine"

// together is what came of increments of a run that went to Redis together, because
// one of their keys was not in memory.
type together struct {
	adds []engine.Add
	sums []engine.Number
	rare rarely
	from int // where in the run they begin
	next int // … and what is behind them does
}

// of returns what came of s.run[i], if it is one of them.
func (t *together) of(i int) (n engine.Number, ok bool) {
	if i < t.from || i >= t.next {
		return n, false
	}
	return t.sums[i-t.from], true
}

// add carries out s.run[i], an increment. If that has to wait for Redis, those right
// behind it come along: what they ask for does not hang on its outcome.
func (s *session) add(i int) engine.Number {
	if n, ok := s.together.of(i); ok {
		return n
	}
	it := &s.run[i]
	e := s.srv.lax.engine
	n, done := e.IncrWarm(s.ctx, s.setup.db, it.req.args[1], it.delta)
	if done {
		return n
	}
	t := &s.together
	t.adds = t.adds[:0]
	for _, it := range s.run[i:] {
		if it.kind != counts || it.count != countAdd {
			break
		}
		t.adds = append(t.adds, engine.Add{Key: it.req.args[1], Delta: it.delta})
	}
	t.from, t.next = i, i+len(t.adds)
	if cap(t.sums) < len(t.adds) {
		t.sums = make([]engine.Number, len(t.adds))
	}
	t.sums = t.sums[:len(t.adds)]
	if !s.addRare(i) {
		e.IncrTogether(s.ctx, s.setup.db, t.adds, t.sums)
	}
	return t.sums[0]
}

// clear drops what came of the run.
func (t *together) clear() {
	clear(t.adds)
	clear(t.sums)
	t.rare.clear()
	t.adds, t.sums, t.from, t.next = t.adds[:0], t.sums[:0], 0, 0
}
