package engine

import "context"

// step reads or changes a cell under its shard's lock. It returns retry when a
// flush has to come first (rule L11).
type step func(p *partition, c *cell, item *Item, now int64) (res Result, retry bool)

// Inc adds each item's N to its counter. The outcome of items[i] is in
// results[i].
func (e *Engine) Inc(ctx context.Context, f Family, items []Item, results []Result) {
	if !f.Lax() {
		e.operate(ctx, f, opInc, items, results)
		return
	}
	e.inMemory(ctx, f, items, results, incCell)
}

// SetI sets this instance's slice of each item's counter to N.
func (e *Engine) SetI(ctx context.Context, f Family, items []Item, results []Result) {
	if !f.Lax() {
		e.operate(ctx, f, opSetI, items, results)
		return
	}
	e.inMemory(ctx, f, items, results, setICell)
}

// Get reads counters; a counter that does not exist reads zero.
func (e *Engine) Get(ctx context.Context, f Family, keys []Key, results []Result) {
	if !f.Lax() {
		items := make([]Item, len(keys))
		for i, key := range keys {
			items[i].Key = key
		}
		e.operate(ctx, f, opGet, items, results)
		return
	}
	came := e.now()
	if len(keys) > 1 {
		e.Prefetch(ctx, f, keys)
	}
	for i := range keys {
		results[i] = e.onCell(ctx, f, keys[i], nil, came, getCell)
	}
}

func (e *Engine) inMemory(ctx context.Context, f Family, items []Item, results []Result, st step) {
	came := e.now()
	if len(items) > 1 {
		keys := make([]Key, len(items))
		for i := range items {
			keys[i] = items[i].Key
		}
		e.Prefetch(ctx, f, keys)
	}
	for i := range items {
		results[i] = e.onCell(ctx, f, items[i].Key, &items[i], came, st)
	}
}
