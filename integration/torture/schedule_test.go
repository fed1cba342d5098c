package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestScheduleReplays makes the same schedule of the same seed, another of
// another, and lets no two faults of one target overlap.
func TestScheduleReplays(t *testing.T) {
	chosen, err := choose("standalone", "")
	if err != nil {
		t.Fatal(err)
	}
	make := func(seed uint64, round int) []injection { return schedule(seed, round, time.Minute, 3, chosen) }
	all := make(1, 0)
	if fmt.Sprint(all) != fmt.Sprint(make(1, 0)) {
		t.Error("the same seed makes another schedule")
	}
	if fmt.Sprint(all) == fmt.Sprint(make(2, 0)) || fmt.Sprint(all) == fmt.Sprint(make(1, 1)) {
		t.Error("another seed or round makes the same schedule")
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.fault.lane == b.fault.lane && a.target == b.target && b.at < a.at+a.length {
				t.Errorf("%v overlaps %v", b, a)
			}
		}
	}
	var seen []*fault
	for round := range 20 {
		for _, in := range make(1, round) {
			seen = append(seen, in.fault)
		}
	}
	for _, f := range chosen {
		if !slices.Contains(seen, f) {
			t.Errorf("%s does not happen in 20 minutes", f.name)
		}
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("standalone", "cut,clock jump")
	if err != nil || len(chosen) != 2 || chosen[0].name != "cut" || chosen[1].name != "clock jump" {
		t.Errorf("%v, %v", chosen, err)
	}
	if chosen, err := choose("standalone", "-"); err != nil || len(chosen) != 0 {
		t.Errorf("none: %v, %v", chosen, err)
	}
	for _, bad := range [][2]string{{"standalone", "cat"}, {"cluster", ""}, {"sentinel", "cut"}} {
		if _, err := choose(bad[0], bad[1]); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
