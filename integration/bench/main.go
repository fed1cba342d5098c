// Bench measures the proxy beside the Redis it stands before, and beside other
// proxies that are installed, and prints a table for each question it is asked.
//
//	go run ./integration/bench [-only a,d] [-rounds 5] [-scale 1] [-quick]
//
// It starts servers of its own on free ports of 127.0.0.1 and stops them. The
// rows of a table are measured in turns, so that a slow moment of the machine
// hits all alike; each figure is the median of the rounds, and ratios are formed
// within a round. It needs redis-server, redis-benchmark and go on the PATH; a
// peer that is not there is left out, and said to be. docs/performance.md tells
// how to read what it prints.
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
	var b bench
	only := flag.String("only", "", "letters of the questions to answer, separated by commas; all if empty")
	flag.IntVar(&b.rounds, "rounds", 0, "rounds; each figure is their median (default 5, with -quick 3)")
	flag.Float64Var(&b.scale, "scale", 1, "factor on the number of requests of each measurement")
	flag.BoolVar(&b.quick, "quick", false, "only the rows that say most, with fewer requests")
	bare := flag.String(bareFlag, "", "be nothing but the server that question a compares with, at this address")
	flag.Usage = showUsage
	flag.Parse()
	if *bare != "" {
		fmt.Fprintln(os.Stderr, "bench:", bareServer(*bare))
		os.Exit(1)
	}
	b.setDefaults()
	// Whatever ends the program, a reader that has gone included, has to stop the servers.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer cancel()
	if err := b.run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func showUsage() {
	fmt.Fprintln(flag.CommandLine.Output(), "usage of bench:")
	flag.PrintDefaults()
	fmt.Fprintln(flag.CommandLine.Output(), "questions:")
	for _, q := range questions {
		fmt.Fprintf(flag.CommandLine.Output(), "  %s  %s\n", q.letter, q.title)
	}
}
