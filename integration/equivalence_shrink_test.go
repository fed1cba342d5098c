package integration

import (
	"slices"
	"time"
)

// shrink takes away from a program whatever it fails without, for so long.
func shrink(p program, fails func(program) bool, limit time.Duration) program {
	end := time.Now().Add(limit)
	try := func(writes []write) bool {
		if time.Now().After(end) {
			return false
		}
		smaller := p
		smaller.writes = writes
		if !fails(smaller) {
			return false
		}
		p = smaller
		return true
	}
	for before := -1; before != p.size() && time.Now().Before(end); {
		before = p.size()
		for n := len(p.writes); n > 0; n /= 2 {
			for at := len(p.writes) - n; at >= 0; at -= n {
				try(slices.Delete(slices.Clone(p.writes), at, at+n))
				at = min(at, len(p.writes))
			}
		}
		for at := len(p.writes) - 1; at >= 0; at-- {
			shrinkWrite(p.writes[at], func(ws ...write) bool {
				return try(slices.Replace(slices.Clone(p.writes), at, at+1, ws...))
			})
		}
	}
	return p
}

// shrinkWrite takes commands out of a write, and sends what is left one by one.
func shrinkWrite(w write, try func(...write) bool) {
	for i := len(w.commands) - 1; i >= 0 && len(w.commands) > 1; i-- {
		less := w
		less.commands = slices.Delete(slices.Clone(w.commands), i, i+1)
		if try(less) {
			w = less
		}
	}
	if len(w.commands) > 1 {
		var single []write
		for _, args := range w.commands {
			single = append(single, write{conn: w.conn, commands: [][]string{args}})
		}
		try(single...)
	}
}

// size is less for a program that is simpler.
func (p program) size() (n int) {
	for _, w := range p.writes {
		n += 1 + 2*len(w.commands)
	}
	return n
}
