package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	warmUp      = 25 * time.Second // each actor has had its turns, and the bounds are met
	scrapeEvery = 5 * time.Second
	scrapeLimit = 10 * time.Second
	restLimit   = 4 * time.Minute // idle counters leave within a minute and a half
)

// soak is the whole run.
func soak(ctx context.Context, duration time.Duration, seed uint64) error {
	b, err := startTestbed(ctx)
	if err != nil {
		return err
	}
	defer b.stop()
	fmt.Printf("seed %d, %v; proxy %s, Redis %s, metrics http://%s/metrics\n\n%s\n", seed, duration, b.proxyAddr, b.redisAddr, b.adminAddr, header)
	w := &world{seed: seed, proxyAddr: b.proxyAddr, redisAddr: b.redisAddr, counts: newLedger(), errors: make(map[string]int)}
	run := &run{w: w, b: b, scraper: b.scraper(), begun: time.Now()}

	if err := run.load(ctx, warmUp, warmUp); err != nil {
		return err
	}
	before, err := run.rest(ctx, nil)
	if err != nil {
		return fmt.Errorf("after the warm-up: %w", err)
	}
	if err := run.load(ctx, duration, min(time.Minute, max(duration/10, scrapeEvery))); err != nil {
		return err
	}
	after, err := run.rest(ctx, &before)
	if err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	grown := compare(before, after)
	problems := slices.Concat(grown, run.recount(ctx), w.wrong, b.log.seen())
	run.scraper.http.CloseIdleConnections()
	if len(grown) > 0 {
		dump, err := b.dumpProxy()
		problems = append(problems, fmt.Sprintf("the proxy's goroutines are in %s (%v)", dump, err))
	} else if err := b.stopProxy(); err != nil {
		problems = append(problems, "the proxy's last flush failed: "+err.Error())
	}
	if len(problems) > 0 {
		return errors.New("\n  " + strings.Join(problems, "\n  "))
	}
	fmt.Printf("\nNothing has grown: heap %+.1f MB, resident memory %+.1f MB. Every counter holds what was acknowledged.\n",
		(after.heap-before.heap)/mb, (after.rss-before.rss)/mb)
	return nil
}

// run is a soak under way.
type run struct {
	w       *world
	b       *testbed
	scraper *scraper
	begun   time.Time
	last    figures // of the row before
	lastAt  time.Duration
}

func (s *run) actors() []*actor {
	w := s.w
	out := []*actor{
		strangers(w), values(w), transactions(w), subscribers(w), blockers(w), visitors(w), visitors(w),
		disturber(w, s.b.restart), ordinaryKeys(w), ordinaryKeys(w),
	}
	for _, prefix := range prefixes {
		out = append(out, increments(w, prefix), verbs(w, prefix), newcomers(w, prefix))
	}
	return out
}

// load drives everything for a time and prints a row now and then.
func (s *run) load(ctx context.Context, duration, every time.Duration) error {
	loaded, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.w.drive(loaded, s.actors())
	}()
	tick := time.NewTicker(scrapeEvery)
	defer tick.Stop()
	next := time.Since(s.begun) + every
	for {
		select {
		case <-done:
			return ctx.Err()
		case <-tick.C:
		}
		f, err := s.scraper.read()
		if err != nil {
			s.w.surprised("the metrics do not answer: %v", err)
			continue
		}
		if at := time.Since(s.begun); at >= next {
			s.print(at, f)
			next += every
		}
	}
}

func (s *run) print(at time.Duration, f figures) {
	fmt.Println(f.row(at, s.w, 100*(f.cpu-s.last.cpu)/(at-s.lastAt).Seconds()))
	s.last, s.lastAt = f, at
}

// rest waits, with no load, until the proxy is idle and has collected its
// garbage, and until what is compared is as before, or has not changed for a
// while where there is no before.
func (s *run) rest(ctx context.Context, before *figures) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, restLimit)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var f, last figures
	next := time.Since(s.begun) + time.Minute
	for same := 0; ; {
		var err error
		if f, err = s.scraper.read(); err != nil {
			return f, err
		}
		if f.idle() {
			same++
		}
		if f.fds != last.fds {
			same = 0
		}
		last = f
		if at := time.Since(s.begun); at >= next {
			s.print(at, f)
			next += time.Minute
		}
		if same >= 20 {
			f = s.collect(f)
			if before == nil || len(compare(*before, f)) == 0 {
				break
			}
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		if context.Cause(ctx) == context.Canceled {
			return f, ctx.Err()
		}
		if !f.idle() {
			return f, fmt.Errorf("not idle %v after the load: %.0f clients, %.0f private connections, %.0f counters in memory, %.0f pending",
				restLimit, f.clients, f.private, f.counters, f.pending)
		}
		f = s.collect(f)
		break // compare says what is off
	}
	s.print(time.Since(s.begun), f)
	return f, nil
}

// collect has the proxy collect its garbage, which it does by being asked for
// metrics often enough: those are garbage too. Three collections empty the pools.
// A request for metrics is served by a few goroutines, of which some may have
// ended when it counts them: the fewest of all requests count.
func (s *run) collect(f figures) figures {
	fewest := f.goroutines
	for until := f.collections + 3; f.collections < until; {
		next, err := s.scraper.read()
		if err != nil {
			break
		}
		f = next
		fewest = min(fewest, f.goroutines)
	}
	f.goroutines = fewest
	return f
}

// recount reads every counter of the ledger and says which is off. The default
// namespace's come from the proxy, which has none in memory, and so from Redis;
// of the other namespaces there are more than the proxy lets in at once.
func (s *run) recount(ctx context.Context) (off []string) {
	c := s.w.open(2)
	defer c.Close()
	direct := redis.NewClient(&redis.Options{Addr: s.b.redisAddr, Protocol: 2, DisableIdentity: true})
	defer direct.Close()
	check := func(prefix, key string, total int64, err error) {
		want := s.w.counts.entry(prefix, key)
		if (err != nil || !want.holds(total)) && len(off) < 20 {
			off = append(off, fmt.Sprintf("%s%s is %d, want %v (%v)", prefix, key, total, want, err))
		}
	}
	for _, prefix := range prefixes {
		var keys []string
		for _, key := range s.w.counts.keys(prefix) {
			namespace, counter, elsewhere := strings.Cut(key, ":")
			if !elsewhere {
				keys = append(keys, key)
				continue
			}
			total, err := direct.HGet(ctx, namespace+":lax_counter", counter).Int64() // of DKC., where strangers count
			check(prefix, key, total, err)
		}
		for batch := range slices.Chunk(keys, 500) {
			words := []any{prefix + "MGET"}
			for _, key := range batch {
				words = append(words, key)
			}
			totals, err := c.Do(ctx, words...).Slice()
			if err != nil {
				return append(off, fmt.Sprintf("%sMGET: %v", prefix, err))
			}
			for i, key := range batch {
				total, err := total(totals[i])
				check(prefix, key, total, err)
			}
		}
		fmt.Printf("%-6s %d counters counted again\n", prefix, len(keys))
	}
	s.recountOrdinary(ctx, direct, check)
	return off
}

// total is the total in a reply of GET.
func total(reply any) (int64, error) {
	if pair, ok := reply.([]any); ok && len(pair) > 0 {
		reply = pair[0]
	}
	switch v := reply.(type) {
	case int64:
		return v, nil
	case error:
		return 0, v
	}
	return 0, fmt.Errorf("the reply is %v", reply)
}
