package engine

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/distkit/distkit-proxy/engine/journal"
)

// journaling writes what is accepted, and what becomes of it, to a journal.
//
// The log is in order: what a client was told is in it before a batch that takes it,
// and the batch with its number before the script is sent. So a process that is
// killed leaves a log from which the next one knows, for every counter, what is
// pending and, for every partition, what was in the batch that Redis may have
// applied; it sends that again with its number and goes on from there.
//
// The log's lock, between begin and end, is the innermost: a shard may be locked.
type journaling struct {
	log  *journal.Log
	e    *Engine       // fixed before anything is accepted
	wake chan struct{} // capacity 1: the keeper has something to look at
	stop chan struct{}
	done chan struct{} // closed when the keeper has ended

	least int64 // how large a segment becomes at least, in bytes

	// The log's lock guards the following fields, and trail and jid of partitions and cells.
	segment uint64       // that the numbers are of
	cells   []*cell      // by number
	parts   []*partition // by number

	mu    sync.Mutex
	found *found // what is left to be replayed; guarded by mu

	keeping keeping // owned by the keeper

	accepted atomic.Uint64            // increments
	stale    atomic.Pointer[errStale] // found out of a partition
}

// trail is what the journal says of a partition.
type trail struct {
	name    partitionName // fixed once the partition is made
	number  uint32        // in the segment's table
	run     string
	applied uint64 // the last number used up
	sent    uint64 // the number on its way; 0: none
	step    bool   // it is a restoring step's
	batch   bool   // there is a batch
	told    bool   // … and its operations are known

	// since is the segment from which on the batch is in the log; 0: there is none.
	// It is changed under the log's lock alone.
	since atomic.Uint64
}

func (j *journaling) begin() []byte {
	b := j.log.Begin()
	if segment := j.log.Segment(); segment != j.segment {
		j.segment = segment
		clear(j.cells)
		clear(j.parts)
		j.cells, j.parts = j.cells[:0], j.parts[:0]
	}
	return b
}

func (j *journaling) end(b []byte) uint64 { return j.log.End(b) }

// name makes sure that the segment's table has a partition.
func (j *journaling) name(b []byte, p *partition) []byte {
	t := &p.trail
	if int(t.number) < len(j.parts) && j.parts[t.number] == p {
		return b
	}
	t.number = uint32(len(j.parts))
	j.parts = append(j.parts, p)
	return appendPartition(b, t)
}

// nameCell makes sure that the segment's table has a counter.
func (j *journaling) nameCell(b []byte, p *partition, c *cell) []byte {
	if int(c.jid) < len(j.cells) && j.cells[c.jid] == c {
		return b
	}
	b = j.name(b, p)
	c.jid = uint32(len(j.cells))
	j.cells = append(j.cells, c)
	return appendText(appendHead(b, p.trail.number, recCell), c.name)
}

// added notes that a delta was accepted. The cell's shard is locked.
func (j *journaling) added(p *partition, c *cell, delta int64) {
	b := j.nameCell(j.begin(), p, c)
	switch {
	case p.family != LaxPlain && c.pending.d == delta:
		// It may be the first: then it says under what it was made, too.
		b = appendKept(appendHead(b, c.jid, recPending), kept{c.pending, c.epoch, c.base.Mine})
	case delta == 1:
		b = appendHead(b, c.jid, recAddOne)
	default:
		b = binary.AppendVarint(appendHead(b, c.jid, recAdd), delta)
	}
	j.accepted.Add(1)
	j.end(b)
}

// sliceSet notes that a SETI was accepted. The cell's shard is locked.
func (j *journaling) sliceSet(p *partition, c *cell) {
	j.accepted.Add(1) // before it is in the log, so that who is told of it waits for it
	j.stated(p, c)
}

// stated notes what is pending of a counter. The cell's shard is locked.
func (j *journaling) stated(p *partition, c *cell) {
	b := j.nameCell(j.begin(), p, c)
	if c.pending.has {
		b = appendKept(appendHead(b, c.jid, recPending), kept{c.pending, c.epoch, c.base.Mine})
	} else {
		b = appendHead(b, c.jid, recVoid)
	}
	j.end(b)
}

// taken notes that what was pending of a counter is in the partition's batch. The
// cell's shard is locked.
func (j *journaling) taken(p *partition, c *cell) {
	b := j.name(j.begin(), p)
	if !p.trail.batch {
		b = j.newBatch(b, p)
	}
	b = j.nameCell(b, p, c)
	b = appendKept(appendHead(b, c.jid, recTake), kept{c.sent, c.epoch, c.base.Mine})
	j.end(b)
}

// newBatch notes that a batch begins.
func (j *journaling) newBatch(b []byte, p *partition) []byte {
	p.trail.batch, p.trail.told = true, false
	p.trail.since.Store(j.segment)
	return appendHead(b, p.trail.number, recBegin)
}

// sending notes that a round's batch goes to Redis with a number, and returns when
// that is on the disk, as far as the journal's policy wants it there: Redis must not
// know of a batch of which the journal does not. Only the flusher calls it.
func (j *journaling) sending(p *partition, r *round, number uint64) {
	t := &p.trail
	b := j.name(j.begin(), p)
	if !t.batch { // of operations alone
		b = j.newBatch(b, p)
	}
	b = j.tellOps(b, p, r)
	if t.sent != number || t.step {
		t.sent, t.step = number, false
		b = appendSend(b, t.number, false, number)
	}
	// Where it fails, Redis gets what is pending nevertheless: see keeper.
	_ = j.log.Sync(j.end(b))
}

// tellOps notes the operations of a round.
func (j *journaling) tellOps(b []byte, p *partition, r *round) []byte {
	t := &p.trail
	if t.told {
		return b
	}
	t.told = true
	for _, op := range append(r.was[:len(r.was):len(r.was)], r.ops...) {
		b = appendOp(b, t.number, op.kind, op.name)
	}
	if r.clear != nil || r.clears {
		b = appendOp(b, t.number, opClear, "")
	}
	return b
}

// keepUp says all of a round's batch anew if it began in an older segment, so that
// that one can go. Only the flusher calls it.
func (j *journaling) keepUp(p *partition, r *round) {
	t := &p.trail
	b := j.begin()
	if since := t.since.Load(); since != 0 && since < j.segment {
		b = j.newBatch(j.name(b, p), p)
		for _, item := range r.carried {
			b = j.nameCell(b, p, item.c)
			b = appendKept(appendHead(b, item.c.jid, recFlight), kept{item.ch, item.epoch, item.slice})
		}
		for _, c := range r.cleared {
			b = j.nameCell(b, p, c)
			b = appendKept(appendHead(b, c.jid, recFlight), kept{ch: c.sent})
		}
		b = j.tellOps(b, p, r)
	}
	j.end(b)
}

// stepping is sending for a restoring step.
func (j *journaling) stepping(p *partition, number uint64) {
	t := &p.trail
	b := j.name(j.begin(), p)
	if t.sent != number || !t.step {
		t.sent, t.step = number, true
		b = appendSend(b, t.number, true, number)
	}
	_ = j.log.Sync(j.end(b))
}

// ran notes which run a partition is in and the last number used up in it, with
// nothing on its way.
func (j *journaling) ran(p *partition, run string, applied uint64) {
	t := &p.trail
	b := j.name(j.begin(), p)
	t.run, t.applied, t.sent, t.step = run, applied, 0, false
	b = binary.AppendUvarint(appendText(appendHead(b, t.number, recRun), run), applied)
	j.end(b)
}

// How a batch has ended, in recEnd.
const (
	endUsed    = 1 << iota // its number is used up
	endAllBack             // every change in it is pending again
)

// batchEnded notes that the partition's batch, if there is one, has ended. used: its
// number is used up. back are the places of the counters whose change is pending
// again, all: every one's is.
func (p *partition) batchEnded(used bool, back []int, all bool) {
	j := p.journal()
	if j == nil {
		return
	}
	t := &p.trail
	b := j.begin()
	if t.batch {
		b = appendEnd(j.name(b, p), t.number, used, back, all)
		if !t.step {
			if used {
				t.applied = t.sent
			}
			t.sent = 0
		}
		t.batch = false
		t.since.Store(0)
	}
	j.end(b)
}

// givenBack are the places in a round of the counters whose change Redis has refused
// and nothing has made void.
func (r *round) givenBack(out *answer, void map[string]bool) (back []int) {
	for i := range r.carried {
		if out.refused[i+1] != nil && !void[r.carried[i].c.name] {
			back = append(back, i)
		}
	}
	return back
}

// journal is where the partition's changes are kept, or nil.
func (p *partition) journal() *journaling {
	if !p.family.Lax() {
		return nil
	}
	return p.e.journal
}

// ran notes which run the partition is in and the last number used up in it.
func (p *partition) ran() {
	if j := p.journal(); j != nil {
		j.ran(p, p.run, p.applied)
	}
}

// Mark is a moment: Commit asks whether anything was accepted since. 0 is before all.
// It costs next to nothing.
func (e *Engine) Mark() uint64 {
	if e.journal == nil {
		return 0
	}
	return e.journal.accepted.Load()
}

// Commit returns when every increment accepted since a mark is in the system's hands,
// or on the disk if the journal is synced always; at once if there is none, or no
// journal. With an error they may be lost with the process: nobody may be told that
// they were accepted.
func (e *Engine) Commit(mark uint64) error {
	j := e.journal
	if j == nil || j.accepted.Load() == mark {
		return nil
	}
	j.rouse()
	return j.log.Flush()
}

// Journaled reports whether there is a journal, so that Commit means something.
func (e *Engine) Journaled() bool { return e.journal != nil }

// unkept reports whether what is accepted now could not be kept.
func (e *Engine) unkept() bool { return e.journal != nil && e.journal.log.Failing() }
