package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdInc is INC key [delta] [IF comparator operand].
func cmdInc(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.one(ctx, e, orOne, args, (*engine.Engine).Inc)
}

// cmdDec is DEC key [delta] [IF comparator operand].
func cmdDec(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.one(ctx, e, orOneNegated, args, (*engine.Engine).Inc)
}

// cmdMInc is MINC key delta [IF comparator operand] [key delta ...].
func cmdMInc(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.many(ctx, e, args, (*engine.Engine).Inc)
}
