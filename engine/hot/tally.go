package hot

// Tally is what was seen of a key, or of many, and what lax would have made of
// it. The zero value is ready to use.
type Tally struct {
	// Increments, Reads and Holds are what was seen: commands that add, keys
	// read, and touches by any other command.
	Increments, Reads, Holds uint64
	// Flushes is the number of times a flush would have carried a key: once for
	// each flush interval in which it was incremented or read, and once more
	// after each hold there.
	Flushes uint64
	// Loads is the number of times a key would have had to be loaded before it
	// could be answered: at first, after a hold, and when it had not been touched
	// for longer than the allowed lag and a flush interval.
	Loads uint64
}

// Saved is how many of the increments and reads Redis would have been spared,
// less what flushes and loads would have asked of it instead, each as one
// command, though many travel in one. Negative: lax would have cost more.
func (t Tally) Saved() int64 {
	return int64(t.Increments+t.Reads) - int64(t.Flushes+t.Loads)
}

// The verdicts.
const (
	WorthIt      = "worth it"
	HeldTooOften = "no: held too often"
	NotHotEnough = "no: not hot enough"
)

// Verdict is WorthIt if at least half of the increments and reads would have been
// saved; else HeldTooOften if there is a hold for every fourth of them, as each
// costs a flush and a load; else NotHotEnough.
func (t Tally) Verdict() string {
	all := t.Increments + t.Reads
	switch {
	case all > 0 && 2*t.Saved() >= int64(all):
		return WorthIt
	case 4*t.Holds >= all:
		return HeldTooOften
	}
	return NotHotEnough
}

// Add adds another tally.
func (t *Tally) Add(d Tally) {
	t.Increments += d.Increments
	t.Reads += d.Reads
	t.Holds += d.Holds
	t.Flushes += d.Flushes
	t.Loads += d.Loads
}

// shift halves all figures n times.
func (t *Tally) shift(n uint) {
	t.Increments >>= n
	t.Reads >>= n
	t.Holds >>= n
	t.Flushes >>= n
	t.Loads >>= n
}
