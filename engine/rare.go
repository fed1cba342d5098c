package engine

import (
	"sync/atomic"
	"time"
)

// An increment of an ordinary key that nobody has asked for lately is cheapest as what
// it is: an INCR that is sent to Redis, once. Only a key that is asked for again, while
// it would still be fresh, is worth the script that brings it to memory. That counts
// where such increments are most of very many; else all keys come to memory, where
// they are served while Redis is away.

// rareSlots is how many places rareBook has: enough that two keys seldom meet.
const rareSlots = 1 << 16

// rareBook knows of the keys that are not in memory what has to be known of them, at
// no cost for each: where two keys share a place either may be taken for one that has
// been asked for, or freed, lately. Safe for concurrent use.
type rareBook struct {
	// seen is when a key was asked for last, in ms, behind 24 bits of its hash.
	seen [rareSlots]atomic.Uint64
	// freed is when a hold on a rare key ended last, in ns since the engine's start.
	freed [rareSlots]atomic.Int64

	tide tide
}

// tideTime is how long increments are counted before it is judged whether those of keys
// that are not in memory are very many.
const tideTime = 20 * time.Millisecond

// tide tells whether increments of keys that are not in memory come in very many, and
// are most. Safe for concurrent use.
type tide struct {
	cold atomic.Int64 // since the last judgement
	next atomic.Int64 // when it is judged again, ns since the engine's start
	all  atomic.Uint64
	high atomic.Bool
}

// rises notes n increments of keys that are not in memory, and reports whether they are
// many: from so many a second on, and half of all. all is how many there were ever.
func (t *tide) rises(n int, now int64, from int, all uint64) bool {
	cold := t.cold.Add(int64(n))
	if next := t.next.Load(); now >= next && t.next.CompareAndSwap(next, now+int64(tideTime)) {
		took := max(tideTime, time.Duration(now-next)+tideTime)
		t.high.Store(cold*int64(time.Second) >= int64(from)*int64(took) && 2*uint64(cold) >= all-t.all.Swap(all))
		t.cold.Store(0)
	}
	return t.high.Load()
}

const (
	seenTime = 40 // bits
	seenTag  = 1<<24 - 1
)

func rareSlot(h uint64) uint64 { return h >> 24 % rareSlots }

// ask notes that a key is asked for, and reports whether it was within a time before.
func (b *rareBook) ask(h uint64, now, within int64) bool {
	const times = 1<<seenTime - 1
	tag, ms := h&seenTag, uint64(now/1e6)&times
	old := b.seen[rareSlot(h)].Swap(tag<<seenTime | ms)
	return old != 0 && old>>seenTime == tag && int64(ms)-int64(old&times) <= within/1e6
}

// ManyCold notes n increments of ordinary keys that are not in memory, and reports
// whether they are so many that HoldRare is worth while.
func (e *Engine) ManyCold(n int) bool {
	if e.opts.WaitReplicas > 0 { // a command waits for none
		return false
	}
	return e.opts.RareFrom == 1 || e.rare.tide.rises(n, e.now(), e.opts.RareFrom, e.stats.accepted.Load()+e.stats.rare.Load())
}

// RareHold is a Hold on keys that are not in memory, of which so nothing has to be
// written first and nothing is forgotten afterwards.
type RareHold struct {
	e    *Engine
	keys []rareKey
}

type rareKey struct {
	p    *partition
	hash uint64
	name string
}

// HoldRare takes a hold on those keys among increments of ordinary keys that are rare:
// not in memory, in nobody's hold, and not asked for within the time that a key in
// memory stays fresh. Each of their increments, for which rare[i] is set, has to be
// sent to Redis as a command, once, and then the hold released. Nil: there are none.
func (e *Engine) HoldRare(db int, adds []Add, rare []bool) *RareHold {
	var h *RareHold
	now := e.now()
	for i := range adds {
		p, err := e.ordinary(db, adds[i].Key)
		if err != nil || p.failed.Load() != nil || p.away.Load() || p.holds.Load() > 0 {
			continue
		}
		hash := hash(adds[i].Key)
		switch {
		case h.has(hash, adds[i].Key):
		case p.holdRare(adds[i].Key, hash, now):
			if h == nil {
				h = &RareHold{e: e, keys: make([]rareKey, 0, len(adds)-i)}
			}
			h.keys = append(h.keys, rareKey{p: p, hash: hash, name: string(adds[i].Key)})
		default:
			continue
		}
		rare[i] = true
		e.stats.rare.Add(1)
	}
	return h
}

// has reports whether the key is held.
func (h *RareHold) has(hash uint64, key []byte) bool {
	if h == nil {
		return false
	}
	for i := range h.keys {
		if k := &h.keys[i]; k.hash == hash && k.name == string(key) {
			return true
		}
	}
	return false
}

// holdRare holds a key if it is rare.
func (p *partition) holdRare(key []byte, hash uint64, now int64) bool {
	s := p.shardOf(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.heldLocked(s, key) || s.closed {
		return false
	}
	c := s.get(key)
	if c != nil && (!c.idle() || c.rare != nil || c.ahead != 0 || p.servableLocked(c, now, now-p.maxAge())) {
		return false
	}
	if p.e.rare.ask(hash, now, p.maxAge()) {
		return false
	}
	if s.held == nil {
		s.held = make(map[string]int)
	}
	s.held[string(key)]++
	return true
}

// Release ends the hold: call it when the replies have come, or nothing of them will.
// What Redis says to a request that is under way is not taken over for these keys.
func (h *RareHold) Release() {
	now := h.e.now()
	for i := range h.keys {
		k := &h.keys[i]
		raise(&h.e.rare.freed[rareSlot(k.hash)], now)
		k.p.unholdKey(k.name, now)
	}
}

// Abandon is Release where nothing was sent, which is certain.
func (h *RareHold) Abandon() {
	for i := range h.keys {
		k := &h.keys[i]
		s := k.p.shardOf(k.hash)
		s.mu.Lock()
		s.unholdLocked(k.name)
		s.mu.Unlock()
	}
}

// freedSince reports whether a hold on a rare key that may be this one has ended since
// a request was made.
func (b *rareBook) freedSince(h uint64, at int64) bool {
	return b != nil && at <= b.freed[rareSlot(h)].Load()
}

// CommandTimeout is how long Redis may take for one answer.
func (e *Engine) CommandTimeout() time.Duration { return e.opts.CommandTimeout }
