package engine

import (
	"encoding/binary"
	"errors"
)

// A record of the journal begins with a varint: a number in the segment's table of
// counters or of partitions, times 16, plus the record's kind. Both tables are
// filled by the records that define, in order, from 0.
type recordKind byte

const (
	// Of a counter.
	recAddOne  recordKind = iota // 1 was added to what is pending
	recAdd                       // delta
	recPending                   // a kept: what is pending now, whatever it was
	recVoid                      // what is pending is void
	recTake                      // a kept: what was pending is in its partition's batch, behind the others
	recFlight                    // a kept: the same, but what is pending stays as it is
	// Of a partition.
	recBegin // a new batch, empty so far
	recOp    // the batch has an operation; a byte for its kind, and the counter's name if the operation voids
	recSend  // the batch goes to Redis with a number; or a restoring step does. A byte: 1 for that; the number
	recEnd   // the batch has ended. A byte: how; how many counters were given back, and which (their places in it)
	recRun   // run; the last number used up: and nothing is on its way
	// That define.
	recPartition // number 0. family, namespace, index, of how many, database, pace; run, the last number used up; and as in recSend, with number 0 if nothing is on its way
	recCell      // number of the partition. name
	recInstance  // number 0. A byte: 1 if a process begins; instance, patterns
)

// kept is what the journal keeps of a counter: a change, and what it was made under.
type kept struct {
	ch           change
	epoch, slice int64
}

// Which parts of a kept are there.
const (
	keptSet = 1 << iota
	keptV
	keptD
	keptEpoch
	keptSlice
)

func appendHead(b []byte, number uint32, kind recordKind) []byte {
	return binary.AppendUvarint(b, uint64(number)<<4|uint64(kind))
}

func appendKept(b []byte, k kept) []byte {
	at := len(b)
	b = append(b, 0)
	if k.ch.set {
		b[at] |= keptSet
	}
	for i, n := range [...]int64{k.ch.v, k.ch.d, k.epoch, k.slice} {
		if n != 0 {
			b[at] |= keptV << i
			b = binary.AppendVarint(b, n)
		}
	}
	return b
}

func appendFlag(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendOp(b []byte, number uint32, kind opKind, name string) []byte {
	b = append(appendHead(b, number, recOp), byte(kind))
	if kind.voids() {
		b = appendText(b, name)
	}
	return b
}

func appendEnd(b []byte, number uint32, used bool, back []int, all bool) []byte {
	how := byte(0)
	if used {
		how |= endUsed
	}
	if all {
		how |= endAllBack
	}
	b = append(appendHead(b, number, recEnd), how)
	b = binary.AppendUvarint(b, uint64(len(back)))
	for _, i := range back {
		b = binary.AppendUvarint(b, uint64(i))
	}
	return b
}

func appendSend(b []byte, number uint32, step bool, sent uint64) []byte {
	return binary.AppendUvarint(appendFlag(appendHead(b, number, recSend), step), sent)
}

func appendPartition(b []byte, t *trail) []byte {
	b = appendHead(b, 0, recPartition)
	b = append(b, byte(t.name.family))
	b = appendText(b, t.name.namespace)
	for _, n := range [...]int{t.name.index, t.name.of, t.name.db, t.name.pace} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(appendText(b, t.run), t.applied)
	return binary.AppendUvarint(appendFlag(b, t.step), t.sent)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// errRecord is of a record that makes no sense: it was written by something else.
var errRecord = errors.New("a record that makes no sense")

// reader takes records apart. After an error it gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) kept() (k kept) {
	flags := r.byte()
	k.ch.set, k.ch.has = flags&keptSet != 0, true
	for i, into := range [...]*int64{&k.ch.v, &k.ch.d, &k.epoch, &k.slice} {
		if flags&(keptV<<i) != 0 {
			*into = r.varint()
		}
	}
	return k
}

func (r *reader) fail() { r.b, r.bad = nil, true }
