package engine

import (
	"testing"
	"time"
)

// Who reads ever other counters, as one that goes through all user ids does, does
// not fill the memory with them: beyond MaxPending those that nobody uses leave
// soon, however long IdleAfter is.
func TestReadingManyColdCountersDoesNotHoldThem(t *testing.T) {
	const bound, counters = 100, 5000
	onFamilies(t, lax, func(t *testing.T, f Family) {
		e, _ := startForTest(t, Options{MaxPending: bound, IdleAfter: time.Hour, CommandTimeout: time.Minute})
		keys := manyKeys("cold", counters)
		res := make([]Result, counters)
		e.Get(t.Context(), f, keys, res)
		for i, r := range res {
			if r.Err != nil {
				t.Fatalf("GET %s: %v", keys[i].Counter, r.Err)
			}
		}
		if n := e.Stats().Loads; n < counters {
			t.Errorf("%d counters were loaded, want %d", n, counters)
		}
		eventually(t, 20*time.Second, "memory for few of them", func() bool { return e.Stats().Counters <= bound })
	})
}
