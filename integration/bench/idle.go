package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// idleWindow is how long nothing is done; CPU is known in steps of 10 ms.
const idleWindow = 4 * time.Second

// idle measures the proxy's CPU with counters in memory and no traffic.
func (b *bench) idle(ctx context.Context, bed *testbed) error {
	proxy, err := bed.proxy(ctx, "idle", bed.redis.addr, laxFlag)
	if err != nil {
		return err
	}
	const counters = 10_000
	for _, command := range []string{"DK.INC", "DKC.INC", "INCR"} {
		if err := countAll(ctx, proxy, command, counters); err != nil {
			return err
		}
	}
	var share figures
	for range b.rounds {
		before, err := cpuSeconds(proxy.pid())
		if err != nil {
			return err
		}
		select {
		case <-time.After(idleWindow):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := cpuSeconds(proxy.pid())
		if err != nil {
			return err
		}
		share = append(share, (after-before)/idleWindow.Seconds()*100)
	}
	table := newTable(os.Stdout, "counters in memory|40", "CPU in % of a core|24", "resolution")
	table.row(count(counters)+" each of DK, DKC, ordinary keys", spread(share, 2), number(1/idleWindow.Seconds(), 2))
	return nil
}

// countAll increments so many counters, and has them flushed.
func countAll(ctx context.Context, proxy *server, command string, counters int) error {
	const batch = 1000
	prefix := "counter:"
	if strings.HasPrefix(command, "DK") {
		prefix = "bench:"
	}
	for begin := 0; begin < counters; begin += batch {
		pipe := proxy.client.Pipeline()
		for i := begin; i < min(begin+batch, counters); i++ {
			name := []any{command, fmt.Sprintf("%s%012d", prefix, i)}
			pipe.Do(ctx, name...)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return proxy.client.Do(ctx, "DK.FLUSH").Err()
}
