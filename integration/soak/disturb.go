package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// disturber does to Redis, past the proxy, what happens to a Redis. restart
// ends it and starts it again with what it held.
func disturber(w *world, restart func(context.Context) error) *actor {
	c := redis.NewClient(&redis.Options{Addr: w.redisAddr, Protocol: 2, DisableIdentity: true, MaxRetries: -1})
	turns := 0
	return &actor{
		name: "disturber", period: 10 * time.Second,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			w.faults.Add(1)
			turns++
			switch {
			case turns%9 == 5: // every minute and a half
				return restart(ctx)
			case r.IntN(3) == 0:
				return c.ScriptFlush(ctx).Err()
			}
			return killSome(ctx, c, r)
		},
	}
}

// killSome kills a third of the connections to Redis, clients' own and the
// proxy's.
func killSome(ctx context.Context, c *redis.Client, r *rand.Rand) error {
	list, err := c.ClientList(ctx).Result()
	if err != nil {
		return err
	}
	own, err := c.ClientID(ctx).Result()
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		var id int64
		if _, err := fmt.Sscanf(line, "id=%d", &id); err != nil || id == own || r.IntN(3) > 0 {
			continue
		}
		// It may be gone already.
		_ = c.ClientKillByFilter(ctx, "ID", fmt.Sprint(id)).Err()
	}
	return nil
}
