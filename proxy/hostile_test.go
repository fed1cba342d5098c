package proxy

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"testing"

	"github.com/distkit/distkit-proxy/proxy/hostile"
)

// splits are the places to cut an input at: every one, or for a long one those
// near its ends and a few between. Of those derived from others there are
// thousands, so they count as long soon.
func splits(n int, derived bool) []int {
	near, between := 200, 20
	switch {
	case n > 2*maxLine:
		near, between = 3, 2
	case n > 4096:
		near, between = 10, 5
	case derived:
		near, between = 12, 12
	}
	var at []int
	for i := 1; i < n; i++ {
		if i <= near || i >= n-near || n < 3*near || i%(n/between) == 0 {
			at = append(at, i)
		}
	}
	return at
}

// stepsPer bounds what the framer does for what it is sent, and
// allocatedPer what it allocates for a byte: a line of one argument of one
// byte is made an array, which is a slice, an argument and their bytes.
const (
	stepsPer     = 3
	allocatedPer = 120
)

// reading counts what a framer is given, and sums up what it hands out.
type reading struct {
	fr    framer
	bytes uint64
	reads uint64

	requests int
	len      [binary.MaxVarintLen64]byte
	sum      maphash.Hash // of the requests, their arguments kept apart
}

func newReading(limits Limits, pool *bufferPool, seed maphash.Seed) *reading {
	r := &reading{fr: newFramer(limits, pool)}
	r.fr.trusted = true
	r.sum.SetSeed(seed)
	return r
}

func (r *reading) feed(pieces ...[]byte) *reading {
	for _, piece := range pieces {
		for len(piece) > 0 && r.fr.err == "" {
			n := copy(r.fr.space(), piece)
			r.fr.commit(n)
			piece = piece[n:]
			r.bytes, r.reads = r.bytes+uint64(n), r.reads+1
			r.take()
			r.fr.release()
		}
	}
	return r
}

func (r *reading) take() {
	for {
		req, _, ok := r.fr.next(nil)
		if !ok {
			return
		}
		r.requests++
		for _, part := range append(req.args, req.raw) {
			r.sum.Write(binary.AppendUvarint(r.len[:0], uint64(len(part))))
			r.sum.Write(part)
		}
	}
}

// same checks that two readings came to the same.
func (r *reading) same(t *testing.T, whole *reading, how string) {
	t.Helper()
	if r.requests != whole.requests || r.sum.Sum64() != whole.sum.Sum64() || r.fr.err != whole.fr.err {
		t.Errorf("%s: %d commands and %q, whole: %d and %q", how, r.requests, r.fr.err, whole.requests, whole.fr.err)
	}
}

func (r *reading) check(t *testing.T, name string) {
	if most := stepsPer * (r.bytes + r.reads); r.fr.steps > most {
		t.Errorf("%s: %d steps for %d bytes in %d reads, more than %d", name, r.fr.steps, r.bytes, r.reads, most)
	}
}

// Whatever comes, and however it is cut, the framer hands out the same and looks
// at each byte a few times at most.
func TestFramerOnHostileInput(t *testing.T) {
	pool, seed := new(bufferPool), maphash.MakeSeed()
	all := hostile.Requests()
	var worst float64
	ways := 0
	for _, in := range all {
		run := func(how string, pieces ...[]byte) *reading {
			r := newReading(Limits{}, pool, seed).feed(pieces...)
			r.check(t, in.Name+how)
			r.fr.drop()
			worst = max(worst, float64(r.fr.steps)/float64(r.bytes+r.reads))
			ways++
			return r
		}
		whole := run("", in.Bytes)
		for _, at := range splits(len(in.Bytes), in.Derived) {
			run(" cut", in.Bytes[:at], in.Bytes[at:]).same(t, whole, fmt.Sprintf("%s cut at %d", in.Name, at))
			if t.Failed() {
				return
			}
		}
		if n := len(in.Bytes); n < 2*maxLine {
			size := 1 + n/4096 // byte by byte, or in as many pieces as show what grows with their square
			run(" in pieces", slices.Collect(slices.Chunk(in.Bytes, size))...).same(t, whole, in.Name+" in pieces")
		}
	}
	t.Logf("%d inputs in %d ways, at most %.2f steps per byte and read", len(all), ways, worst)
}

// A header promises, and a byte allocates, no more than its share.
func TestFramerAllocatesInProportion(t *testing.T) {
	var worst float64
	for _, in := range hostile.Requests() {
		if in.Derived {
			continue
		}
		pool := new(bufferPool)
		f := newFramer(Limits{}, pool)
		f.trusted = true
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for rest := in.Bytes; len(rest) > 0 && f.err == ""; {
			n := copy(f.space(), rest)
			f.commit(n)
			rest = rest[n:]
			for ok := true; ok; {
				_, _, ok = f.next(nil)
			}
		}
		runtime.ReadMemStats(&after)
		got, most := after.TotalAlloc-before.TotalAlloc, uint64(3*bufferSize+allocatedPer*len(in.Bytes))
		if got > most {
			t.Errorf("%s: %d bytes allocated for %d, more than %d", in.Name, got, len(in.Bytes), most)
		}
		worst = max(worst, float64(got)/float64(len(in.Bytes)+3*bufferSize))
	}
	t.Logf("at most %.1f bytes allocated per byte beyond the buffers", worst)
}

// What a broken or hostile Redis may send is refused or passed on in pieces,
// with no more held than the depth of its nesting.
func TestReplyFramerOnHostileInput(t *testing.T) {
	for _, in := range hostile.Replies() {
		for _, at := range append(splits(len(in.Bytes), in.Derived), len(in.Bytes)) {
			var f replyFramer
			var err error
			turns, given := 0, 0
			for _, piece := range [][]byte{in.Bytes[:at], in.Bytes[at:]} {
				for len(piece) > 0 && err == nil {
					n, done := 0, false
					if n, done, err = f.scan(piece); done {
						f.reset()
					}
					turns++
					given += n
					piece = piece[n:]
				}
			}
			if (err != nil) != (in.Begins == hostile.Refused) {
				t.Errorf("%s cut at %d: error %v, want %q", in.Name, at, err, in.Begins)
			}
			if len(f.stack) > maxReplyDepth || turns > given+2 {
				t.Errorf("%s: %d levels and %d turns for %d bytes", in.Name, len(f.stack), turns, given)
			}
		}
	}
}
