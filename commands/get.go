package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdGet is GET key.
func cmdGet(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	key, err := e.ParseKey(args[0])
	if err != nil {
		return FromError(err)
	}
	s := scratches.Get().(*scratch)
	s.key[0] = key
	e.Get(ctx, c.family, s.key[:], s.result[:])
	reply := c.outcome(false, &s.result[0])
	s.release()
	return reply
}

// cmdMGet is MGET key [key ...].
func cmdMGet(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.manyGet(ctx, e, args, c.value)
}

// cmdMGetI is MGETI key [key ...]: the slices of this instance.
func cmdMGetI(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	return c.manyGet(ctx, e, args, func(v engine.Value) Reply { return integer(v.Mine) })
}

// manyGet reads counters and shapes each in its place.
func (c *Command) manyGet(ctx context.Context, e *engine.Engine, args [][]byte, shape func(engine.Value) Reply) Reply {
	keys, err := parseKeys(e, args)
	if err != nil {
		return FromError(err)
	}
	results := make([]engine.Result, len(keys))
	e.Get(ctx, c.family, keys, results)
	return several(len(keys), func(i int) Reply {
		if err := results[i].Err; err != nil {
			return FromError(err)
		}
		return shape(results[i].Value)
	})
}

// parseKeys reads arguments that are all keys.
func parseKeys(e *engine.Engine, args [][]byte) ([]engine.Key, error) {
	keys := make([]engine.Key, len(args))
	for i, arg := range args {
		key, err := e.ParseKey(arg)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}
