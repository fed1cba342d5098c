package engine

// fewKeys is how many counters one command may have loaded ahead of the others
// of commands that name more.
const fewKeys = 64

// manyReads is the room that a round leaves for those of commands with many.
const manyReads = maxReads / 4

// loadLine has the counters that wait to be loaded. Those asked for by few wait for
// one round, however many a command beside them names.
type loadLine struct {
	few, many []*cell
}

func (l *loadLine) add(c *cell, many bool) {
	if many {
		l.many = append(l.many, c)
	} else {
		l.few = append(l.few, c)
	}
}

func (l *loadLine) len() int { return len(l.few) + len(l.many) }

// take returns the next for a round.
func (l *loadLine) take() []*cell {
	few := l.few[:min(len(l.few), maxReads-min(len(l.many), manyReads))]
	many := l.many[:min(len(l.many), maxReads-len(few))]
	l.few, l.many = rest(l.few, len(few)), rest(l.many, len(many))
	return append(few[:len(few):len(few)], many...)
}

// takeAll returns all of them.
func (l *loadLine) takeAll() []*cell {
	all := append(l.few, l.many...)
	*l = loadLine{}
	return all
}
