package main

import (
	"slices"
	"testing"
)

func set(v int64) change { return func(int64) (int64, bool) { return v, true } }

func plus(d int64) change { return func(s int64) (int64, bool) { return s + d, true } }

// TestSoloStates follows what a counter can be through operations of known and
// unknown outcome.
func TestSoloStates(t *testing.T) {
	s := &solos{}
	c := s.of(0, "p0.1", "solo")[0]
	steps := []struct {
		name string
		do   func() error
		want []int64
	}{
		{"acknowledged", func() error { return s.became(c, set(5), 5, true, true) }, []int64{5}},
		{"unknown", func() error { s.maybe(c, set(9), false); return nil }, []int64{5, 9}},
		{"a reply does not tell which", func() error { return s.became(c, plus(1), 6, false, true) }, []int64{6, 10}},
		{"what does not depend on it does", func() error { return s.became(c, set(0), 0, true, true) }, []int64{0}},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if slices.Sort(c.states); !slices.Equal(c.states, step.want) {
			t.Errorf("%s: it can be %v, want %v", step.name, c.states, step.want)
		}
	}
}

// TestSoloFindsWrongReplies complains about a reply that cannot be.
func TestSoloFindsWrongReplies(t *testing.T) {
	s := &solos{}
	c := s.of(0, "p0.1", "solo")[0]
	if s.became(c, plus(3), 4, false, true) == nil {
		t.Error("0 and 3 made 4")
	}
	if s.read(c, 1) == nil {
		t.Error("it reads 1")
	}
}

// TestSoloDeath throws a lax counter back to any state since the last flush.
func TestSoloDeath(t *testing.T) {
	s := &solos{}
	c := s.of(0, "p0.1", "solo")[0]
	for _, v := range []int64{1, 2} {
		s.became(c, set(v), v, true, true)
	}
	s.mark()
	s.became(c, set(3), 3, true, true)
	s.flushed()
	s.ended(true, false)
	if slices.Sort(c.states); !slices.Equal(c.states, []int64{2, 3}) {
		t.Errorf("it can be %v, want 2 or 3", c.states)
	}
	if slices.Contains(s.of(0, "p0.1", "solo"), c) {
		t.Error("it is written before it was looked at")
	}
}

// TestSoloEndsWithItsInstance expects nothing of an instance that is gone.
func TestSoloEndsWithItsInstance(t *testing.T) {
	s := &solos{}
	c := s.of(0, "p0.1", "solo")[0]
	s.became(c, set(7), 7, true, true)
	s.ended(false, true)
	found := s.check(books{totals: map[account]int64{{family: c.family, counter: c.counter}: 7}})
	if len(found) != 1 {
		t.Errorf("a counter that outlives its instance: %v", found)
	}
	if len(s.in(c.family, "solo")) != 0 {
		t.Error("it is still there after the check")
	}
}
