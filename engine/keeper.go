package engine

import (
	"math"
	"time"
)

// The journal is kept small by stating what is still needed in a new segment, and
// letting go of those before: what is pending, counter by counter, and by each
// flusher its batch, before it is sent again. So its size is bounded by what is
// pending, however long that takes.
//
// After a failed write the same mends it. Until then no increment is accepted, and
// those before it go to Redis nevertheless, in batches that the journal does not
// know. Were the process killed in between, the next one would find Redis ahead of
// the journal, and refuse to guess.
const (
	// segmentSize is how large a segment becomes, in bytes, before another one begins:
	// or twice what is stated at its beginning, if that is more.
	segmentSize = 16 << 20
	// keepEvery is how often the keeper looks while something is accepted, and
	// mendEvery how often it tries to mend the journal.
	keepEvery = 100 * time.Millisecond
	mendEvery = time.Second
)

// keeping is what the keeper is at.
type keeping struct {
	begun   uint64    // the segment in which everything is stated anew; 0: none
	size    int64     // a segment is large past it
	mendAt  time.Time // when to try again
	failing bool      // that was logged
}

// rouse has the keeper look within keepEvery.
func (j *journaling) rouse() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// keep is the keeper: it sleeps while nothing is accepted.
func (j *journaling) keep() {
	defer close(j.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for more := true; ; {
		if more {
			timer.Reset(keepEvery)
			select {
			case <-timer.C:
			case <-j.stop:
				return
			}
		} else {
			select {
			case <-j.wake:
				more = true
				continue
			case <-j.stop:
				return
			}
		}
		more = false
		j.e.guard("keeper of the journal", func() { more = j.tend() })
	}
}

// tend does what is due, and reports whether there is more to come by itself.
func (j *journaling) tend() bool {
	k := &j.keeping
	switch {
	case j.log.Failing() && (k.begun == 0 || j.log.Broken()):
		j.tellFailing()
		if now := time.Now(); now.After(k.mendAt) {
			k.mendAt = now.Add(mendEvery)
			k.begun = 0
			_ = j.restate()
		}
		return true
	case k.begun == 0 && j.log.SegmentSize() > k.size:
		_ = j.restate()
		return true
	case k.begun != 0 && !j.batchBefore(k.begun):
		if j.log.Whole() == nil {
			k.begun = 0
			j.tellMended()
			return false
		}
		return true
	}
	return k.begun != 0
}

// restate begins a new segment and states in it all that is pending.
func (j *journaling) restate() error {
	if j.log.Failing() && j.e.pending.Load() == 0 {
		j.log.Forget() // nothing in it is needed, and a full disk may need the room
	}
	if _, err := j.log.Rotate(); err != nil {
		return err
	}
	j.introduce(false)
	j.stateAll()
	return nil
}

// introduce says in the segment that has just begun whose journal it is; first: it is
// the first of this process.
func (j *journaling) introduce(first bool) {
	b := appendFlag(appendHead(j.begin(), 0, recInstance), first)
	j.keeping.begun = j.segment
	j.end(appendText(appendText(b, j.e.opts.InstanceID), j.e.patterns.String()))
}

// stateAll states in that segment all that is pending.
func (j *journaling) stateAll() {
	for _, p := range j.e.live() {
		if p.family.Lax() {
			j.restatePartition(p)
		}
	}
	j.keeping.size = max(j.least, 2*j.log.SegmentSize())
}

func (j *journaling) restatePartition(p *partition) {
	j.end(j.name(j.begin(), p))
	for i := range p.shards {
		p.shards[i].each(func(_ *shard, c *cell) {
			if c.pending.has {
				j.stated(p, c)
			}
		})
		_ = j.log.Flush() // in pieces; whether it fails Whole tells
	}
}

// batchBefore reports whether a partition has a batch that a segment before begun is
// needed for. Its flusher states it anew before it sends it the next time.
func (j *journaling) batchBefore(begun uint64) bool {
	for _, p := range j.e.live() {
		if since := p.trail.since.Load(); since != 0 && since < begun {
			return true
		}
	}
	return false
}

func (j *journaling) tellFailing() {
	if !j.keeping.failing {
		j.keeping.failing = true
		j.e.log.Error("the journal cannot be written; increments are refused until it can", "error", j.log.Err())
	}
}

func (j *journaling) tellMended() {
	if j.keeping.failing && !j.log.Failing() {
		j.keeping.failing = false
		j.e.log.Info("the journal is written again")
	}
}

// close ends the keeper and the journal. With nothing pending and nothing on its way it
// leaves next to nothing behind.
func (j *journaling) close() error {
	close(j.stop)
	<-j.done
	if j.e.pending.Load() == 0 && !j.batchBefore(math.MaxUint64) && j.restate() == nil {
		_ = j.log.Whole()
	}
	err := j.log.Close()
	if j.log.Failing() && j.e.pending.Load() == 0 {
		return nil // nothing in it is needed
	}
	return err
}
