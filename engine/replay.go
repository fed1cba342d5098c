package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/distkit/distkit-proxy/engine/journal"
)

// openJournal reads the journal that the options name, if they do, and sets their
// instance id to its.
func (o *Options) openJournal() error {
	if o.Journal == "" {
		return nil
	}
	j := &journaling{
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), found: newFound(),
		least: cmp.Or(o.journalSegment, segmentSize),
	}
	log, err := journal.Open(journal.Options{Dir: o.Journal, Sync: o.JournalSync, Create: o.JournalFiles}, j.found.read)
	if err != nil {
		return err // which says that it is of the journal
	}
	j.log = log
	j.found.complete()
	if err := j.found.suits(o); err != nil {
		log.Close()
		return fmt.Errorf("journal %q: %w", o.Journal, err)
	}
	if lost := log.Recovered; lost.Torn > 0 {
		o.Logger.Warn("the journal ends in the middle of a record, of which nobody was told that it was kept; it is dropped",
			"file", lost.TornFile, "offset", lost.TornAt, "bytes", lost.Torn)
	}
	o.journal = j
	return nil
}

// suits checks that what is to be replayed can be under the options, and has them
// take over the instance id. What holds nothing suits every one.
func (f *found) suits(o *Options) error {
	spaces, counters := make(map[string]bool), 0
	for name, p := range f.parts {
		if !p.holds() {
			continue
		}
		counters += len(p.cells)
		switch {
		case o.InstanceChosen && o.InstanceID != f.instance:
			return fmt.Errorf("it holds increments of instance %s that Redis may not have, and this is instance %s: start with --instance-id %s or with none, or name another directory",
				f.instance, o.InstanceID, f.instance)
		case name.family == Ordinary && f.patterns != o.patterns.String():
			return fmt.Errorf("it holds increments of ordinary keys that Redis may not have, counted under other patterns: start once with --lax %s", f.patterns)
		case name.family == Ordinary:
			continue
		case name.of != o.Partitions:
			return fmt.Errorf("it holds increments that Redis may not have, counted with --partitions %d: start once with that", name.of)
		}
		spaces[name.namespace] = true
	}
	delete(spaces, o.Namespace)
	if len(spaces) >= o.MaxNamespaces {
		return fmt.Errorf("it holds increments of %d namespaces: start once with a larger --max-namespaces", len(spaces)+1)
	}
	if f.instance != "" && !o.InstanceChosen {
		o.InstanceID = f.instance
	}
	if f.instance != o.InstanceID { // another one has other records in Redis
		f.parts = nil
	}
	if counters > 0 {
		o.Logger.Info("the journal holds increments that Redis has not acknowledged; they go there now", "counters", counters, "instance_id", f.instance)
	}
	return nil
}

// String tells patterns with the same paces from others.
func (ps *patterns) String() string {
	var b strings.Builder
	for i, p := range ps.list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.glob)
		if p.prefix {
			b.WriteByte('*')
		}
		if p.pace > 0 {
			fmt.Fprintf(&b, "(pace %d)", p.pace)
		}
	}
	return b.String()
}

// attach begins to journal, with the engine made and nothing accepted yet, and has
// everything in the journal taken up by its partitions.
func (j *journaling) attach(e *Engine) {
	j.e = e
	j.introduce(true)
	var held []partitionName
	for name, p := range j.found.parts {
		if p.holds() {
			held = append(held, name)
		}
	}
	for _, name := range held {
		if name.family == Ordinary {
			_, _ = e.ordinaryOf(place{name.db, name.pace})
		} else {
			_, _ = e.partitions(name.family, []byte(name.namespace))
		}
	}
	j.stateAll()
	go j.keep()
}

// join puts a new partition in the journal, with what that says of it. Its flusher
// does not run yet.
func (p *partition) join(name partitionName) {
	j := p.e.journal
	if j == nil || !p.family.Lax() {
		return
	}
	p.trail.name = name
	j.mu.Lock()
	found := j.found.parts[name]
	delete(j.found.parts, name)
	j.mu.Unlock()
	if found == nil {
		p.trail.run = p.run
		return
	}
	t := &p.trail
	t.run, t.applied, t.sent, t.step = found.run, found.applied, found.sent, found.step
	p.run, p.applied = found.run, found.applied
	p.replayed.Store(true)
	if found.sent != 0 {
		p.applied = found.sent - 1
		p.restoring = found.step
	}
	now := p.e.now()
	if found.begun {
		p.takeUpBatch(found, now)
	}
	for name, c := range found.cells {
		cell := p.replayCell(name, c.pending, now)
		cell.pending = c.pending.ch
		p.enqueueLocked(cell)
	}
	p.flushTo = p.entered // before anything else
}

// takeUpBatch has the batch in flight that Redis may have applied.
func (p *partition) takeUpBatch(found *foundPart, now int64) {
	r := &round{write: true, unsure: true, replayed: true, was: found.ops}
	if found.clear {
		r.was, r.clears, r.ops = nil, true, []*opReq{{kind: opGet, name: "-"}}
	}
	for _, item := range found.batch {
		c := p.replayCell(item.c.name, item.kept, now)
		c.sent = item.ch
		if found.clear {
			r.cleared = append(r.cleared, c)
		} else {
			r.carried = append(r.carried, carried{c: c, ch: item.ch, epoch: item.epoch, slice: item.slice})
		}
	}
	if p.family == Ordinary {
		expiringFirst(r.carried) // as it was sent
	}
	p.flight, p.busy = r, true
	p.entered, p.popped, p.passTo, r.popped = 1, 1, 1, 1 // who waits for all waits for it
	p.inAir.Store(now)
	p.trail.batch = true
	p.trail.since.Store(1) // before any segment of this process, so that it is stated anew
}

// replayCell is the cell of a counter with something to replay. It has to be loaded
// before it is answered.
func (p *partition) replayCell(name string, k kept, now int64) *cell {
	c, made := p.shardOf(hash([]byte(name))).cellLocked([]byte(name))
	if made {
		c.epoch, c.base.Mine = k.epoch, k.slice
		p.gained(1)
		p.dirty.Add(1)
		p.e.pending.Add(1)
		p.since.Store(now)
	}
	return c
}

// ErrStaleJournal matches, by errors.Is, an error that says that the journal is older
// than what Redis has of this instance.
var ErrStaleJournal = errors.New("engine: the journal is older than Redis")

// errStale is an Error that is ErrStaleJournal.
type errStale struct{ text Error }

func (e *errStale) Error() string { return e.text.Error() }

func (e *errStale) Is(target error) bool { return target == ErrStaleJournal }

// As makes it an *Error for whoever asks for one.
func (e *errStale) As(target any) bool {
	into, ok := target.(**Error)
	if ok {
		*into = &e.text
	}
	return ok
}

// stale is the error of a partition of whose batches Redis knows one, last, that the
// journal does not know: it is an old copy, or its end was lost with the machine, or
// could not be written. Which of its increments Redis has cannot be told then.
func (p *partition) stale(last uint64) error {
	err := &errStale{Error{"ERR", fmt.Sprintf(
		"distkit: the journal %s is older than Redis: it ends before batch %d of this instance's %s, which Redis has applied, so that it cannot be told which of its increments Redis has",
		p.e.opts.Journal, last, p.trail.name)}}
	p.e.journal.stale.Store(err)
	return err
}

// checkGap is what to make of a record in Redis that is not where it should be when
// number was sent: nil if Redis has lost something, an error if the journal has.
func (p *partition) checkGap(number uint64, payload string) error {
	if last, err := strconv.ParseUint(payload, 10, 64); p.replayed.Load() && err == nil && last > number {
		return p.stale(last)
	}
	return nil
}

// checkAnswer is what to make of the answer to a round: an error if Redis has seen a
// batch that was never sent.
func (p *partition) checkAnswer(r *round, status string) error {
	if !r.write || !p.replayed.Load() {
		return nil
	}
	if status == "seen" && !r.unsure {
		return p.stale(p.applied + 1)
	}
	p.replayed.Store(false)
	return nil
}

// fromBefore reports whether the answer to a round is about a batch that Redis had
// applied before this process began. This instance may have been buried since, and what
// Redis says of its counters then lacks what is still to be moved back: they have to be
// loaded before they are answered.
func (r *round) fromBefore(out *answer) bool { return r.replayed && out.status == "seen" }

// settleReplayedClear ends a CLEAR or CLEARI that was on its way when the process
// before ended. It is not repeated: in its place a GET took its number, unless Redis
// had carried it out, and then its payload is empty. Only then is void what it carried.
func (p *partition) settleReplayedClear(r *round, out answer) {
	done := out.status == "seen" && out.payload == ""
	p.batchEnded(out.status != "idle", nil, !done)
	for _, c := range r.cleared {
		if !done {
			p.returnCell(c)
			continue
		}
		s := p.shardOfCell(c)
		s.mu.Lock()
		c.acknowledge()
		p.cleanedLocked(c)
		s.mu.Unlock()
	}
}

// CheckJournal waits until Redis has answered the first batch of whatever is replayed,
// or does not answer. Where the journal turns out to be older than Redis that is an
// error that says so.
func (e *Engine) CheckJournal(ctx context.Context) error {
	if e.journal == nil {
		return nil
	}
	for _, p := range e.live() {
		for {
			done := p.rounds.next()
			if stale := e.journal.stale.Load(); stale != nil {
				return stale
			}
			if !p.replayed.Load() || p.away.Load() || p.dirty.Load() == 0 {
				break
			}
			select {
			case <-done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}
