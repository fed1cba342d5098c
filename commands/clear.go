package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdClear is CLEAR [namespace].
func cmdClear(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.clear(ctx, e, args, e.Clear)
}

// cmdClearI is CLEARI [namespace].
func cmdClearI(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.clear(ctx, e, args, e.ClearI)
}

func (c *Command) clear(ctx context.Context, e *engine.Engine, args [][]byte, do func(context.Context, engine.Family, []byte) error) Reply {
	ns, err := optionalNamespace(e, args)
	if err != nil {
		return FromError(err)
	}
	if err := do(ctx, c.family, ns); err != nil {
		return FromError(err)
	}
	return ok()
}

// optionalNamespace reads `[namespace]`: the default one if left out.
func optionalNamespace(e *engine.Engine, args [][]byte) ([]byte, error) {
	if len(args) == 0 {
		return e.DefaultNS(), nil
	}
	return e.ParseNamespace(args[0])
}
