package hot

import (
	"cmp"
	"slices"
	"time"
)

// Key is a known key and its figures, which fade: see the package.
type Key struct {
	DB      int
	Name    string
	Pattern string // the first that matches, or empty
	Tally
	// Missed bounds the increments that came before the key was known.
	Missed uint64
}

// Top returns at most n keys, those with most increments first.
func (o *Observer) Top(n int) []Key {
	if o == nil || n <= 0 {
		return nil
	}
	var keys []Key
	now := o.now()
	for i := range o.shards {
		keys = o.appendKeys(keys, &o.shards[i], now)
		slices.SortFunc(keys, hotter)
		keys = keys[:min(n, len(keys))]
	}
	return keys
}

// appendKeys appends those of a shard that have not faded.
func (o *Observer) appendKeys(keys []Key, sh *shard, now time.Duration) []Key {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.fade(now, o.opts.HalfLife)
	for i := range sh.used {
		e := &sh.entries[i]
		d := o.wipe(e)
		sh.note(i, d)
		sh.sums[e.pattern].Add(d)
		if e.Increments > 0 {
			keys = append(keys, Key{e.db, string(e.name), o.glob(e.pattern), e.Tally, sh.missed(i)})
		}
	}
	return keys
}

// hotter orders keys as Top has them.
func hotter(a, b Key) int {
	return cmp.Or(cmp.Compare(b.Increments, a.Increments), cmp.Compare(b.Reads, a.Reads),
		cmp.Compare(a.DB, b.DB), cmp.Compare(a.Name, b.Name))
}

// Sum is what was seen of all keys of a pattern since the start.
type Sum struct {
	Pattern string // empty: all other keys
	Tally
}

// Sums returns that of each pattern, and last that of all other keys.
func (o *Observer) Sums() []Sum {
	if o == nil {
		return nil
	}
	sums := make([]Sum, len(o.times))
	for i := range sums {
		sums[i].Pattern = o.glob(i)
	}
	for i := range o.shards {
		sh := &o.shards[i]
		sh.mu.Lock()
		for p, t := range sh.sums {
			sums[p].Add(t)
		}
		sh.mu.Unlock()
	}
	return sums
}

// glob is a pattern by its number.
func (o *Observer) glob(i int) string {
	if i == len(o.opts.Patterns) {
		return ""
	}
	return o.opts.Patterns[i].Glob
}
