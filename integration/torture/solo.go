package main

import (
	"fmt"
	"slices"
	"sync"
)

// solo is a counter with a single writer, so that also SET, DEL and CLEAR have
// an outcome that can be checked: the states it can be in are known.
type solo struct {
	family, counter string
	states          []int64
	// since are the states it was in since its proxy was last known to have
	// flushed; what a kill can throw it back to. Empty for a strict family.
	since  []int64
	marked int // how many of since came before the flush that is under way
	// floating: an operation of unknown outcome may be carried out yet, so that
	// a reply does not tell which state is the last.
	floating bool
	// fogged: nothing is written until it has been looked at in Redis.
	fogged bool
	// open: it may be in any state; an operation crossed a change of instance.
	open bool
	// closed: its only instance is gone for good and takes it along.
	closed bool
}

// maxStates is how many states a counter may be in before it is left alone.
const maxStates = 64

// change is what an operation does to a state; ok false: it does not apply.
type change func(state int64) (next int64, ok bool)

// solos are the counters of one place. Safe for concurrent use.
type solos struct {
	mu  sync.Mutex
	all []*solo
}

// of returns the counters of an instance that may be written now; there are
// always some of every family, in the given namespaces.
func (s *solos) of(place int, id string, namespaces ...string) (free []*solo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range families {
		owner := fmt.Sprintf("p%d", place)
		if aware(f.prefix) {
			owner = id // what an instance contributes ends with it
		}
		for _, namespace := range namespaces {
			counter := namespace + ":" + owner
			at := slices.IndexFunc(s.all, func(c *solo) bool { return c.family == f.prefix && c.counter == counter })
			if at < 0 {
				at = len(s.all)
				s.all = append(s.all, &solo{family: f.prefix, counter: counter, states: []int64{0}})
			}
			if c := s.all[at]; !c.fogged && !c.closed && !c.open {
				free = append(free, c)
			}
		}
	}
	return free
}

// became notes an acknowledged operation after which the counter was said to
// read total. An error says that this cannot be. settles: whatever was unknown
// before it is over, as the operation does not depend on it.
func (s *solos) became(c *solo, do change, total int64, settles bool, risky bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := mapStates(c.states, do)
	if !slices.Contains(next, total) {
		err := fmt.Errorf("replied %d; it can be %v", total, next)
		c.fogged = true
		return err
	}
	if settles {
		c.floating = false
	}
	if !c.floating {
		next = []int64{total}
	}
	c.enter(next, risky)
	return nil
}

// maybe notes an operation of unknown outcome. A lax proxy carries it out
// before whatever is asked later, or never; a strict one at any time.
func (s *solos) maybe(c *solo, do change, strict bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.floating = true
	c.fogged = c.fogged || strict
	next := slices.Clone(c.states)
	for _, state := range mapStates(c.states, do) {
		next = include(next, state)
	}
	c.enter(next, !strict)
}

// enter gives the counter its states. The caller holds mu.
func (c *solo) enter(states []int64, risky bool) {
	if risky {
		c.since = append(c.since, c.states...)
	}
	c.states = states
	if len(states) > maxStates {
		c.fogged = true
	}
}

// read checks what a GET through the counter's own proxy said.
func (s *solos) read(c *solo, total int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(c.states, total) {
		return fmt.Errorf("reads %d; it can be %v", total, c.states)
	}
	return nil
}

// mark notes where all counters are before the proxy is asked to flush; flushed
// then settles what came before.
func (s *solos) mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		c.marked = len(c.since)
	}
}

func (s *solos) flushed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		c.since = slices.Delete(c.since, 0, min(c.marked, len(c.since)))
		c.marked = 0
	}
}

// ended notes that the proxy's process is gone. lost: with what it had in memory.
// renamed: the next one is another instance, and counters that know instances
// go with this one.
func (s *solos) ended(lost, renamed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if lost {
			for _, state := range c.since {
				c.states = include(c.states, state)
			}
			c.fogged = true
		}
		c.since, c.marked = nil, 0
		if renamed && aware(c.family) {
			c.closed, c.states = true, []int64{0}
		}
	}
}

// crossed notes an operation that began before a change of process and ended
// after it.
func (s *solos) crossed(c *solo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.open = true
}

// rebase takes what was found in Redis as the state of a counter.
func (s *solos) rebase(c *solo, state int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.states, c.since, c.marked = []int64{state}, nil, 0
	c.floating, c.fogged, c.open = false, false, false
}

// mapStates is where a change leads from each of the states.
func mapStates(states []int64, do change) (next []int64) {
	for _, state := range states {
		to, ok := do(state)
		if !ok {
			to = state
		}
		next = include(next, to)
	}
	return next
}

func include(states []int64, state int64) []int64 {
	if slices.Contains(states, state) {
		return states
	}
	return append(states, state)
}

// in returns the counters of a namespace.
func (s *solos) in(family, namespace string) (found []*solo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if of, _ := split(c.counter); c.family == family && of == namespace {
			found = append(found, c)
		}
	}
	return found
}

// lost notes that the proxy has said at its end what it could not flush; false:
// the counter is none of these.
func (s *solos) lost(family, counter string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if c.family == family && c.counter == counter {
			c.open = true
			return true
		}
	}
	return false
}
