package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// ordinary stands for a family where the counters are string keys that the proxy
// counts in memory; ordinaryGlob is what it is told, and keys are named after it.
const (
	ordinary     = ""
	ordinaryGlob = "counter:*"
)

// ordinaryKeys are counted in pipelines, read, and held by commands that have to see
// Redis. Some are never used again and have to leave memory.
func ordinaryKeys(w *world) *actor {
	c := w.open(2)
	return &actor{
		name: "ordinary keys", period: 10 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			if r.IntN(200) == 0 {
				c.Close()
				c = w.open(2 + r.IntN(2))
			}
			key := fmt.Sprint("counter:", r.IntN(50))
			if r.IntN(20) == 0 {
				key = fmt.Sprint("counter:new", w.fresh.Add(1))
			}
			if r.IntN(10) == 0 {
				words := [][]any{
					{"EXPIRE", key, 365 * 24 * 3600}, {"PERSIST", key}, {"TYPE", key}, {"MGET", key, "counter:0", "k1"}, {"STRLEN", key}, {"EXISTS", key, "k1"},
					{"EVAL", "return redis.call('TTL', KEYS[1])", 1, key}, {"SCAN", 0, "COUNT", 5}, {"WAIT", 0, 0},
				}[r.IntN(9)]
				_, err := w.do(ctx, c, words...)
				return err
			}
			deltas := make([]int64, 1+r.IntN(8))
			cmds := make([]*redis.IntCmd, len(deltas))
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for i := range deltas {
					deltas[i] = int64(r.IntN(15) - 5)
					cmds[i] = p.IncrBy(ctx, key, deltas[i])
				}
				return nil
			})
			w.commands.Add(uint64(len(cmds)))
			for i, cmd := range cmds {
				w.enter(ordinary, key, deltas[i], cmd.Err())
			}
			return err
		},
	}
}

// recountOrdinary is recount for ordinary keys, as Redis has them.
func (s *run) recountOrdinary(ctx context.Context, direct *redis.Client, check func(prefix, key string, total int64, err error)) {
	keys := s.w.counts.keys(ordinary)
	for _, key := range keys {
		total, err := direct.Get(ctx, key).Int64()
		if err == redis.Nil {
			err = nil
		}
		check(ordinary, key, total, err)
	}
	fmt.Printf("%-6s %d ordinary keys counted again\n", "", len(keys))
}
