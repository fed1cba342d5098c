package main

import (
	"context"
	"fmt"
)

// connections compares few clients with many.
func (b *bench) connections(ctx context.Context, bed *testbed) error {
	ways, err := bed.waysToRedis(ctx)
	if err != nil {
		return err
	}
	contenders := withLoad(ways, own(repeating("GET", "other")))
	for i := range contenders {
		contenders[i].name = "GET, " + contenders[i].name
	}
	contenders = append(contenders, contender{name: "DK.INC, " + ways[1].name, to: ways[1].to, behind: bed.redis, load: own(repeating("DK.INC", "bench:one"))})
	shapes := []shape{
		{clients: 10, requests: 100_000},
		{clients: 100, requests: 100_000, quick: true},
		{clients: 1000, requests: 100_000},
		{clients: 10_000, requests: 400_000, quick: true},
	}
	most := mostClients(openFiles())
	for i := range shapes {
		s := &shapes[i]
		s.pipeline, s.keys = 1, 1
		if s.clients > most {
			fmt.Printf("Of %s clients, %s are measured: more do not fit in ulimit -n %d, as the proxy has two files for each.\n\n", count(s.clients), count(most), openFiles())
			s.clients = most
		}
	}
	table := newRatesTable([]string{"clients|7"}, func(s shape) []string { return []string{count(s.clients)} }, contenders)
	return bed.compare(ctx, shapes, contenders, table.add)
}

// mostClients is how many fit in a limit of open files where the proxy has two
// for each, and some of its own.
func mostClients(openFiles int) int { return max(1, (openFiles-200)/2) }
