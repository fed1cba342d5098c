package main

import (
	"fmt"
	"sync"
)

// entry is what a counter may hold: everything acknowledged, and any part of
// what was sent and got no answer.
type entry struct {
	acked      int64
	plus, less int64 // unanswered increments and decrements, less as a positive number
}

func (e entry) holds(total int64) bool {
	return total >= e.acked-e.less && total <= e.acked+e.plus
}

func (e entry) String() string {
	if e.plus == 0 && e.less == 0 {
		return fmt.Sprint(e.acked)
	}
	return fmt.Sprintf("%d to %d", e.acked-e.less, e.acked+e.plus)
}

// ledger is what the counters have to hold at the end, by prefix and key. Make
// one with newLedger. Safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	entries map[string]map[string]entry // guarded by mu
}

func newLedger() *ledger { return &ledger{entries: make(map[string]map[string]entry)} }

// note enters a change; acked: it was answered, otherwise its outcome is unknown.
func (l *ledger) note(prefix, key string, delta int64, acked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := l.entries[prefix]
	if keys == nil {
		keys = make(map[string]entry)
		l.entries[prefix] = keys
	}
	e := keys[key]
	switch {
	case acked:
		e.acked += delta
	case delta > 0:
		e.plus += delta
	default:
		e.less -= delta
	}
	keys[key] = e
}

// keys are the counters of a prefix.
func (l *ledger) keys(prefix string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]string, 0, len(l.entries[prefix]))
	for key := range l.entries[prefix] {
		out = append(out, key)
	}
	return out
}

func (l *ledger) entry(prefix, key string) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[prefix][key]
}
