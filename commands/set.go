package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdSet is SET key value [IF comparator operand].
func cmdSet(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.one(ctx, e, numbered, args, (*engine.Engine).Set)
}

// cmdSetI is SETI key value [IF comparator operand].
func cmdSetI(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.one(ctx, e, numbered, args, (*engine.Engine).SetI)
}

// cmdMSet is MSET key value [IF comparator operand] [key value ...].
func cmdMSet(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.many(ctx, e, args, (*engine.Engine).Set)
}

// cmdMSetI is MSETI key value [IF comparator operand] [key value ...].
func cmdMSetI(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.many(ctx, e, args, (*engine.Engine).SetI)
}
