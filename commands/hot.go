package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/hot"
)

const (
	defaultHot = 10
	maxHot     = 1000
)

// cmdHot is HOT [count]: the ordinary keys with most increments.
func cmdHot(_ context.Context, _ *Command, e *engine.Engine, args [][]byte) Reply {
	n := int64(defaultHot)
	if len(args) > 0 {
		var err error
		if n, err = parseInt(args[0]); err != nil {
			return FromError(err)
		}
	}
	switch {
	case n < 1 || n > maxHot:
		return FromError(errHot)
	case e.Observer() == nil:
		return FromError(errUnobserved)
	}
	return hotList(e.Observer().Top(int(n)))
}

// hotList is an array of [db, key, increments, reads, holds, saved, verdict, pattern].
func hotList(keys []hot.Key) Reply {
	raw := appendArray(nil, len(keys))
	for _, k := range keys {
		raw = appendArray(raw, 8)
		raw = appendInt(raw, int64(k.DB))
		raw = appendBulk(raw, k.Name)
		for _, n := range []uint64{k.Increments, k.Reads, k.Holds} {
			raw = appendInt(raw, int64(n))
		}
		raw = appendInt(raw, k.Saved())
		raw = appendBulk(raw, k.Verdict())
		raw = appendBulk(raw, k.Pattern)
	}
	return composed(raw)
}
