package engine

import (
	"context"
	"sync"
	"sync/atomic"
)

// AllDatabases is the database of a Touch that concerns every one.
const AllDatabases = -1

// Touch is what an ordinary command touches.
type Touch struct {
	DB   int
	Keys [][]byte // may alias a request buffer; those that are not lax do not count
	// Whole: every key of the database, as of FLUSHDB or SCAN.
	Whole bool
	// Loose: it may touch keys that are not among Keys, as a script may. What is
	// accepted meanwhile is not held back, but what is known is not answered from
	// afterwards.
	Loose bool
	// Overwritten: nothing is left of what the keys held once the command has been
	// executed. It matters to VoidRefused alone.
	Overwritten bool
}

// Hold keeps lax commands from being answered from memory, for as long as a
// command is under way that must see the truth or changes it. Nobody waits for
// its end: what is asked meanwhile is done in Redis.
type Hold struct {
	e       *Engine
	keys    map[*partition][]string
	whole   []*partition
	all     bool  // whole, of every database
	loose   []int // databases, AllDatabases among them
	size    int
	counted bool
	release sync.Once
}

// Hold takes a hold, and waits until Redis has what was accepted before on all
// that is touched. Nil without an error: nothing lax is touched. With an error,
// which may be shown to a client, there is no hold and the command must not be sent.
func (e *Engine) Hold(ctx context.Context, touches []Touch) (*Hold, error) {
	if !e.HasLax() {
		return nil, nil
	}
	h := &Hold{e: e}
	dirty := make(map[*partition]bool) // false: keys of it alone
	for i := range touches {
		if err := h.take(&touches[i], dirty); err != nil {
			h.Abandon()
			return nil, err
		}
	}
	if h.keys == nil && h.whole == nil && h.loose == nil && !h.all {
		return nil, nil
	}
	if err := h.flush(ctx, dirty); err != nil {
		h.Abandon()
		return nil, err
	}
	e.stats.holds.Add(1)
	h.counted = true
	e.stats.held.Add(1)
	return h, nil
}

// take registers a touch, and notes where something has to be flushed.
func (h *Hold) take(t *Touch, dirty map[*partition]bool) error {
	for _, key := range t.Keys {
		p, err := h.e.ordinary(t.DB, key)
		if err == errForeign {
			continue
		}
		if err != nil {
			return err
		}
		if h.keys == nil {
			h.keys = make(map[*partition][]string)
		}
		h.keys[p] = append(h.keys[p], string(key))
		h.size += 2*len(key) + heldKeySize
		if p.hold(key) && !dirty[p] {
			dirty[p] = false
		}
	}
	switch {
	case t.Whole && h.all: // holds it already
	case t.Whole:
		parts, err := h.e.holdWhole(t.DB)
		if err != nil {
			return err
		}
		h.all = h.all || t.DB == AllDatabases
		if t.DB != AllDatabases {
			h.whole = append(h.whole, parts...)
		}
		for _, p := range parts {
			p.barrier()
			dirty[p] = true
		}
	case t.Loose:
		h.loose = append(h.loose, t.DB)
		h.e.eachPlace(t.DB, func(p *partition) { dirty[p] = true })
	}
	return nil
}

// flush waits until what was pending has been dealt with.
func (h *Hold) flush(ctx context.Context, dirty map[*partition]bool) error {
	wait := make(map[*partition]arrival, len(dirty))
	for p, all := range dirty {
		switch {
		case all && p.dirty.Load() == 0:
			continue
		case all:
			wait[p] = p.flushNow()
		default:
			wait[p] = p.hurriedFlush()
		}
	}
	if len(wait) > 0 {
		beforeWait(ctx)
	}
	for p, done := range wait {
		if p.pausing(p.e.now()) {
			return p.unavailable()
		}
		switch err := p.awaitFlush(ctx, done, p.e.opts.CommandTimeout); err {
		case nil:
		case ErrFlushTimeout:
			return p.unavailable()
		default:
			return err
		}
	}
	return nil
}

// unavailable is why a hold cannot be had: in Redis' own words where it has said so.
func (p *partition) unavailable() *Error {
	if why := p.why.Load(); why != nil {
		return &Error{why.Code, "distkit: the command was not executed, as what was counted before cannot be written: " + why.Msg}
	}
	return ErrUnavailable
}

// Settle is called when the command's reply has come but the hold goes on: what a
// loose touch may have changed is not answered from memory any more.
func (h *Hold) Settle() {
	for _, db := range h.loose {
		h.e.eachPlace(db, (*partition).distrust) // of those too that nobody had used before
	}
}

// Release ends the hold: call it when the command's reply has come, or nothing of
// it will. It may be called again, and on nil.
func (h *Hold) Release() {
	if h == nil {
		return
	}
	h.release.Do(func() {
		if h.counted {
			h.e.stats.held.Add(-1)
		}
		for p, keys := range h.keys {
			p.letGo(keys)
		}
		if h.all {
			h.e.releaseAll(true)
		}
		for _, p := range h.whole {
			p.distrust()
			p.holds.Add(-1)
		}
		h.Settle()
	})
}

// heldKeySize is about what a key that is held takes in bytes, beside its name twice.
const heldKeySize = 96

// Size is about what the hold takes in bytes until it ends.
func (h *Hold) Size() int {
	if h == nil {
		return 0
	}
	return 4*heldKeySize + h.size
}

// eachPlace calls f for where the keys of a database lie that anybody has used, or
// of every one.
func (e *Engine) eachPlace(db int, f func(p *partition)) {
	for at, p := range *e.places.Load() {
		if at.db == db || db == AllDatabases {
			f(p)
		}
	}
}

// Abandon is Release where nothing was sent under the hold, which is certain: what was
// known before still holds, so that what is in memory goes on being served while Redis
// is away.
func (h *Hold) Abandon() {
	if h != nil {
		h.release.Do(h.abandon)
	}
}

func (h *Hold) abandon() {
	if h.counted {
		h.e.stats.held.Add(-1)
	}
	for p, keys := range h.keys {
		for _, key := range keys {
			s := p.shardOf(hash([]byte(key)))
			s.mu.Lock()
			s.unholdLocked(key)
			s.mu.Unlock()
		}
	}
	if h.all {
		h.e.releaseAll(false)
	}
	for _, p := range h.whole {
		p.holds.Add(-1)
	}
}

// Counts reports whether any key of a database has been in use here. What a command
// names otherwise may be no database at all.
func (e *Engine) Counts(db int) bool {
	places := *e.places.Load()
	for pace := range e.patterns.paces {
		if places[place{db, pace}] != nil {
			return true
		}
	}
	return false
}

// holdWhole holds every key of a database and returns where they lie.
func (e *Engine) holdWhole(db int) (parts []*partition, err error) {
	if db != AllDatabases {
		for pace := range e.patterns.paces {
			p, err := e.ordinaryOf(place{db, pace})
			if err != nil {
				return nil, err
			}
			parts = append(parts, p)
		}
		for _, p := range parts {
			p.holds.Add(1)
		}
		return parts, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heldAll++
	for _, p := range *e.places.Load() {
		p.holds.Add(1)
		parts = append(parts, p)
	}
	return parts, nil
}

// releaseAll ends a hold on every key of every database, of those too that nobody
// had used when it began. sent: a command was, under it.
func (e *Engine) releaseAll(sent bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heldAll--
	for _, p := range *e.places.Load() {
		if sent {
			p.distrust()
		}
		p.holds.Add(-1)
	}
}

// heldLocked reports whether somebody holds a key. Its shard is locked.
func (p *partition) heldLocked(s *shard, key []byte) bool {
	return p.family == Ordinary && (p.holds.Load() > 0 || s.held != nil && s.held[string(key)] > 0)
}

// hold holds a key and reports whether something of it has to be flushed.
func (p *partition) hold(key []byte) (dirty bool) {
	s := p.shardOf(hash(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = make(map[string]int)
	}
	s.held[string(key)]++
	c := s.get(key)
	if c == nil || !c.dirty() {
		return false
	}
	p.hurryLocked(c)
	return true
}

// barrier returns when every step that has begun is taken.
func (p *partition) barrier() {
	for i := range p.shards {
		mu := &p.shards[i].mu
		mu.Lock()
		//lint:ignore SA2001 who held it is done
		mu.Unlock()
	}
}

// distrust has what Redis said until now not answered from any more.
func (p *partition) distrust() { raise(&p.void, p.e.now()) }

// raise makes a time that only goes up at least now.
func raise(t *atomic.Int64, now int64) {
	for old := t.Load(); old < now && !t.CompareAndSwap(old, now); old = t.Load() {
	}
}

// letGo ends holds on keys. What was known of them before is forgotten, and what Redis
// says to a request that is under way is not taken over.
func (p *partition) letGo(keys []string) {
	now := p.e.now()
	raise(&p.released, now)
	for _, key := range keys {
		p.unholdKey(key, now)
	}
}

func (p *partition) unholdKey(key string, now int64) {
	s := p.shardOf(hash([]byte(key)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unholdLocked(key)
	// Also while others hold it: theirs may end with nothing sent.
	switch c := s.named(key); {
	case c == nil:
	case c.idle() && c.epoch == noExpiry && c.bareAt() == 0:
		s.dropLocked(c)
		p.gained(-1)
	default:
		c.loaded, c.made = false, false
		c.setForgotAt(now)
		c.forget()
	}
}

func (s *shard) unholdLocked(key string) {
	if s.held[key]--; s.held[key] > 0 {
		return
	}
	if delete(s.held, key); len(s.held) == 0 {
		s.held = nil
	}
}
