package journal

import (
	"fmt"
	"os"
	"path/filepath"
)

// Rotate begins a new segment, which what is appended from then on goes to, and
// returns what Segment is there. After it state anew what the segments before it are needed
// for, and call Whole. If the log was failing it writes again after it, but goes
// on failing until Whole.
func (l *Log) Rotate() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, ErrClosed
	}
	l.acquireLocked()
	defer l.releaseLocked()
	next := &output{number: 1}
	if n := len(l.older); l.cur != nil {
		next.number = l.cur.number + 1
	} else if n > 0 {
		next.number = l.older[n-1].number + 1
	}
	useless := l.healing || l.forgotten
	if l.healing {
		next.number = l.cur.number
	}
	var flags uint32
	switch {
	case l.forgotten:
		flags = flagFirst
	case l.failing.Load():
		flags = flagGap
	}
	next.path = filepath.Join(l.opts.Dir, segmentName(next.number))
	l.mu.Unlock()
	if useless {
		_ = l.remove(l.cur)
	}
	err := l.createSegment(next, flags)
	l.mu.Lock()
	if err != nil {
		err = wrap(l.opts.Dir, err)
		if useless {
			l.failLocked(err)
		}
		return 0, err
	}
	// Nobody else writes, and what is in the buffer belongs to the segment before.
	old := l.cur
	buf, upTo := l.buf, l.appended
	l.buf = make([]byte, prefix)
	failed := l.err != nil
	l.cur, l.healing, l.err = next, flags != 0, nil
	l.switches++
	switch {
	case old == nil:
	case failed:
		l.pushed = upTo
	default:
		l.mu.Unlock()
		err = l.writeBlock(old, buf, kindRecords)
		l.mu.Lock()
		if err != nil { // what is torn has to stay the end
			l.cur = old
			l.failLocked(err)
			next.file.Close()
			os.Remove(next.path)
			return 0, err
		}
		l.pushedLocked(upTo)
	}
	if old != nil && !useless {
		l.older = append(l.older, old)
	}
	l.size.Add(next.size.Load())
	l.files.Add(1)
	return l.switches, nil
}

// createSegment makes a segment's file so that it is there after a power loss. No
// file is left when it fails.
func (l *Log) createSegment(o *output, flags uint32) error {
	f, err := l.opts.Create(o.path)
	if err != nil {
		return err
	}
	header := makeHeader(o.number, flags)
	if _, err = f.Write(header); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(l.opts.Dir)
	}
	if err != nil {
		f.Close()
		os.Remove(o.path)
		return err
	}
	o.file = f
	o.size.Store(int64(len(header)))
	return nil
}

// Whole says that everything that is still needed stands in the segment that
// Rotate has begun last. When it is on the disk, the segments before are removed,
// and a log that was failing is well again.
func (l *Log) Whole() error {
	l.mu.Lock()
	l.pushLocked(l.appended)
	l.acquireLocked()
	if err := l.err; err != nil || l.closed {
		l.releaseLocked()
		l.mu.Unlock()
		return l.orClosed(err)
	}
	out := l.cur
	l.mu.Unlock()
	err := l.writeBlock(out, make([]byte, prefix), kindWhole)
	l.mu.Lock()
	if err != nil {
		l.failLocked(err)
	}
	l.releaseLocked()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.syncNow(); err != nil {
		return err
	}
	l.mu.Lock()
	older := l.older
	l.older = nil
	if l.healing {
		l.healing, l.forgotten = false, false
		l.failing.Store(false)
		l.pushedLocked(l.pushed)
	}
	l.mu.Unlock()
	for _, o := range older {
		if err := l.remove(o); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes what was written before the log began to fail, because nothing in
// it is needed any more: its room may be what is missing. A log that is not failing
// stays as it is.
func (l *Log) Forget() {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil || l.closed {
		return
	}
	l.acquireLocked()
	defer l.releaseLocked()
	for _, o := range append(l.older, l.cur) {
		l.remove(o)
	}
	l.older, l.forgotten = nil, true
}

// remove removes a segment, if it is still there.
func (l *Log) remove(o *output) error {
	if o.file != nil {
		o.file.Close()
	}
	if err := os.Remove(o.path); err != nil {
		return wrap(l.opts.Dir, err)
	}
	l.size.Add(-o.size.Load())
	l.files.Add(-1)
	return nil
}

func (l *Log) orClosed(err error) error {
	if err == nil {
		err = ErrClosed
	}
	return err
}

// SegmentSize is the size in bytes of the segment that is written now.
func (l *Log) SegmentSize() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cur.size.Load() + int64(len(l.buf)-prefix)
}

// syncDir has the names in a directory synced.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}
