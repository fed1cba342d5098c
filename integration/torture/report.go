package main

import (
	"fmt"
	"slices"
	"strings"
)

// blame counts the violations of a round against every fault that happened in
// it: which it was, a run with that fault alone tells. The caller holds mu.
func (t *torture) blame(round int, happened []*fault, found []violation) {
	slices.SortFunc(happened, func(a, b *fault) int { return strings.Compare(a.name, b.name) })
	for _, f := range slices.Compact(happened) {
		for _, v := range found {
			switch v.kind {
			case "lost":
				t.tally[f].lost++
			case "doubled":
				t.tally[f].doubled++
			default:
				t.tally[f].other++
			}
		}
	}
}

// report prints the fault table and the totals.
func (t *torture) report() {
	out := t.opts.out
	fmt.Fprintf(out, "\n%-22s %7s %7s %13s %6s %8s %6s\n", "fault", "times", "failed", "acknowledged", "lost", "doubled", "other")
	for _, f := range t.opts.chosen {
		y := t.tally[f]
		fmt.Fprintf(out, "%-22s %7d %7d %13d %6d %8d %6d\n", f.name, y.times, y.failed, y.acked, y.lost, y.doubled, y.other)
	}
	kinds := make(map[string]int)
	for _, v := range t.violations {
		kinds[v.kind]++
	}
	fmt.Fprintf(out, "\n%d rounds, %d commands, %d increments acknowledged, %d unknown, %d said to be lost at a stop; %d sums checked\n",
		t.stats.rounds, t.stats.commands.Load(), t.stats.acked.Load(), t.stats.doubts.Load(), t.stats.lostAtStop.Load(), t.stats.checked.Load())
	fmt.Fprintf(out, "violations: %d %v\n", len(t.violations), kinds)
	told := make(map[int]bool)
	for _, v := range t.violations {
		if told[v.round] {
			continue
		}
		told[v.round] = true
		fmt.Fprintf(out, "the first of round %d: %v\n  history: %s\n  replay: %s\n", v.round, v, v.file, t.replay(v.round))
	}
}

// replay is the command that repeats the faults of a round.
func (t *torture) replay(round int) string {
	return fmt.Sprintf("go run ./integration/torture -setup %s -proxies %d -seed %d -first %d -round %v -faults %q",
		t.opts.setup, t.opts.proxies, t.opts.seed, round, t.opts.round, t.opts.faults)
}
