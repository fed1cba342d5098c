// Torture checks that nothing is lost and nothing counted twice while things go
// wrong.
//
//	go run ./integration/torture [-duration 30m] [-seed n] [-setup standalone|sentinel] [-faults a,b] [-race] [-journal]
//
// It starts Redis, proxies and, between them, links that can be made faulty,
// on free ports of 127.0.0.1. Clients of every proxy change counters of all
// families, and ordinary keys that are counted in memory, while faults happen by
// a schedule that the seed decides. Again and
// again it undoes all faults, waits until everything is at rest, and compares
// what lies in Redis with what was acknowledged:
//
//	acknowledged <= counted <= acknowledged + unknown
//
// where unknown is what got no reply or one that says so, and what a killed
// proxy without a journal had acknowledged since it was last known to have flushed. It ends with
// a table of the faults, and exit code 1 if a promise was not kept. It needs
// redis-server and go on the PATH.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

func main() {
	duration := flag.Duration("duration", 30*time.Minute, "how long")
	round := flag.Duration("round", 20*time.Second, "time from one check to the next")
	seed := flag.Uint64("seed", 0, "decides what faults happen when; 0: a random one, which is printed")
	first := flag.Int("first", 0, "the round to begin with, to repeat a later one")
	setup := flag.String("setup", "standalone", "standalone or sentinel")
	proxies := flag.Int("proxies", 3, "how many proxies")
	pause := flag.Duration("pause", 8*time.Millisecond, "average time between two commands of a client")
	names := flag.String("faults", "", "names of faults, separated by commas; all if left out, - for none")
	race := flag.Bool("race", false, "build the proxy with the race detector")
	journal := flag.Bool("journal", false, "give each proxy a journal: then a kill loses nothing")
	verbose := flag.Bool("v", false, "print every fault when it happens")
	list := flag.Bool("list", false, "list the faults and exit")
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64N(1e9) + 1
	}
	chosen, err := choose(*setup, *names)
	if err != nil {
		fail(err)
	}
	if *list {
		for _, f := range chosen {
			fmt.Println(f.name)
		}
		return
	}
	dir, err := os.MkdirTemp("", "distkit-torture")
	if err != nil {
		fail(err)
	}
	redis.SetLogger(&logging.VoidLogger{}) // that a connection fails is no news here
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	fmt.Printf("seed %d, set-up %s, %d proxies, rounds of %v for %v; logs and histories in %s\n", *seed, *setup, *proxies, *round, *duration, dir)
	t, err := run(ctx, options{
		duration: *duration, round: *round, pause: *pause, seed: *seed, first: *first, setup: *setup,
		proxies: *proxies, race: *race, journal: *journal, verbose: *verbose, faults: *names, chosen: chosen, dir: dir, out: os.Stdout,
	})
	if t != nil {
		t.report()
	}
	if err != nil {
		fail(err)
	}
	if len(t.violations) > 0 {
		os.Exit(1)
	}
	os.RemoveAll(dir)
}

// choose returns the faults of a set-up, those that are named.
func choose(setup, names string) (chosen []*fault, err error) {
	if setups[setup] == nil {
		return nil, fmt.Errorf("there is no set-up %q", setup)
	}
	for _, f := range faults {
		if f.setup == "" || f.setup == setup {
			chosen = append(chosen, f)
		}
	}
	if names == "" {
		return chosen, nil
	}
	var named []*fault
	for name := range strings.SplitSeq(names, ",") {
		at := slices.IndexFunc(chosen, func(f *fault) bool { return f.name == name })
		if at < 0 && name != "-" {
			return nil, fmt.Errorf("the set-up %s has no fault %q; -list names them", setup, name)
		}
		if at >= 0 {
			named = append(named, chosen[at])
		}
	}
	return named, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "torture:", err)
	os.Exit(1)
}
