package engine

import (
	"testing"
	"time"
)

// What waits for Redis does not wait until a million counters have been gone
// through: a sweep is of one shard, and the next has its turn later.
func TestSweepGoesThroughOneShardAtATime(t *testing.T) {
	e, _ := startForTest(t, Options{IdleAfter: time.Minute})
	p := newPartition(e, &space{name: "n"}, LaxPlain, 0) // no flusher runs
	for _, key := range manyKeys("idle", 5000) {
		s := p.shardOf(hash(key.Counter))
		s.cellLocked(key.Counter)
		p.gained(1)
	}
	now := e.now() + int64(time.Hour)
	began := now
	for i := range p.shards {
		if i > 0 {
			before := now
			if now = p.due(now); now <= before {
				t.Fatalf("the next sweep is due at once after %d", i)
			}
		}
		p.sweep(now)
		if !p.shards[i].empty() {
			t.Fatalf("sweep %d leaves unused counters in its shard", i)
		}
		if i < len(p.shards)-1 && p.shards[i+1].empty() {
			t.Fatalf("sweep %d goes beyond its shard", i)
		}
	}
	if took := time.Duration(now - began); took > 30*time.Second {
		t.Errorf("all shards had their turn in %v, want half of IdleAfter", took)
	}
	if n := p.cells.Load(); n != 0 || p.due(now) != whenever {
		t.Errorf("%d counters are left, and the next sweep is due at %d, want none and never", n, p.due(now))
	}
}
