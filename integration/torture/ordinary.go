package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ordinary stands for a family where the counters are string keys that the proxies
// count in memory. Its counters' names are the keys.
const ordinary = ""

// ordinaryPrefix begins their names, and ordinaryGlob is what the proxies are told.
const (
	ordinaryPrefix = "ordinary:"
	ordinaryGlob   = ordinaryPrefix + "*"
)

// ordinaryKeys are those that every client changes.
var ordinaryKeys = []string{"ordinary:mixed0", "ordinary:mixed1", "ordinary:rising0", "ordinary:rising1"}

// noExpiry is a time to live, in seconds, that no setting of the clock ends.
const noExpiry = 10 * 365 * 24 * 3600

// ordinaryOp makes up a command on ordinary keys: those that are answered from memory,
// and now and then one that has to see Redis and so has its key held.
func ordinaryOp(random *rand.Rand, many bool) *op {
	o := &op{family: ordinary}
	key := func() string { return ordinaryKeys[random.IntN(len(ordinaryKeys))] }
	it := item{counter: key(), delta: 1 + random.Int64N(20)}
	switch n := random.IntN(100); {
	case n < 45:
		o.words = []any{"INCRBY", it.counter, it.delta}
	case n < 60 && !rising(it.counter):
		o.words = []any{"DECRBY", it.counter, it.delta}
		it.delta = -it.delta
	case n < 78:
		it.read = true
		o.words = []any{"GET", it.counter}
	case n < 88 && many:
		o.words = []any{"MGET"}
		for range 1 + random.IntN(4) {
			k := key()
			o.words, o.items = append(o.words, k), append(o.items, item{counter: k, read: true})
		}
		return o
	case n < 93:
		o.words = []any{"EXPIRE", it.counter, noExpiry}
		return o
	case n < 97:
		o.words = []any{"PERSIST", it.counter}
		return o
	default:
		o.words = []any{"STRLEN", it.counter}
		return o
	}
	o.items = []item{it}
	return o
}

// readNumber takes the reply to a command on an ordinary key.
func readNumber(value any) (r reading, err error) {
	r.applied = true
	switch v := value.(type) {
	case nil:
		return r, nil
	case int64:
		r.total = v
		return r, nil
	case string:
		if v == "" { // as plainConn has a missing one
			return r, nil
		}
		r.total, err = strconv.ParseInt(v, 10, 64)
		if err == nil {
			return r, nil
		}
	}
	return r, malformed("an ordinary key", value)
}

// readOrdinary adds the ordinary keys.
func readOrdinary(ctx context.Context, r *redisServer, into map[account]int64) error {
	for _, key := range ordinaryKeys {
		n, err := r.admin.Get(ctx, key).Int64()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return err
		}
		into[account{counter: key}] = n
	}
	return nil
}

// drainedOrdinary is drained for ordinary keys: while its own WATCH holds a key, a
// GET is an operation behind all others.
func (p *proxyServer) drainedOrdinary(ctx context.Context) error {
	const key = ordinaryPrefix + "none"
	err := p.admin.Watch(ctx, func(tx *redis.Tx) error { return tx.Get(ctx, key).Err() }, key)
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("GET of a watched key by %s: %w", p.name, err)
	}
	return nil
}

// agreesOnOrdinary compares what a proxy reads of ordinary keys with what lies in Redis.
func (p *proxyServer) agreesOnOrdinary(ctx context.Context, b books) error {
	values, err := p.admin.MGet(ctx, ordinaryKeys...).Result()
	if err != nil {
		return fmt.Errorf("%s: MGET: %w", p.name, err)
	}
	for i, key := range ordinaryKeys {
		got, err := readNumber(values[i])
		if want := b.totals[account{counter: key}]; err != nil || got.total != want {
			return fmt.Errorf("%s reads %s as %v; Redis has %d (%v)", p.name, key, values[i], want, err)
		}
	}
	return nil
}

// isOrdinary reports whether a counter is an ordinary key.
func isOrdinary(counter string) bool { return strings.HasPrefix(counter, ordinaryPrefix) }
