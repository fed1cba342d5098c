package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// event is what became of one operation on one counter.
type event struct {
	at              time.Time // when it was sent
	took            time.Duration
	place, client   int
	id              string
	family, counter string
	what            string
	delta           int64
	is              outcome
	got             reading
	err             error
}

func (o outcome) String() string {
	return [...]string{"done", "not done", "unknown", "unexpected"}[o]
}

// history is what happened since the last check. Safe for concurrent use.
type history struct {
	start  time.Time
	mu     sync.Mutex
	events map[account][]event // by family and counter; the id is empty
	faults []string
}

func newHistory() *history {
	return &history{start: time.Now(), events: make(map[account][]event)}
}

func (h *history) add(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := account{family: e.family, counter: e.counter}
	h.events[a] = append(h.events[a], e)
}

// note adds something that is not about one counter: a fault, a check.
func (h *history) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, fmt.Sprintf("%10.4f  %s", time.Since(h.start).Seconds(), fmt.Sprintf(format, args...)))
}

// forget drops what was checked.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events, h.faults = make(map[account][]event), nil
}

// write writes what happened to a counter, and the faults meanwhile.
func (h *history) write(w io.Writer, a account) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, line := range h.faults {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintln(w, "\nsent (s)    until (s)   client instance  operation: outcome")
	events := slices.Clone(h.events[account{family: a.family, counter: a.counter}])
	slices.SortFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range events {
		sent := e.at.Sub(h.start)
		fmt.Fprintf(w, "%10.4f  %10.4f  %d.%d    %s  %s (%+d): %v", sent.Seconds(), (sent + e.took).Seconds(), e.place, e.client, e.id, e.what, e.delta, e.is)
		if e.err != nil {
			fmt.Fprintf(w, " (%v)\n", e.err)
		} else {
			fmt.Fprintf(w, " applied %v, total %d, mine %d\n", e.got.applied, e.got.total, e.got.mine)
		}
	}
}
