package main

import "fmt"

// How much more the proxy may have at the end than at the beginning.
const (
	heapMargin = 8 * mb  // spans that are part full
	rssMargin  = 32 * mb // what the runtime has not given back to the system
	poolSize   = 64      // of the engine's connections to Redis
)

// compare says what has grown between two moments of rest.
func compare(before, after figures) (grown []string) {
	for _, f := range []struct {
		name          string
		before, after float64
	}{
		{"goroutines", before.goroutines, after.goroutines},
		{"file descriptors, but for those to Redis,", before.fds, after.fds},
		{"clients", before.clients, after.clients},
		{"private connections", before.private, after.private},
		{"counters in memory", before.counters, after.counters},
		{"namespaces", before.namespaces, after.namespaces},
	} {
		if f.after > f.before {
			grown = append(grown, fmt.Sprintf("%s were %.0f and are %.0f", f.name, f.before, f.after))
		}
	}
	for _, f := range []struct {
		name                  string
		before, after, margin float64
	}{
		{"heap in use", before.heap, after.heap, heapMargin},
		{"resident memory", before.rss, after.rss, rssMargin},
	} {
		if f.after > f.before+f.margin {
			grown = append(grown, fmt.Sprintf("%s was %.1f MB and is %.1f MB, more than %.0f MB above", f.name, f.before/mb, f.after/mb, f.margin/mb))
		}
	}
	if after.toRedis > poolSize {
		grown = append(grown, fmt.Sprintf("%.0f connections to Redis, more than the %d of the pool", after.toRedis, poolSize))
	}
	if after.panics > 0 {
		grown = append(grown, fmt.Sprintf("%.0f sessions panicked", after.panics))
	}
	return grown
}
