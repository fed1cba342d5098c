package proxy

import "sync"

// Sizes of pooled buffers.
const (
	// bufferSize is that of a write, and of a read from who sends much.
	bufferSize = 64 << 10
	// smallSize is that of a read from who sends little, and of its replies.
	smallSize = 2 << 10
)

// bufferPool lends buffers of bufferSize and of smallSize. Safe for concurrent
// use; the zero value is ready.
type bufferPool struct {
	pool  sync.Pool // of *[bufferSize]byte
	small sync.Pool // of *[smallSize]byte
}

// get returns an empty slice with a capacity of bufferSize.
func (p *bufferPool) get() []byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, bufferSize)
}

// getSmall returns an empty slice with a capacity of smallSize.
func (p *bufferPool) getSmall() []byte {
	if b, ok := p.small.Get().(*[smallSize]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, smallSize)
}

// put takes a buffer back; one of another size is left to the collector.
func (p *bufferPool) put(b []byte) {
	switch cap(b) {
	case bufferSize:
		p.pool.Put((*[bufferSize]byte)(b[:bufferSize]))
	case smallSize:
		p.small.Put((*[smallSize]byte)(b[:smallSize]))
	}
}
