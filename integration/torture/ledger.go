package main

import (
	"fmt"
	"sync"
)

// bounds is what increments add up to when some of them may not have been
// carried out. Increments and decrements are kept apart, as an unknown
// increment only raises the upper bound and an unknown decrement only lowers
// the lower one.
type bounds struct {
	acked         int64 // the sum of what was acknowledged
	upper, lower  int64 // the sums of unknown increments (>= 0) and decrements (<= 0)
	count, doubts int64 // how many were acknowledged, and how many are unknown
}

func (b *bounds) ack(delta int64) {
	b.acked += delta
	b.count++
}

func (b *bounds) doubt(delta int64) {
	b.doubts++
	if delta > 0 {
		b.upper += delta
	} else {
		b.lower += delta
	}
}

func (b *bounds) add(o bounds) {
	b.acked += o.acked
	b.upper += o.upper
	b.lower += o.lower
	b.count += o.count
	b.doubts += o.doubts
}

// holds reports whether n can be what was counted.
func (b bounds) holds(n int64) bool { return b.acked+b.lower <= n && n <= b.acked+b.upper }

func (b bounds) String() string {
	return fmt.Sprintf("%d to %d (acknowledged %d)", b.acked+b.lower, b.acked+b.upper, b.acked)
}

// account names a counter and who contributes to it.
type account struct {
	id      string // of the instance
	family  string // the commands' prefix
	counter string
}

// entry is what one instance was asked to add to one counter. What it
// acknowledged and is not known to have flushed is risked: a kill may lose it,
// one increment or all of them, so increments and decrements are sums of their own.
type entry struct {
	settled bounds
	risked  risk
	marked  risk // the part of risked that came before the flush that is under way
}

// risk is what is acknowledged and perhaps in the memory of a process alone.
type risk struct{ plus, minus, nPlus, nMinus int64 }

func (r *risk) add(delta int64) {
	if delta > 0 {
		r.plus += delta
		r.nPlus++
	} else {
		r.minus += delta
		r.nMinus++
	}
}

func (r *risk) take(o risk) {
	r.plus -= o.plus
	r.minus -= o.minus
	r.nPlus -= o.nPlus
	r.nMinus -= o.nMinus
}

func (r risk) bounds() bounds {
	return bounds{acked: r.plus + r.minus, count: r.nPlus + r.nMinus}
}

// doubts is what it is when the process is gone.
func (r risk) doubts() bounds {
	return bounds{upper: r.plus, lower: r.minus, doubts: r.nPlus + r.nMinus}
}

// ledger is what the increments so far must add up to. Safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	entries map[account]*entry
}

func newLedger() *ledger { return &ledger{entries: make(map[account]*entry)} }

func (l *ledger) at(a account) *entry {
	e := l.entries[a]
	if e == nil {
		e = &entry{}
		l.entries[a] = e
	}
	return e
}

// ack notes an acknowledged increment; risky: its process may still lose it. It
// does nothing and returns false when the process is gone by now.
func (l *ledger) ack(a account, delta int64, risky bool, gone func() bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if gone() {
		return false
	}
	if e := l.at(a); risky {
		e.risked.add(delta)
	} else {
		e.settled.ack(delta)
	}
	return true
}

// doubt notes an increment of which nobody knows whether it was carried out.
func (l *ledger) doubt(a account, delta int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(a).settled.doubt(delta)
}

// mark notes what an instance has acknowledged before it is asked to flush;
// flushed then settles it.
func (l *ledger) mark(id string) {
	l.each(id, func(_ account, e *entry) { e.marked = e.risked })
}

// flushed settles what was marked: the instance has said that Redis has it.
func (l *ledger) flushed(id string) {
	l.each(id, func(_ account, e *entry) {
		e.settled.add(e.marked.bounds())
		e.risked.take(e.marked)
		e.marked = risk{}
	})
}

// died notes that an instance has lost its memory: what was risked is unknown.
// end is called in the same step.
func (l *ledger) died(id string, end func()) (doubts int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end()
	for a, e := range l.entries {
		if a.id != id {
			continue
		}
		unknown := e.risked.doubts()
		e.settled.add(unknown)
		doubts += unknown.doubts
		e.risked, e.marked = risk{}, risk{}
	}
	return doubts
}

// stopped notes that an instance has ended and said what it lost: it has flushed
// the rest. end is called in the same step.
func (l *ledger) stopped(id string, end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end()
	for a, e := range l.entries {
		if a.id == id {
			e.settled.add(e.risked.bounds())
			e.risked, e.marked = risk{}, risk{}
		}
	}
}

// lost takes what an instance said at its end that Redis has not acknowledged:
// it may have been carried out, if only its answer is missing. Or a part of it
// may, the last batch: where there are decrements, too, that can be more than
// all of it, and nothing is certain of what was risked.
func (l *ledger) lost(a account, delta int64, oneSign bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at(a)
	if oneSign {
		e.settled.acked -= delta
		e.settled.doubt(delta)
		return
	}
	e.settled.add(e.risked.doubts())
	e.risked, e.marked = risk{}, risk{}
}

func (l *ledger) each(id string, do func(account, *entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, e := range l.entries {
		if a.id == id {
			do(a, e)
		}
	}
}

// expected is what each account must come to.
func (l *ledger) expected() map[account]bounds {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[account]bounds, len(l.entries))
	for a, e := range l.entries {
		b := e.settled
		b.add(e.risked.bounds())
		all[a] = b
	}
	return all
}

// rebase makes what was counted the new start: nothing is unknown any longer.
// Accounts that are not in counted are closed.
func (l *ledger) rebase(counted map[account]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = make(map[account]*entry, len(counted))
	for a, n := range counted {
		l.entries[a] = &entry{settled: bounds{acked: n}}
	}
}
