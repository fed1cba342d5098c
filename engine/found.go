package engine

import (
	"fmt"

	"github.com/distkit/distkit-proxy/engine/journal"
)

// partitionName is what tells a partition from others, from start to start.
type partitionName struct {
	family    Family
	namespace string
	index, of int // among the partitions of namespace and family
	db, pace  int // of ordinary keys
}

func (n partitionName) String() string {
	if n.family == Ordinary {
		return fmt.Sprintf("ordinary keys of database %d", n.db)
	}
	return fmt.Sprintf("%s %s", n.namespace, n.family)
}

// found is what a journal says when all of it is read.
type found struct {
	instance string
	patterns string // of ordinary keys, as they were matched
	parts    map[partitionName]*foundPart

	segment uint64 // that the following numbers are of
	byID    []*foundPart
	cells   []*foundCell
}

// foundPart is what it says of a partition.
type foundPart struct {
	name    partitionName
	run     string
	applied uint64
	sent    uint64
	step    bool

	cells map[string]*foundCell
	begun bool // there is a batch
	batch []foundItem
	ops   []*opReq
	clear bool
}

type foundCell struct {
	part    *foundPart
	name    string
	pending kept // if its change has something
}

type foundItem struct {
	c *foundCell
	kept
}

func newFound() *found { return &found{parts: make(map[partitionName]*foundPart)} }

// read takes in a block.
func (f *found) read(block journal.Block) error {
	if block.Segment != f.segment {
		f.segment, f.byID, f.cells = block.Segment, nil, nil
	}
	for r := (&reader{b: block.Records}); len(r.b) > 0; {
		f.record(r)
		if r.bad {
			return errRecord
		}
	}
	return nil
}

func (f *found) record(r *reader) {
	head := r.uvarint()
	number := head >> 4
	switch kind := recordKind(head & 15); {
	case kind <= recFlight:
		if number >= uint64(len(f.cells)) {
			r.fail()
			return
		}
		f.cells[number].record(kind, r)
	case kind <= recRun || kind == recCell:
		if number >= uint64(len(f.byID)) {
			r.fail()
			return
		}
		if p := f.byID[number]; kind == recCell {
			f.cells = append(f.cells, p.cell(r.text()))
		} else {
			p.record(kind, r)
		}
	case kind == recPartition:
		f.partition(r)
	case kind == recInstance:
		if r.byte() == 1 {
			f.beginProcess()
		}
		f.instance, f.patterns = r.text(), r.text()
	default:
		r.fail()
	}
}

func (f *found) partition(r *reader) {
	name := partitionName{family: Family(r.byte()), namespace: r.text()}
	for _, into := range [...]*int{&name.index, &name.of, &name.db, &name.pace} {
		n := r.uvarint()
		if n > 1<<31-1 {
			r.fail()
		}
		*into = int(n)
	}
	if name.family > Ordinary || !name.family.Lax() {
		r.fail()
		return
	}
	p := f.parts[name]
	if p == nil {
		p = &foundPart{name: name, cells: make(map[string]*foundCell)}
		f.parts[name] = p
	}
	p.run, p.applied = r.text(), r.uvarint()
	p.step, p.sent = r.byte() == 1, r.uvarint()
	f.byID = append(f.byID, p)
}

func (p *foundPart) cell(name string) *foundCell {
	c := p.cells[name]
	if c == nil {
		c = &foundCell{part: p, name: name}
		p.cells[name] = c
	}
	return c
}

func (c *foundCell) record(kind recordKind, r *reader) {
	switch kind {
	case recAddOne:
		c.add(1)
	case recAdd:
		c.add(r.varint())
	case recPending:
		c.pending = r.kept()
	case recVoid:
		c.pending = kept{}
	case recTake:
		c.part.batch = append(c.part.batch, foundItem{c, r.kept()})
		c.pending = kept{}
	case recFlight:
		c.part.batch = append(c.part.batch, foundItem{c, r.kept()})
	}
}

func (c *foundCell) add(delta int64) {
	c.pending.ch, _ = c.pending.ch.then(change{d: delta, has: true})
}

func (p *foundPart) record(kind recordKind, r *reader) {
	switch kind {
	case recBegin:
		p.forgetBatch()
		p.begun = true
	case recOp:
		op := &opReq{kind: opKind(r.byte())}
		if op.kind.voids() {
			op.name = r.text()
		}
		if op.kind > opClearI {
			r.fail()
		}
		p.clear = p.clear || op.kind >= opClear
		p.ops = append(p.ops, op)
	case recSend:
		p.step, p.sent = r.byte() == 1, r.uvarint()
	case recEnd:
		how := r.byte()
		if !p.step {
			if how&endUsed != 0 {
				p.applied = p.sent
			}
			p.sent = 0
		}
		if how&endAllBack != 0 {
			p.giveAllBack()
		}
		for n := r.uvarint(); n > 0 && !r.bad; n-- {
			if i := r.uvarint(); i < uint64(len(p.batch)) {
				p.batch[i].giveBack()
			} else {
				r.fail()
			}
		}
		p.forgetBatch()
	case recRun:
		p.run, p.applied = r.text(), r.uvarint()
		p.sent, p.step = 0, false
	}
}

func (p *foundPart) forgetBatch() { p.begun, p.batch, p.ops, p.clear = false, nil, nil, false }

func (p *foundPart) giveAllBack() {
	for i := range p.batch {
		p.batch[i].giveBack()
	}
}

// giveBack has a change from the batch pending again.
func (item *foundItem) giveBack() {
	k := item.kept
	k.ch, _ = k.ch.then(item.c.pending.ch)
	item.c.pending = k
}

// beginProcess does what a new process does with what the one before has left: a
// batch that was never sent is none.
func (f *found) beginProcess() {
	for _, p := range f.parts {
		if p.sent == 0 {
			p.giveAllBack()
			p.forgetBatch()
		}
	}
}

// complete ends the reading.
func (f *found) complete() {
	f.byID, f.cells = nil, nil
	f.beginProcess()
	for _, p := range f.parts {
		for name, c := range p.cells {
			if !c.pending.ch.has {
				delete(p.cells, name)
			}
		}
	}
}

// holds reports whether a partition has something that Redis may not have.
func (p *foundPart) holds() bool { return len(p.cells)+len(p.batch) > 0 || p.sent != 0 }
