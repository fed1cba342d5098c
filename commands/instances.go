package commands

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// cmdID is ID: who this instance is.
func cmdID(_ context.Context, _ *Command, e *engine.Engine, _ [][]byte) Reply {
	return bulk(e.InstanceID())
}

// cmdInstances is INSTANCES [namespace]: who contributes to it.
func cmdInstances(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	ns, err := optionalNamespace(e, args)
	if err != nil {
		return FromError(err)
	}
	list, err := e.Instances(ctx, c.family, ns)
	if err != nil {
		return FromError(err)
	}
	return instanceList(list)
}

// instanceList is an array of [id, ms since the heartbeat, alive].
func instanceList(list []engine.Instance) Reply {
	raw := appendArray(nil, len(list))
	for _, in := range list {
		raw = appendArray(raw, 3)
		raw = appendBulk(raw, in.ID)
		raw = appendInt(raw, in.IdleMillis)
		raw = appendInt(raw, flag(in.Alive))
	}
	return composed(raw)
}
