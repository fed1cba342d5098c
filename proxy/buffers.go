package proxy

import "sync"

// bufferSize is the size of a pooled buffer, and so of a read and of a write.
const bufferSize = 64 << 10

// bufferPool lends buffers of bufferSize. Safe for concurrent use; the zero
// value is ready.
type bufferPool struct {
	pool sync.Pool // of *[bufferSize]byte
}

// get returns an empty slice with a capacity of bufferSize.
func (p *bufferPool) get() []byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, bufferSize)
}

// put takes a buffer back; one of another size is left to the collector.
func (p *bufferPool) put(b []byte) {
	if cap(b) == bufferSize {
		p.pool.Put((*[bufferSize]byte)(b[:bufferSize]))
	}
}
