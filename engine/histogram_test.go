package engine

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestHistogramHasOneBucketMoreThanBounds(t *testing.T) {
	var h histogram
	if len(h.counts) != len(latencyBounds)+1 || !slices.IsSorted(latencyBounds) {
		t.Errorf("%d buckets for %d bounds %v", len(h.counts), len(latencyBounds), latencyBounds)
	}
}

func TestHistogramPutsALatencyBelowItsBound(t *testing.T) {
	var h histogram
	for _, took := range []time.Duration{0, latencyBounds[0], latencyBounds[0] + 1, time.Second, time.Hour} {
		h.note(took)
	}
	s := h.snapshot()
	want := make([]uint64, len(latencyBounds)+1)
	want[0], want[1], want[slices.Index(latencyBounds, time.Second)], want[len(latencyBounds)] = 2, 1, 1, 1
	if !slices.Equal(s.Counts, want) {
		t.Errorf("counts %v, want %v", s.Counts, want)
	}
	if sum := 2*latencyBounds[0] + 1 + time.Second + time.Hour; s.Sum != sum || s.Count() != 5 || s.Mean() != sum/5 {
		t.Errorf("sum %v, count %d, mean %v; want %v, 5, %v", s.Sum, s.Count(), s.Mean(), sum, sum/5)
	}
	if mean := (Histogram{}).Mean(); mean != 0 {
		t.Errorf("the mean of nothing is %v", mean)
	}
}

func TestHistogramLosesNothingUnderLoad(t *testing.T) {
	var h histogram
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				h.note(time.Duration(i) * time.Microsecond)
			}
		})
	}
	wg.Wait()
	if s := h.snapshot(); s.Count() != 8000 || s.Sum != 8*499_500*time.Microsecond {
		t.Errorf("count %d, sum %v", s.Count(), s.Sum)
	}
}

func TestFlushesAreInTheHistogram(t *testing.T) {
	e, _ := startForTest(t, Options{MaxPending: 7, MaxPendingAge: time.Hour})
	mustInc(t, e, LaxPlain, "home", 2)
	if _, err := e.FlushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := e.Stats()
	if st.Flushes.Count() == 0 || st.Flushes.Sum <= 0 || st.Flushes.Sum < st.FlushLatencyMax {
		t.Errorf("after a flush of %v: %d in the histogram, sum %v", st.FlushLatencyMax, st.Flushes.Count(), st.Flushes.Sum)
	}
	if st.MaxPending != 7 || st.MaxPendingAge != time.Hour {
		t.Errorf("the bounds are %d and %v, want 7 and 1h", st.MaxPending, st.MaxPendingAge)
	}
}
