package engine

import (
	"context"
	"strconv"

	"github.com/distkit/distkit-proxy/lua"
)

// Instances lists the contributors of a namespace, those not heard of for
// longest first. With several partitions an instance's last heartbeat in any of
// them counts. What this proxy holds is flushed first, so that it is among them.
func (e *Engine) Instances(ctx context.Context, f Family, namespace []byte) ([]Instance, error) {
	parts, err := e.partitions(f, namespace)
	if err != nil {
		return nil, err
	}
	if err := flushDirty(ctx, f, parts); err != nil {
		return nil, err
	}
	idle := make(map[string]int64)
	var order []string
	for _, p := range parts {
		replies := e.call(ctx, lua.Command("time"), lua.Command("zrange", p.keys.Instances(), 0, -1, "withscores"))
		for _, reply := range replies {
			if reply.Err != nil {
				return nil, e.strictError(reply.Err, false)
			}
		}
		e.reachable()
		now := millis(list(replies[0].Value))
		for words := list(replies[1].Value); len(words) >= 2; words = words[2:] {
			beat, _ := strconv.ParseFloat(word(words, 1), 64)
			id, since := word(words, 0), max(0, now-int64(beat))
			if known, ok := idle[id]; !ok {
				order = append(order, id)
				idle[id] = since
			} else {
				idle[id] = min(known, since)
			}
		}
	}
	found := make([]Instance, len(order))
	for i, id := range order {
		found[i] = Instance{ID: id, IdleMillis: idle[id], Alive: idle[id] < e.opts.DeadAfter.Milliseconds()}
	}
	return found, nil
}

// millis reads a reply to TIME.
func millis(words []any) int64 {
	seconds, _ := strconv.ParseInt(word(words, 0), 10, 64)
	micros, _ := strconv.ParseInt(word(words, 1), 10, 64)
	return seconds*1000 + micros/1000
}
