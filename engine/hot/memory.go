package hot

import "time"

// memory plays through what the engine would have of one key. The zero value:
// nothing.
type memory struct {
	touched time.Duration // when it was last answered; 0: it is not in memory
	flush   time.Duration // the number of the interval whose flush carries it
}

// times are those of a pattern.
type times struct{ interval, lag time.Duration }

// play is what a command costs that comes at now, which is never 0.
func (m *memory) play(class Class, now time.Duration, t times) (d Tally) {
	switch class {
	case Increment:
		d.Increments = 1
	case Read:
		d.Reads = 1
	default:
		d.Holds = 1
		*m = memory{} // it is flushed and forgotten
		return d
	}
	if m.touched == 0 || now-m.touched > t.lag+t.interval {
		d.Loads = 1
	}
	m.touched = now
	if flush := now/t.interval + 1; flush != m.flush {
		d.Flushes, m.flush = 1, flush
	}
	return d
}
