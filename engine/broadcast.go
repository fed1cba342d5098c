package engine

import "sync"

// broadcast wakes everybody who waits for the next event. The zero value is
// ready. Safe for concurrent use.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{} // guarded by mu; nil while nobody waits
}

// next returns a channel that is closed by the next fire. Take it before
// checking the condition that fire announces, or under a lock that whoever
// fires has to take first.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// fire wakes all who hold a channel from next.
func (b *broadcast) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
