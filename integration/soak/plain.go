package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// values are passed through, small ones and large, and have to come back.
func values(w *world) *actor {
	c := w.open(2)
	large := strings.Repeat("0123456789abcdef", 1<<20/16)
	return &actor{
		name: "values", period: 30 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			key, value := fmt.Sprint("k", r.IntN(100)), fmt.Sprint(r.Uint64())
			if r.IntN(30) == 0 {
				key, value = "large", large[:1<<(10+r.IntN(11))]
			}
			if _, err := w.do(ctx, c, "SET", key, value); err != nil {
				return err
			}
			got, err := w.do(ctx, c, "GET", key)
			if err == nil && got != value {
				w.surprised("GET %s: %.40q, want %.40q", key, got, value)
			}
			if errors.Is(err, redis.Nil) { // Redis was killed in between
				return nil
			}
			return err
		},
	}
}

// transactions are MULTI, WATCH, scripts, and pipelines that mix ours and theirs.
func transactions(w *world) *actor {
	c := w.open(3)
	return &actor{
		name: "transactions", period: 60 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			w.commands.Add(4)
			switch r.IntN(5) {
			case 0:
				_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
					p.Incr(ctx, "tx")
					p.LPush(ctx, "list", "x")
					p.LTrim(ctx, "list", 0, 10)
					return nil
				})
				return err
			case 1:
				err := c.Watch(ctx, func(tx *redis.Tx) error { return tx.Get(ctx, "tx").Err() }, "tx")
				if errors.Is(err, redis.Nil) {
					return nil
				}
				return err
			case 2:
				return c.Eval(ctx, "return {ARGV[1], redis.call('INCR', KEYS[1])}", []string{"scripted"}, "a").Err()
			case 3:
				_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
					p.Do(ctx, "DKC.GET", "c1")
					p.Set(ctx, "mixed", 1, time.Minute)
					p.Do(ctx, "DK.GET", "c1")
					p.Expire(ctx, "mixed", time.Hour)
					return nil
				})
				return err
			}
			// MULTI that is given up, and one of ours in it, which is refused.
			conn := c.Conn()
			defer conn.Close()
			for _, words := range [][]any{{"MULTI"}, {"DKC.INC", "never"}, {"EXEC"}} {
				if err := conn.Do(ctx, words...).Err(); err != nil && !strings.Contains(err.Error(), "EXECABORT") && !strings.Contains(err.Error(), "MULTI") {
					return err
				}
			}
			return nil
		},
	}
}

// subscribers come, hear what they are told, and leave.
func subscribers(w *world) *actor {
	return &actor{
		name: "subscribers", period: 400 * time.Millisecond,
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			c := w.open(2 + r.IntN(2))
			defer c.Close()
			w.commands.Add(4)
			channel := fmt.Sprint("ch", r.Uint64())
			sub := c.Subscribe(ctx, channel)
			defer sub.Close()
			if _, err := sub.Receive(ctx); err != nil {
				return err
			}
			if err := c.Publish(ctx, channel, "hello").Err(); err != nil {
				return err
			}
			msg, err := sub.ReceiveMessage(ctx)
			if err != nil {
				return err
			}
			if msg.Payload != "hello" {
				w.surprised("a subscriber hears %q", msg.Payload)
			}
			return sub.Unsubscribe(ctx, channel)
		},
	}
}

// blockers wait for a list, with and without success.
func blockers(w *world) *actor {
	c := w.open(2)
	return &actor{
		name: "blockers", period: 100 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			w.commands.Add(2)
			if r.IntN(2) == 0 {
				if err := c.LPush(ctx, "queue", "x").Err(); err != nil {
					return err
				}
			}
			err := c.BLPop(ctx, time.Second, "queue").Err()
			if errors.Is(err, redis.Nil) {
				return nil
			}
			return err
		},
	}
}
