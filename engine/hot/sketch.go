package hot

// places is how many keys a sketch has room for: few enough to look at all.
const places = 16

// sketch keeps the keys with most increments, by Space-Saving: one that is new
// takes the place of the one with the fewest, and might have had as many
// unseen. Pure state: no lock, no clock. The zero value is ready to use.
//
// Invariants: for each place i < used, entries[i] is a known key with the hash
// hashes[i], and bounds[i] >= entries[i].Increments is the most that it may have
// had. A key that is not known has had at most as many as the least bound, and
// none while there is room.
type sketch struct {
	used    int
	hashes  [places]uint64
	bounds  [places]uint64
	entries [places]entry
}

// entry is a known key.
type entry struct {
	db      int
	name    []byte
	pattern int // of the Options; their number if none matches
	Tally
	memory memory
	wiped  uint64 // of the commands over its database, those it has been through
}

// find returns the place of a known key, or -1.
func (s *sketch) find(hash uint64, db int, name []byte) int {
	for i, h := range s.hashes[:s.used] {
		if h == hash {
			if e := &s.entries[i]; e.db == db && string(e.name) == string(name) {
				return i
			}
		}
	}
	return -1
}

// admit makes a place for a key that find does not find. It has no increments
// yet, and the rest of its entry is the caller's to set.
func (s *sketch) admit(hash uint64, db int, name []byte) (at int) {
	if s.used < places {
		at = s.used
		s.used++
	} else {
		at = s.least()
	}
	s.hashes[at] = hash
	e := &s.entries[at]
	*e = entry{db: db, name: append(e.name[:0], name...)}
	return at
}

// note adds to the tally of the key in a place.
func (s *sketch) note(at int, d Tally) {
	s.entries[at].Add(d)
	s.bounds[at] += d.Increments
}

// missed bounds the increments of the key in a place that were not seen.
func (s *sketch) missed(at int) uint64 { return s.bounds[at] - s.entries[at].Increments }

// least is the place with the least bound.
func (s *sketch) least() (at int) {
	for i, b := range s.bounds[:s.used] {
		if b < s.bounds[at] {
			at = i
		}
	}
	return at
}

// halve makes all figures fade n times.
func (s *sketch) halve(n uint) {
	for i := range s.used {
		missed := s.missed(i)
		faded := missed >> n
		if faded<<n != missed {
			faded++ // it is a bound
		}
		e := &s.entries[i]
		e.shift(n)
		s.bounds[i] = e.Increments + faded
	}
}
