package engine

import (
	"context"
	"strconv"

	"github.com/distkit/distkit-proxy/lua"
)

// Scan is one step of an iteration over a namespace's counters, with HSCAN's
// guarantees. A cursor of 0 starts and ends it; match, a glob of at most MaxGlob
// bytes, "" means all; count 0 means Redis' default. What this proxy holds is flushed as the iteration
// starts, so that new counters are found too.
func (e *Engine) Scan(ctx context.Context, f Family, namespace []byte, cursor uint64, match string, count int) (uint64, []ScanItem, error) {
	parts, err := e.partitions(f, namespace)
	if err != nil {
		return 0, nil, err
	}
	if cursor == 0 {
		if err := flushDirty(ctx, f, parts); err != nil {
			return 0, nil, err
		}
	}
	// The cursor's remainder is the partition, the rest HSCAN's own cursor.
	n := uint64(len(parts))
	index, own := cursor%n, cursor/n
	next, items, err := parts[index].scan(ctx, own, match, count)
	if err != nil {
		return 0, nil, e.strictError(err, false)
	}
	e.reachable()
	switch {
	case next != 0:
		return next*n + index, items, nil
	case index+1 < n:
		return index + 1, items, nil
	}
	return 0, items, nil
}

// flushDirty waits until Redis has what lax partitions hold.
func flushDirty(ctx context.Context, f Family, parts []*partition) error {
	if !f.Lax() {
		return nil
	}
	for _, p := range parts {
		if p.dirty.Load() == 0 {
			continue
		}
		if err := p.awaitFlush(ctx, p.flushNow(), p.e.opts.CommandTimeout); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) scan(ctx context.Context, cursor uint64, match string, count int) (uint64, []ScanItem, error) {
	key := p.keys.Totals()
	if p.family.InstanceAware() {
		key = p.keys.Cumulative()
	}
	words := []any{"hscan", key, cursor}
	if count > 0 {
		words = append(words, "count", count)
	}
	reply := p.e.call(ctx, lua.Command(words...))[0]
	if reply.Err != nil {
		return 0, nil, reply.Err
	}
	page := list(reply.Value)
	next, err := strconv.ParseUint(word(page, 0), 10, 64)
	if err != nil || len(page) < 2 {
		return 0, nil, &Error{"ERR", "distkit: malformed reply to HSCAN"}
	}
	var items []ScanItem
	for found := list(page[1]); len(found) >= 2; found = found[2:] {
		item := ScanItem{Counter: word(found, 0)}
		// Not by Redis: some of its versions take exponential time for it.
		if match != "" && !globMatches(match, item.Counter) {
			continue
		}
		if parseInt(found[1], &item.Value.Total) {
			items = append(items, item)
		}
	}
	if p.family.InstanceAware() && len(items) > 0 {
		err = p.addSlices(ctx, items)
	}
	return next, items, err
}

// addSlices fills in this instance's slices.
func (p *partition) addSlices(ctx context.Context, items []ScanItem) error {
	words := []any{"hmget", p.keys.Slices(p.e.opts.InstanceID)}
	for _, item := range items {
		words = append(words, item.Counter)
	}
	reply := p.e.call(ctx, lua.Command(words...))[0]
	if reply.Err != nil {
		return reply.Err
	}
	for i, value := range list(reply.Value) {
		parseInt(value, &items[i].Value.Mine)
	}
	return nil
}
