package main

import (
	"context"
	"fmt"
	"time"
)

// farAway is the round trip to a Redis that is far away.
const farAway = time.Millisecond

// far puts a delay between Redis and everybody else.
func (b *bench) far(ctx context.Context, bed *testbed) error {
	link, err := bed.delayed(farAway)
	if err != nil {
		return err
	}
	distant := &server{name: "distant Redis", addr: link.addr(), cmd: bed.redis.cmd, client: bed.redis.client}
	lax, err := bed.proxy(ctx, "lax", link.addr(), laxFlag)
	if err != nil {
		return err
	}
	on := func(name string, to *server, command, key string) contender {
		return contender{name: name, to: to, behind: bed.redis, load: sending(command, key), hot: command != "GET" && to == lax}
	}
	contenders := []contender{
		on("INCR straight to Redis", distant, "INCR", "counter:__rand_int__"),
		on("INCR, --lax", lax, "INCR", "counter:__rand_int__"),
		on("DKC.INC", lax, "DKC.INC", "bench:__rand_int__"),
		on("DK.INC", lax, "DK.INC", "bench:__rand_int__"),
		on("GET passed on", lax, "GET", "other"),
	}
	trip, err := b.roundTrip(ctx, distant)
	if err != nil {
		return err
	}
	fmt.Printf("Between Redis and everybody else is a TCP proxy that delays; a PING through it takes %v.\n\n", trip)
	table := newRatesTable([]string{"keys", "clients", "pipeline"}, func(s shape) []string {
		return []string{count(s.keys), count(s.clients), count(s.pipeline)}
	}, contenders)
	return bed.compare(ctx, []shape{
		{keys: 1, pipeline: 1, clients: 1, requests: 800, hot: 15, quick: true},
		{keys: 10, pipeline: 1, clients: 1, requests: 800, hot: 15},
		{keys: 1000, pipeline: 1, clients: 1, requests: 1500},
		{keys: 1000, pipeline: 1, clients: 50, requests: 30_000, hot: 2, quick: true},
		{keys: 1000, pipeline: 16, clients: 50, requests: 300_000},
	}, contenders, table.add)
}

// roundTrip is what a client sees, in the median.
func (b *bench) roundTrip(ctx context.Context, s *server) (time.Duration, error) {
	out, err := redisBenchmark(ctx, s.addr, shape{clients: 1, pipeline: 1, keys: 1, requests: 200}, "PING")
	return time.Duration(out.p50 * float64(time.Millisecond)), err
}
