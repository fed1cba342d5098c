package proxy

import "sync"

// Bounds on what is done at once for one client: a batch ends when it has that
// many commands or arguments, and the next one is made of the bytes after it.
const (
	maxBatch     = 1 << 10
	maxBatchArgs = 4 << 10
	tightBatch   = 64 // in place of maxBatch while the budget is tight
)

// fewCommands is how many commands a small workspace is for, and smallSpace its
// memory at most. Clients that send one by one have a small one, so that
// thousands of them that wait for Redis hold little.
const (
	fewCommands = 8
	smallSpace  = 2 << 10
	largeSpace  = 512 << 10
)

// workspace is what a batch needs beside the bytes that came. Clients that are
// waited for have none: it is pooled.
type workspace struct {
	batch    []request
	arena    [][]byte
	run      []item
	sends    [][]byte
	prefetch [][][]byte
	together together

	small *workspace // in which the batch began: arguments lie there; nil: in none
}

// workspaces is a pool. Safe for concurrent use; the zero value is ready.
type workspaces struct {
	small, large sync.Pool // of *workspace
}

// get returns an empty workspace for fewCommands.
func (p *workspaces) get() *workspace {
	if w, ok := p.small.Get().(*workspace); ok {
		return w
	}
	return new(workspace)
}

// enlarge returns a workspace for more commands with the batch so far.
func (p *workspaces) enlarge(w *workspace) *workspace {
	l, ok := p.large.Get().(*workspace)
	if !ok {
		return w
	}
	l.batch = append(l.batch, w.batch...)
	l.small = w // not given back before: the commands' arguments are slices of its arena
	return l
}

// put takes a workspace back; one that has become too large is left to the collector.
func (p *workspaces) put(w *workspace) {
	if w.small != nil {
		p.put(w.small)
		w.small = nil
	}
	w.clear()
	switch size := w.footprint(); {
	case size <= smallSpace:
		p.small.Put(w)
	case size <= largeSpace:
		p.large.Put(w)
	}
}

// clear drops the batch: it points into buffers that will be another's.
func (w *workspace) clear() {
	clear(w.batch)
	clear(w.arena)
	w.batch, w.arena = w.batch[:0], w.arena[:0]
	w.clearRun()
	clear(w.prefetch)
	w.prefetch = w.prefetch[:0]
}

// clearRun drops the run.
func (w *workspace) clearRun() {
	clear(w.run)
	clear(w.sends)
	w.run, w.sends = w.run[:0], w.sends[:0]
	w.together.clear()
}

// footprint is the memory that it takes, in bytes.
func (w *workspace) footprint() int {
	const request, item, sum = 56, 112, 32 + 40
	size := request*cap(w.batch) + item*cap(w.run) + sliceSize*(cap(w.arena)+cap(w.sends)+cap(w.prefetch)) + sum*cap(w.together.adds)
	if w.small != nil {
		size += w.small.footprint()
	}
	return size
}
