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

var prefixes = []string{"DK.", "DKC.", "DKS.", "DKCS."}

// maxNamespaces is the proxy's bound; strangers reach for twice as many.
const maxNamespaces = 32

// increments change shared counters of one family, in a pipeline, and enter
// what was acknowledged. Now and then the client leaves and comes back.
func increments(w *world, prefix string) *actor {
	c := w.open(2)
	return &actor{
		name: prefix + " increments", period: 10 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			if r.IntN(200) == 0 {
				c.Close()
				c = w.open(2 + r.IntN(2))
			}
			n := 1 + r.IntN(8)
			keys, deltas := make([]string, n), make([]int64, n)
			for i := range n {
				keys[i], deltas[i] = fmt.Sprint("c", r.IntN(50)), int64(1+r.IntN(9))
			}
			return w.pipelined(ctx, c, r, prefix, keys, deltas)
		},
	}
}

// pipelined adds to counters with one command each.
func (w *world) pipelined(ctx context.Context, c *redis.Client, r *rand.Rand, prefix string, keys []string, deltas []int64) error {
	cmds := make([]*redis.Cmd, len(keys))
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			if r.IntN(4) == 0 {
				deltas[i] = -deltas[i]
				cmds[i] = p.Do(ctx, prefix+"DEC", key, -deltas[i])
			} else {
				cmds[i] = p.Do(ctx, prefix+"INC", key, deltas[i])
			}
		}
		return nil
	})
	w.commands.Add(uint64(len(cmds)))
	for i, cmd := range cmds {
		w.enter(prefix, keys[i], deltas[i], cmd.Err())
	}
	return err
}

// enter notes an increment by how it was answered.
func (w *world) enter(prefix, key string, delta int64, err error) {
	var said redis.Error
	switch {
	case err == nil:
		w.counts.note(prefix, key, delta, true)
	case !errors.As(err, &said), strings.Contains(err.Error(), "outcome is unknown"):
		w.counts.note(prefix, key, delta, false)
	}
	// Any other error is the proxy's word that nothing was changed.
}

// newcomers make counters that nobody uses again, so that they have to leave memory.
func newcomers(w *world, prefix string) *actor {
	c := w.open(3)
	return &actor{
		name: prefix + " newcomers", period: 250 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			words := []any{prefix + "MINC"}
			for range 5 {
				words = append(words, fmt.Sprint("n", w.fresh.Add(1)), 1+r.IntN(9))
			}
			reply, err := w.do(ctx, c, words...)
			items, _ := reply.([]any)
			for i := 1; i < len(words); i += 2 {
				said := err
				if i/2 < len(items) { // each item may have failed on its own
					said, _ = items[i/2].(error)
				}
				w.enter(prefix, words[i].(string), int64(words[i+1].(int)), said)
				if said != nil && err == nil {
					w.failed(prefix+" newcomers", said)
				}
			}
			return err
		},
	}
}

// strangers use more namespaces than there may be, each at first in its turn, so
// that the bound is soon met.
func strangers(w *world) *actor {
	c := w.open(2)
	turns := 0
	return &actor{
		name: "strangers", period: 200 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			n := r.IntN(2 * maxNamespaces)
			if turns++; turns <= 2*maxNamespaces {
				n = turns - 1
			}
			key := fmt.Sprintf("space%d:x", n)
			_, err := w.do(ctx, c, "DKC.INC", key, 2)
			w.enter("DKC.", key, 2, err)
			return err
		},
	}
}

// verbs uses everything else on counters that are not in the ledger.
func verbs(w *world, prefix string) *actor {
	c := w.open(2)
	aware := prefix == "DK." || prefix == "DKS."
	lines := []string{
		"SET v1 5", "GET v1", "MGET v1 v2 v3", "MSET v1 1 v2 2", "INC v1 1 IF LT 100", "SET v1 7 IF GE 3", "MINC v1 1 IF EQ 0 v2 2 v3 1",
		"DEL v2", "GET v2", "FLUSH", "FLUSH v1", "SCAN 0 COUNT 20", "SCAN 0 MATCH v* COUNT 50", "CLEAR scratch", "GET nobody",
	}
	if aware {
		lines = append(lines, "SETI v1 3", "MSETI v1 3 v2 4", "DELI v1", "MGETI v1 v2", "CLEARI scratch", "ID", "INSTANCES")
	}
	return &actor{
		name: prefix + " verbs", period: 50 * time.Millisecond,
		close: func() { c.Close() },
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			words := strings.Fields(prefix + lines[r.IntN(len(lines))])
			args := make([]any, len(words))
			for i, word := range words {
				args[i] = word
			}
			_, err := w.do(ctx, c, args...)
			if strings.Contains(words[0], "CLEAR") {
				// The namespace stays in use, so that as much is alive at the end
				// as at the beginning.
				_, again := w.do(ctx, c, prefix+"INC", "scratch:a", 3)
				err = errors.Join(err, again)
			}
			return err
		},
	}
}
