package main

import (
	"context"
	"fmt"
	"os"
)

// laxFlag names the keys that redis-benchmark's own INCR test counts on.
const laxFlag = "--lax=counter:*"

// incrementShapes: a run takes about half a second on two cores where nobody is
// in the way.
var incrementShapes = []shape{
	{keys: 1, pipeline: 1, clients: 50, requests: 60_000},
	{keys: 1, pipeline: 16, clients: 50, requests: 500_000},
	{keys: 1, pipeline: 64, clients: 50, requests: 800_000},
	{keys: 1000, pipeline: 1, clients: 50, requests: 60_000, quick: true},
	{keys: 1000, pipeline: 16, clients: 50, requests: 500_000, quick: true},
	{keys: 1000, pipeline: 64, clients: 50, requests: 800_000, quick: true},
	{keys: 1000, pipeline: 256, clients: 50, requests: 1_200_000, quick: true},
	{keys: 1000, pipeline: 1, clients: 1, requests: 15_000},
	{keys: 1000, pipeline: 16, clients: 1, requests: 150_000},
	{keys: 1000, pipeline: 1, clients: 500, requests: 60_000},
	{keys: 1000, pipeline: 16, clients: 500, requests: 500_000},
	{keys: 1_000_000, pipeline: 1, clients: 50, requests: 80_000, cold: true},
	{keys: 1_000_000, pipeline: 16, clients: 50, requests: 400_000, cold: true, quick: true},
	{keys: 1_000_000, pipeline: 64, clients: 50, requests: 400_000, cold: true},
}

// increments compares lax increments with INCR, straight to Redis and passed on.
func (b *bench) increments(ctx context.Context, bed *testbed) error {
	contenders, err := bed.counting(ctx)
	if err != nil {
		return err
	}
	bare, err := bed.bare(ctx)
	if err != nil {
		return err
	}
	contenders = append(contenders, contender{name: "INCR, redcon alone", to: bare, behind: bed.redis, load: sending("INCR", "counter:__rand_int__")})
	fmt.Println("redcon alone: a server of the library that the proxy is built on, which counts in a map and has no Redis.")
	fmt.Println("A million keys: Redis is empty and the proxy has just been started, each time. CPU includes what is written after the last reply.")
	fmt.Println()
	table := newRatesTable([]string{"keys|9", "clients", "pipeline"}, func(s shape) []string {
		return []string{count(s.keys), count(s.clients), count(s.pipeline)}
	}, contenders)
	return bed.compare(ctx, incrementShapes, contenders, table.add)
}

// spared counts what Redis has to do for increments.
func (b *bench) spared(ctx context.Context, bed *testbed) error {
	contenders, err := bed.counting(ctx)
	if err != nil {
		return err
	}
	table := newTable(os.Stdout, "keys|7", "what|26", "commands sent to Redis per million|34",
		"executed by Redis, in scripts too|34", "Redis' CPU s per million|24", "times less sent|22", "times less CPU|22")
	return bed.compare(ctx, []shape{
		{keys: 10, pipeline: 16, clients: 50, requests: 1_000_000, quick: true},
		{keys: 1000, pipeline: 16, clients: 50, requests: 1_000_000, quick: true},
		{keys: 100_000, pipeline: 16, clients: 50, requests: 400_000},
	}, contenders, func(s shape, samples [][]sample) {
		sent := func(s sample) float64 { return s.sent }
		cpu := func(s sample) float64 { return s.redisCPU }
		for i, c := range contenders {
			mine := samples[i] // none where the load failed: each cell tells
			table.row(count(s.keys), c.name, spread(each(mine, sent), 0),
				spread(each(mine, func(s sample) float64 { return s.executed }), 0), spread(each(mine, cpu), 3),
				spread(each(samples[0], sent).over(each(mine, sent)), 1), spread(each(samples[0], cpu).over(each(mine, cpu)), 1))
		}
	})
}

// counting are all ways to count.
func (bed *testbed) counting(ctx context.Context) ([]contender, error) {
	lax, err := bed.proxy(ctx, "lax", bed.redis.addr, laxFlag)
	if err != nil {
		return nil, err
	}
	plain, err := bed.proxy(ctx, "plain", bed.redis.addr)
	if err != nil {
		return nil, err
	}
	on := func(name string, to *server, command, key string) contender {
		return contender{name: name, to: to, behind: bed.redis, load: sending(command, key)}
	}
	return []contender{
		on("INCR straight to Redis", bed.redis, "INCR", "counter:__rand_int__"),
		on("INCR passed on", plain, "INCR", "counter:__rand_int__"),
		on("INCR, --lax", lax, "INCR", "counter:__rand_int__"),
		on("DKC.INC", plain, "DKC.INC", "bench:__rand_int__"),
		on("DK.INC", plain, "DK.INC", "bench:__rand_int__"),
	}, nil
}
