package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdFlush is FLUSH [key ...]. Without keys it is everything that the proxy
// holds, of all families. A strict family never holds anything: 0.
func cmdFlush(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	keys, err := parseKeys(e, args)
	if err != nil {
		return FromError(err)
	}
	if !c.family.Lax() {
		return integer(0)
	}
	var flushed int
	if len(keys) == 0 {
		flushed, err = e.FlushAll(ctx)
	} else {
		flushed, err = e.Flush(ctx, c.family, keys)
	}
	if err != nil {
		return FromError(err)
	}
	return integer(int64(flushed))
}
