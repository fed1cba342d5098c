package main

import (
	"fmt"
	"sync"
)

// view is where successive replies for a counter must not go down: one process
// of a lax family, everywhere for a strict one (place -1).
type view struct {
	place   int
	life    int64
	counter string
}

// floor is what a later reply in a view must at least be.
type floor struct {
	seen  int64 // the highest reply
	acked int64 // what was acknowledged in the view
}

// floors checks that replies about plain counters that only go up contain what
// was replied and acknowledged before they were asked for. Safe for concurrent use.
type floors struct {
	mu sync.Mutex
	at map[view]floor
}

// before is the floor for a command that begins now.
func (f *floors) before(v view) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.at[v]
	return max(was.seen, was.acked)
}

// replied notes a reply to a command that began when the floor was before; acked
// is what it added.
func (f *floors) replied(v view, before, total, acked int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.at[v]
	f.at[v] = floor{seen: max(was.seen, total), acked: was.acked + acked}
	if total < before+acked {
		return fmt.Errorf("replied %d to an increment by %d; %d had been replied or acknowledged before it was asked", total, acked, before)
	}
	return nil
}

// forget drops the views of processes that are gone.
func (f *floors) forget(alive map[int]int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for v := range f.at {
		if v.place >= 0 && alive[v.place] != v.life {
			delete(f.at, v)
		}
	}
}
