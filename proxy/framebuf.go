package proxy

import "math/bits"

// sliceSize is the memory of a slice's header.
const sliceSize = 24

// Remainders of commands while the client is waited for. Up to maxPark they are
// moved to a buffer of their size. Those up to maxRepark come back to a pooled
// one for every read and are moved again: that is a copy of a few hundred
// nanoseconds at most. Longer ones are read on where they are until there is no
// room, so that a client that sends byte by byte has each byte moved a few times
// in all.
const (
	minPark   = 64
	maxPark   = bufferSize / 2
	maxRepark = 1 << 10
)

// marksKept is the room for that many arguments' ends that an idle client keeps.
const marksKept = 64

// bigReads is how many reads that brought little make the next ones small: a
// pipeline's last piece is short, too.
const bigReads = 16

// space returns room for more bytes; commit says how many came. Requests handed
// out before are void.
func (f *framer) space() []byte {
	held := len(f.buf) - f.start
	switch {
	case f.buf == nil:
		f.buf = f.lend(held)
	case f.much > 0 && cap(f.buf) < bufferSize:
		f.move(f.bufs.get())
	case cap(f.buf) > bufferSize:
		// Out of a buffer that was grown for one command.
		if held <= bufferSize/2 && f.need() <= bufferSize {
			f.move(f.lend(held))
		}
	case cap(f.buf) < smallSize && held <= maxRepark:
		f.move(f.lend(held))
	}
	if f.start > 0 && (held == 0 || cap(f.buf)-len(f.buf) < cap(f.buf)/2) {
		f.move(f.buf)
	}
	if size := f.growth(); size > 0 {
		f.move(f.make(size))
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// lend returns a pooled buffer with room beside so many bytes.
func (f *framer) lend(held int) []byte {
	if f.much > 0 || held > maxRepark {
		return f.bufs.get()
	}
	return f.bufs.getSmall()
}

func (f *framer) make(size int) []byte {
	if size == bufferSize {
		return f.bufs.get()
	}
	return make([]byte, 0, size)
}

// growth is the size of the buffer that space will have to make because the
// command does not fit the one it is in; 0: none. It is what may become much.
func (f *framer) growth() int {
	if f.buf == nil || len(f.buf)-f.start < cap(f.buf) {
		return 0
	}
	if cap(f.buf) < bufferSize {
		return bufferSize
	}
	size := 2 * cap(f.buf)
	if need := f.need(); need > cap(f.buf) && need < size {
		size = need
	}
	return size
}

// need is the number of bytes that the command being framed is known to have.
func (f *framer) need() int {
	if f.state == wantBulk {
		return f.pos + f.bulk + 2 - f.start
	}
	return len(f.buf) - f.start
}

// move puts the bytes held at the front of to, which may be the buffer itself.
func (f *framer) move(to []byte) {
	old, n := f.buf, f.start
	f.buf = append(to[:0], old[n:]...)
	f.start, f.line, f.pos = 0, f.line-n, f.pos-n
	if cap(old) == cap(f.buf) {
		return
	}
	if cap(old) <= maxRepark {
		f.park = old
	}
	f.bufs.put(old)
}

// commit adds n bytes that were read into space.
func (f *framer) commit(n int) {
	room := cap(f.buf) - len(f.buf)
	switch {
	case n == room:
		f.much = bigReads
	case n < smallSize/2:
		f.much = max(0, f.much-1)
	}
	f.buf = f.buf[:len(f.buf)+n]
	if cap(f.buf) > smallSize && len(f.buf)-f.start < smallSize/2 {
		f.move(f.bufs.getSmall()) // it may be a command that blocks for long
	}
}

// release gives back what is not needed while the client is waited for: the
// buffer if it holds nothing, and most of it if it holds little. Requests handed
// out before are void.
func (f *framer) release() {
	held := len(f.buf) - f.start
	if held == 0 {
		if f.buf != nil {
			f.bufs.put(f.buf)
		}
		f.buf, f.park, f.start, f.line, f.pos = nil, nil, 0, 0, 0
		if cap(f.marks) > 2*marksKept {
			f.marks = nil
		}
		return
	}
	if held > maxPark || cap(f.buf) < smallSize {
		return
	}
	if size := max(minPark, 1<<bits.Len(uint(held))); size < cap(f.buf) {
		if cap(f.park) < size {
			f.park = make([]byte, 0, size)
		}
		to := f.park
		f.park = nil
		f.move(to)
	}
}

// drop gives the buffer back whatever it holds; the framer is of no more use.
func (f *framer) drop() {
	f.start = len(f.buf)
	f.release()
	f.marks = nil
}

// footprint is the memory that the framer holds, in bytes.
func (f *framer) footprint() int {
	return cap(f.buf) + cap(f.park) + 8*cap(f.marks) + f.loose
}
