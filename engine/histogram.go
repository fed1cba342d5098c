package engine

import (
	"slices"
	"sync/atomic"
	"time"
)

// latencyBounds are the upper bounds of the buckets of a latency: from what a
// Redis on the same machine takes to what counts as away by default, and past it.
var latencyBounds = []time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Histogram is how often something took how long.
type Histogram struct {
	// Bounds are the upper bounds of the buckets, ascending, each included.
	Bounds []time.Duration
	// Counts[i] is how many took longer than Bounds[i-1] and at most Bounds[i];
	// the last one, past all bounds, makes it one longer than Bounds.
	Counts []uint64
	// Sum is how long all of them took together.
	Sum time.Duration
}

// Count is how many there were.
func (h Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Mean is how long they took on average; 0 with none.
func (h Histogram) Mean() time.Duration {
	return h.Sum / time.Duration(max(h.Count(), 1))
}

// histogram counts latencies. The zero value is ready. Safe for concurrent use:
// a snapshot taken meanwhile may have a latency in its count and not in its sum.
type histogram struct {
	counts [17]atomic.Uint64 // one more than latencyBounds
	sum    atomic.Int64      // ns
}

func (h *histogram) note(took time.Duration) {
	i, _ := slices.BinarySearch(latencyBounds, took)
	h.counts[i].Add(1)
	h.sum.Add(int64(took))
}

func (h *histogram) snapshot() Histogram {
	s := Histogram{Bounds: latencyBounds, Counts: make([]uint64, len(h.counts)), Sum: time.Duration(h.sum.Load())}
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
	}
	return s
}
