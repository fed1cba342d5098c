package main

import (
	"context"
	"fmt"
	"slices"
)

// check compares what lies in Redis with what must, and makes it the new start.
func (t *torture) check(b books) {
	alive := t.alive()
	plain := make(map[account]bounds)
	for a, expected := range t.ledger.expected() {
		switch {
		case !aware(a.family):
			sum := plain[account{family: a.family, counter: a.counter}]
			sum.add(expected)
			plain[account{family: a.family, counter: a.counter}] = sum
		case slices.Contains(alive, a.id):
			t.compare(a, expected, b.slices[a])
		}
	}
	for a, expected := range plain {
		t.compare(a, expected, b.totals[a])
	}
	counted := make(map[account]int64)
	for a, n := range b.totals {
		if !aware(a.family) && shared(a.counter) {
			counted[a] = n
		}
	}
	for a, n := range b.slices {
		if shared(a.counter) {
			counted[a] = n
		}
	}
	t.ledger.rebase(counted)
	for _, s := range t.solos {
		for _, a := range s.check(b) {
			t.violation(a)
		}
	}
}

// sound checks that no proxy has noticed a fault of its own, or a loss that
// cannot have been.
func (t *torture) sound(ctx context.Context) {
	fields := []string{"panics"}
	if !t.field.canLose {
		fields = append(fields, "records_lost")
	}
	for _, p := range t.field.proxies {
		for _, field := range fields {
			if n, err := p.info(ctx, field); err != nil || n > 0 {
				t.violation(violation{kind: "alarm", account: account{id: p.instance()}, text: fmt.Sprintf("INFO of %s: %s is %d, %v", p.name, field, n, err)})
			}
		}
	}
}

// compare checks acknowledged <= counted <= acknowledged + unknown.
func (t *torture) compare(a account, expected bounds, counted int64) {
	t.stats.checked.Add(1)
	if expected.holds(counted) {
		return
	}
	t.violation(violation{kind: kindOf(a.counter, counted, expected), account: a,
		text: fmt.Sprintf("Redis has %d, expected is %v", counted, expected)})
}

// kindOf says what a wrong count means: where there are decrements, too, a lost
// one looks like a doubled increment.
func kindOf(counter string, counted int64, expected bounds) string {
	switch {
	case !rising(counter):
		return "lost or doubled"
	case counted < expected.acked+expected.lower:
		return "lost"
	default:
		return "doubled"
	}
}

// check compares the counters of a place with Redis and takes their values over.
func (s *solos) check(b books) (found []violation) {
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	for _, c := range all {
		a := account{family: c.family, counter: c.counter}
		total := b.totals[a]
		if !c.open && !slices.Contains(c.states, total) {
			found = append(found, violation{kind: "state", account: a,
				text: fmt.Sprintf("Redis has %d; it can be %v", total, c.states)})
		}
		s.rebase(c, total)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(c *solo) bool { return c.closed })
	return found
}
