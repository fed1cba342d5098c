package engine

import (
	"testing"
)

// Two counters whose names have one hash are two counters.
func TestTwinsInAShard(t *testing.T) {
	var s shard
	other := &cell{name: "other"}
	s.cells = map[uint64]*cell{hash([]byte("k")): other} // as if it were its hash, too
	if c := s.get([]byte("k")); c != nil {
		t.Fatalf("%s is found for k", c.name)
	}
	c, made := s.cellLocked([]byte("k"))
	if again, found := s.cellLocked([]byte("k")); !made || found || again != c || c.name != "k" {
		t.Fatalf("k is %+v, then %+v", c, again)
	}
	if s.named("k") != c || s.cells[hash([]byte("k"))] != other {
		t.Error("one has taken the other's place")
	}
	seen := make(map[*cell]int)
	s.each(func(_ *shard, c *cell) { seen[c]++ })
	if len(seen) != 2 || seen[c] != 1 || seen[other] != 1 {
		t.Errorf("each: %v", seen)
	}
	delete(s.cells, hash([]byte("k")))
	if s.get([]byte("k")) != c || s.empty() {
		t.Error("with the other gone, k is not found")
	}
	if s.dropLocked(c); s.named("k") != nil || !s.empty() || s.twins != nil {
		t.Errorf("k is dropped: %+v", &s)
	}
}
