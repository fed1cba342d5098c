// Clients runs client libraries, each in a program of its own, against a proxy
// with a Redis behind it, and prints what became of them.
//
//	go run ./integration/clients [-direct] [-only redis-py,celery] [-cache .cache/clients]
//
// Every program does what an application would: connect with the library's
// defaults, get and set, pipeline, transaction, publish and subscribe, blocking
// pop, script, client-side caching where the library has it, counters; then Redis
// restarts, and everything happens once more on the same client objects. The
// two frameworks, BullMQ and Celery, run jobs instead, some of which are added and
// worked on while Redis restarts.
//
// It starts the servers itself, on free ports of 127.0.0.1, a pair for each
// program, and installs the libraries into the cache directory, in the versions
// that the manifests beside it pin. With -direct the programs speak to Redis
// without a proxy, which tells a fault of the proxy from one of the program.
// It exits with 1 if a program fails or leaves a connection to Redis behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/distkit/distkit-proxy/integration/servers"
)

func main() {
	direct := flag.Bool("direct", false, "run the programs on Redis, without a proxy")
	only := flag.String("only", "", "run these alone, separated by commas")
	cache := flag.String("cache", ".cache/clients", "where libraries are installed and programs are built")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	failed, err := run(ctx, *cache, *only, *direct)
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

// run installs and runs the clients and returns how many failed.
func run(ctx context.Context, cache, only string, direct bool) (int, error) {
	in, err := newInstaller(cache)
	if err != nil {
		return 0, err
	}
	chosen, err := choose(catalogue(in), only)
	if err != nil {
		return 0, err
	}
	if err := in.install(ctx, chosen); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "distkit-clients")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary := ""
	if !direct {
		if binary, err = servers.Build(ctx, dir); err != nil {
			return 0, err
		}
	}
	var results []result
	for _, c := range chosen {
		r := try(ctx, c, dir, binary)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if r.err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s\n", c.name, r.err, r.output)
		} else {
			fmt.Fprintf(os.Stderr, "%s: ok, %.1f s\n", c.name, r.took.Seconds())
		}
		results = append(results, r)
	}
	return table(os.Stdout, results), nil
}

// choose returns the clients of those names, all of them for "".
func choose(all []client, only string) ([]client, error) {
	if only == "" {
		return all, nil
	}
	var chosen []client
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(c client) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no client is named %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
