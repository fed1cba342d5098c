package main

import "testing"

func TestFloors(t *testing.T) {
	v := view{place: 1, life: 2, counter: "rising0"}
	f := &floors{at: make(map[view]floor)}
	before := f.before(v)
	if err := f.replied(v, before, 10, 10); err != nil {
		t.Error(err)
	}
	if err := f.replied(v, before, 4, 4); err != nil {
		t.Errorf("asked before the 10 was replied: %v", err)
	}
	if f.replied(v, f.before(v), 13, 0) == nil {
		t.Error("a reply without an increment that was acknowledged")
	}
	if f.replied(v, f.before(v), 14, 5) == nil {
		t.Error("an increment's reply that does not contain it")
	}
	f.forget(map[int]int64{1: 3})
	if n := f.before(v); n != 0 {
		t.Errorf("a process that is gone is remembered with %d", n)
	}
}
