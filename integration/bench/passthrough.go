package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// valueSize is a size of values, with as many keys and requests, at pipelines of
// 1, 16 and 64, as are measured with it.
type valueSize struct {
	bytes, keys int
	requests    [3]int
}

var valueSizes = []valueSize{
	{16, 1000, [3]int{50_000, 300_000, 400_000}},
	{1 << 10, 1000, [3]int{50_000, 250_000, 300_000}},
	{100 << 10, 100, [3]int{6_000, 6_000, 6_400}},
}

// passThrough compares ordinary commands, passed on by the proxy and by others,
// with the same straight to Redis.
func (b *bench) passThrough(ctx context.Context, bed *testbed) error {
	ways, err := bed.waysToRedis(ctx)
	if err != nil {
		return err
	}
	var command string
	table := newRatesTable([]string{"command|17", "bytes|7", "pipeline"}, func(s shape) []string {
		return []string{command, count(s.bytes), count(s.pipeline)}
	}, nil)
	for _, size := range valueSizes {
		if err := bed.fill(ctx, size); err != nil {
			return err
		}
		loads := []struct {
			command string
			load    load
		}{
			{"GET", sending("GET", size.key("__rand_int__"))},
			{"SET", sending("SET", size.key("__rand_int__"), strings.Repeat("x", size.bytes))},
			{"SET, GET in turns", own(mixedBatch)},
		}
		for _, one := range loads {
			command = one.command
			table.contenders = withLoad(ways, one.load)
			if err := bed.compare(ctx, size.shapes(command), table.contenders, table.add); err != nil {
				return err
			}
		}
	}
	return nil
}

// shapes are those measured of a size. The quick ones are small and not mixed.
func (v valueSize) shapes(command string) (shapes []shape) {
	for i, pipeline := range []int{1, 16, 64} {
		shapes = append(shapes, shape{
			clients: 50, pipeline: pipeline, keys: v.keys, bytes: v.bytes, requests: v.requests[i],
			quick: v.bytes == 16 && command == "GET" || v.bytes == 1<<10 && command == "SET",
		})
	}
	return shapes
}

func (v valueSize) key(number string) string { return fmt.Sprintf("%d:%s", v.bytes, number) }

// fill sets all keys of a size.
func (bed *testbed) fill(ctx context.Context, v valueSize) error {
	pipe := bed.redis.client.Pipeline()
	for i := range v.keys {
		pipe.Set(ctx, v.key(fmt.Sprintf("%012d", i)), bytes.Repeat([]byte("x"), v.bytes), 0)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// waysToRedis are the direct one, the proxy, and its peers.
func (bed *testbed) waysToRedis(ctx context.Context) ([]contender, error) {
	proxy, err := bed.proxy(ctx, "distkit-proxy", bed.redis.addr)
	if err != nil {
		return nil, err
	}
	peers, err := bed.peers(ctx)
	if err != nil {
		return nil, err
	}
	ways := []contender{{name: "straight to Redis", to: bed.redis, behind: bed.redis}}
	for _, s := range append([]*server{proxy}, peers...) {
		way := contender{name: s.name, to: s, behind: bed.redis}
		if s.name == haproxyName {
			way.most = haproxyClients
		}
		ways = append(ways, way)
	}
	return ways, nil
}

// withLoad are the same ways, with something to send.
func withLoad(ways []contender, l load) []contender {
	loaded := make([]contender, len(ways))
	for i, way := range ways {
		loaded[i] = way
		loaded[i].load = l
	}
	return loaded
}
