package journal

import (
	"cmp"
	"time"
)

// Sync returns when everything before a position is on the disk; with Never, when
// it is in the system's hands. One of those who wait syncs for all.
func (l *Log) Sync(pos uint64) error {
	if l.opts.Sync == Never || l.synced.Load() >= pos {
		return l.Commit(pos)
	}
	if err := l.Commit(pos); err != nil {
		return err
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.synced.Load() >= pos {
		return nil
	}
	return l.syncNow()
}

// syncNow syncs what is written. The caller holds syncing.
func (l *Log) syncNow() error {
	l.mu.Lock()
	upTo := l.pushed
	files := append(l.older[:len(l.older):len(l.older)], l.cur)
	l.mu.Unlock()
	for _, o := range files {
		if !o.dirty.Load() {
			continue
		}
		if err := l.syncFile(o); err != nil {
			l.mu.Lock()
			l.failLocked(err)
			l.mu.Unlock()
			return err
		}
	}
	l.mu.Lock()
	if !l.healing {
		l.synced.Store(max(upTo, l.synced.Load()))
	}
	l.mu.Unlock()
	return nil
}

// syncFile has a segment on the disk.
func (l *Log) syncFile(o *output) error {
	if o.file == nil {
		return nil
	}
	o.dirty.Store(false)
	if err := o.file.Sync(); err != nil {
		return wrap(l.opts.Dir, err)
	}
	l.lastly.Store(time.Now().UnixNano())
	return nil
}

// keepSynced syncs what was written, Every after the first of it, until Close. With
// nothing written it sleeps.
func (l *Log) keepSynced() {
	defer close(l.stopped)
	if l.opts.Sync != Interval {
		return
	}
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			return
		}
		select {
		case <-time.After(l.opts.Every):
		case <-l.stop:
			return
		}
		l.syncing.Lock()
		if l.synced.Load() < l.written.Load() {
			_ = l.syncNow() // the log is failing then, and says so
		}
		l.syncing.Unlock()
	}
}

// Close writes and syncs what is appended, unless the log is failing, and frees
// the directory. What is appended from then on is dropped.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.pushLocked(l.appended)
	l.acquireLocked()
	err := l.err
	l.closed = true
	l.releaseLocked()
	l.mu.Unlock()
	close(l.stop)
	<-l.stopped
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err == nil && l.opts.Sync != Never {
		err = l.syncNow()
	}
	for _, o := range append(l.older, l.cur) {
		if o.file != nil {
			err = cmp.Or(err, o.file.Close())
		}
	}
	return cmp.Or(err, l.lock.Close())
}

// Stats are what a log can say of itself.
type Stats struct {
	// Size is that of all segments in bytes, Segments how many there are.
	Size     int64
	Segments int
	// Written is how many bytes were written since Open.
	Written uint64
	// LastSync is when something was last synced, in ns since 1970; 0: nothing yet.
	LastSync int64
	// Failing says that it cannot be written; Failures how often that began.
	Failing  bool
	Failures uint64
}

// Stats returns a snapshot.
func (l *Log) Stats() Stats {
	return Stats{
		Size: l.size.Load(), Segments: int(l.files.Load()), Written: l.bytes.Load(), LastSync: l.lastly.Load(),
		Failing: l.failing.Load(), Failures: l.failed.Load(),
	}
}
