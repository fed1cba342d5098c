package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdDel is DEL key: the reply is what the counter was.
func cmdDel(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	key, err := e.ParseKey(args[0])
	if err != nil {
		return FromError(err)
	}
	r := e.Del(ctx, c.family, key)
	if r.Err != nil {
		return FromError(r.Err)
	}
	return c.value(r.Prev)
}

// cmdDelI is DELI key: the reply is the new total and the slice removed.
func cmdDelI(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	key, err := e.ParseKey(args[0])
	if err != nil {
		return FromError(err)
	}
	r := e.DelI(ctx, c.family, key)
	if r.Err != nil {
		return FromError(r.Err)
	}
	return integers(r.Value.Total, r.Prev.Mine)
}
