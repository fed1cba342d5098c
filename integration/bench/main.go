// Bench measures the proxy beside the Redis it stands before and prints tables.
//
//	go run ./integration/bench [-rounds 5] [-requests 500000] [-clients 50]
//
// It starts a redis-server and a proxy of its own on free ports of 127.0.0.1,
// drives both with redis-benchmark in turns, so that a slow moment of the
// machine hits all rows alike, and stops them. Each figure is the median of the
// rounds; ratios are formed within a round. It needs redis-server,
// redis-benchmark and go on the PATH.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds; each figure is their median")
	requests := flag.Int("requests", 500_000, "requests of one measurement at pipeline 16 and more; a fifth without pipeline")
	clients := flag.Int("clients", 50, "clients of redis-benchmark")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *rounds, *requests, *clients); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds, requests, clients int) error {
	s, err := startServers(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Printf("%s\n%s\n%d clients, %d rounds, medians (lowest to highest)\n\n", s.machine(), s.versions(), clients, rounds)
	for _, question := range []func(context.Context, *testbed, int, int, int) error{
		throughput, spared, idle,
	} {
		if err := question(ctx, s, rounds, requests, clients); err != nil {
			return err
		}
	}
	return nil
}
