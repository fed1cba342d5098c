package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Log is a log that is open. Make one with Open. Safe for concurrent use.
type Log struct {
	// Fixed after Open.
	opts      Options
	lock      *os.File
	Recovered Recovered
	wake      chan struct{} // capacity 1: something is unsynced
	stop      chan struct{} // closed by Close
	stopped   chan struct{} // closed when the syncing has ended

	mu sync.Mutex
	// mu guards the following fields.
	done     sync.Cond // a write has ended
	buf      []byte    // what is appended and not taken by a write, behind room for a header
	spare    []byte    // for the next buf
	appended uint64    // the position behind buf
	pushed   uint64    // the position up to which a write has ended
	writing  bool      // one is under way, and nobody else may touch the files
	cur      *output   // where the next write goes
	switches uint64    // how often it has become another one
	older    []*output // segments before it, oldest first
	healing  bool      // cur was begun after a failure, and is not whole yet
	// forgotten: what was before the failure is gone, as nobody needs it.
	forgotten bool
	err       error // why nothing can be written; nil: it can
	closed    bool

	syncing sync.Mutex // held by whoever syncs; before mu

	// Shared and safe.
	written atomic.Uint64 // the position up to which Commit is content
	synced  atomic.Uint64 // … and Sync
	failing atomic.Bool
	failed  atomic.Uint64 // how often it began to fail
	size    atomic.Int64
	files   atomic.Int64
	bytes   atomic.Uint64
	lastly  atomic.Int64 // when the last sync ended, in ns since 1970
}

// output is a segment as it is written.
type output struct {
	number uint64
	path   string
	file   File // nil: of an earlier process
	size   atomic.Int64
	dirty  atomic.Bool // something in it is not synced
}

// Open locks a directory, hands replay every block of it in order, and begins a
// new segment behind them. An error of replay ends it. What replay is given is
// its own.
func Open(opts Options, replay func(Block) error) (_ *Log, err error) {
	if opts.Every == 0 {
		opts.Every = 100 * time.Millisecond
	}
	if opts.Create == nil {
		opts.Create = createFile
	}
	l := &Log{opts: opts, wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	l.done.L = &l.mu
	l.switches = 1
	l.buf = make([]byte, prefix)
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, wrap(opts.Dir, err)
	}
	if l.lock, err = lock(filepath.Join(opts.Dir, lockName)); err != nil {
		return nil, wrap(opts.Dir, err)
	}
	defer func() {
		if err != nil {
			l.lock.Close()
		}
	}()
	found, err := recoverDir(opts.Dir)
	if err != nil {
		return nil, wrap(opts.Dir, err)
	}
	for _, s := range found.segments {
		path := filepath.Join(opts.Dir, segmentName(s.number))
		for _, b := range s.blocks {
			if err := replay(Block{Segment: s.number, Records: b.records}); err != nil {
				return nil, wrap(opts.Dir, fmt.Errorf("%s: offset %d: %w", path, b.offset, err))
			}
		}
	}
	if err := l.adopt(found); err != nil {
		return nil, wrap(opts.Dir, err)
	}
	if _, err := l.Rotate(); err != nil {
		return nil, wrap(opts.Dir, err)
	}
	go l.keepSynced()
	return l, nil
}

func wrap(dir string, err error) error { return fmt.Errorf("journal %q: %w", dir, err) }

// adopt takes over what an earlier process has left: it cuts off what is torn,
// so that a segment may follow, and removes what nobody needs.
func (l *Log) adopt(found *recovery) error {
	l.Recovered = found.Recovered
	for _, n := range append(found.behind, found.before...) {
		if err := os.Remove(filepath.Join(l.opts.Dir, segmentName(n))); err != nil {
			return err
		}
	}
	for _, s := range found.segments {
		o := &output{number: s.number, path: filepath.Join(l.opts.Dir, segmentName(s.number))}
		if s.torn >= 0 {
			if err := os.Truncate(o.path, s.torn); err != nil {
				return err
			}
		}
		info, err := os.Stat(o.path)
		if err != nil {
			return err
		}
		o.size.Store(info.Size())
		l.older = append(l.older, o)
		l.size.Add(info.Size())
		l.files.Add(1)
	}
	return nil
}

// Begin locks the log and returns the buffer to append records to. Until End
// nobody else appends, and Segment stays as it is: be quick.
func (l *Log) Begin() []byte {
	l.mu.Lock()
	return l.buf
}

// Segment tells in which segment what is appended now goes: it is another number,
// and a higher one, after each switch; the first after Open is 2. Call it between Begin and End.
func (l *Log) Segment() uint64 { return l.switches }

// End unlocks the log and returns the position behind what was appended: what
// Commit and Sync wait for.
func (l *Log) End(buf []byte) uint64 {
	l.appended += uint64(len(buf) - len(l.buf))
	if l.buf = buf; l.err != nil || l.closed {
		l.buf = buf[:prefix]
	}
	pos := l.appended
	l.mu.Unlock()
	return pos
}

// Position is behind what was appended last.
func (l *Log) Position() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appended
}

// Commit returns when everything before a position is in the system's hands or,
// with Always, on the disk. One of those who wait writes for all.
func (l *Log) Commit(pos uint64) error {
	if l.written.Load() >= pos {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pushLocked(pos)
	if l.written.Load() >= pos {
		return nil
	}
	return l.reasonLocked()
}

// Flush is Commit of all that was appended.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	pos := l.appended
	l.pushLocked(pos)
	if l.written.Load() >= pos {
		return nil
	}
	return l.reasonLocked()
}

// Broken reports whether nothing at all can be written: Rotate has to come first.
func (l *Log) Broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil
}

// Failing reports whether writing has failed and nothing has mended it yet.
func (l *Log) Failing() bool { return l.failing.Load() }

// Err is why the log is failing, or nil.
func (l *Log) Err() error {
	if !l.failing.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reasonLocked()
}

func (l *Log) reasonLocked() error {
	switch {
	case l.err != nil:
		return l.err
	case l.healing:
		return wrap(l.opts.Dir, fmt.Errorf("it is being mended"))
	}
	return ErrClosed
}

// pushLocked has everything before a position written. mu is held, and let go of
// meanwhile.
func (l *Log) pushLocked(pos uint64) {
	for l.pushed < pos && l.err == nil && !l.closed {
		if l.writing {
			l.done.Wait()
			continue
		}
		l.writing = true
		err := l.writeBufLocked()
		l.writing = false
		if err != nil {
			l.failLocked(err)
		}
		l.done.Broadcast()
	}
}

// writeBufLocked writes what is appended so far. writing is set, mu is held, and
// let go of meanwhile.
func (l *Log) writeBufLocked() error {
	buf, upTo, out := l.buf, l.appended, l.cur
	if cap(l.spare) < prefix {
		l.spare = make([]byte, prefix)
	}
	l.buf, l.spare = l.spare[:prefix], nil
	l.mu.Unlock()
	err := l.writeBlock(out, buf, kindRecords)
	if err == nil && l.opts.Sync == Always {
		err = l.syncFile(out)
	}
	l.mu.Lock()
	if cap(buf) <= maxSpare {
		l.spare = buf
	}
	if err != nil {
		return err
	}
	l.pushedLocked(upTo)
	return nil
}

// maxSpare is the largest buffer that is kept.
const maxSpare = 1 << 20

func (l *Log) pushedLocked(upTo uint64) {
	l.pushed = upTo
	if l.healing {
		return // what was appended while it failed is not in it before it is whole
	}
	l.written.Store(upTo)
	if l.opts.Sync == Always {
		l.synced.Store(upTo)
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// writeBlock writes a block in one piece. Only who writes calls it.
func (l *Log) writeBlock(out *output, b []byte, kind byte) error {
	if len(b) == prefix && kind == kindRecords {
		return nil
	}
	seal(b, kind, out.number, out.size.Load())
	out.dirty.Store(true)
	n, err := out.file.Write(b)
	out.size.Add(int64(n))
	l.size.Add(int64(n))
	l.bytes.Add(uint64(n))
	if err != nil {
		return wrap(l.opts.Dir, err)
	}
	return nil
}

// failLocked notes that nothing more can be written to the segment.
func (l *Log) failLocked(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	l.buf = l.buf[:prefix]
	if !l.failing.Swap(true) {
		l.failed.Add(1)
	}
	l.done.Broadcast()
}

// acquireLocked waits until nobody writes, and keeps others from it until
// releaseLocked.
func (l *Log) acquireLocked() {
	for l.writing {
		l.done.Wait()
	}
	l.writing = true
}

func (l *Log) releaseLocked() {
	l.writing = false
	l.done.Broadcast()
}
