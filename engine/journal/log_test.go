package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatWasCommittedComesBack(t *testing.T) {
	for _, policy := range []Policy{Interval, Always, Never} {
		t.Run(policy.String(), func(t *testing.T) {
			dir := t.TempDir()
			l := mustOpen(t, Options{Dir: dir, Sync: policy})
			mustCommit(t, l, "one ")
			add(l, "two ")
			mustCommit(t, l, "three ")
			if err := l.Sync(add(l, "four ")); err != nil {
				t.Fatal(err)
			}
			kill(l)
			if got := contents(t, dir); got != "one two three four " {
				t.Fatalf("%q came back", got)
			}
		})
	}
}

// Commit waits for what was appended before and for nothing else, whoever writes it.
func TestCommitIsShared(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 200 {
				if err := l.Commit(add(l, fmt.Sprintf("%d.%d ", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	kill(l)
	words := strings.Fields(contents(t, dir))
	next := make(map[string]int)
	for _, word := range words {
		who, n, _ := strings.Cut(word, ".")
		if fmt.Sprint(next[who]) != n {
			t.Fatalf("%s follows %d of %s", n, next[who], who)
		}
		next[who]++
	}
	if len(words) != 16*200 {
		t.Fatalf("%d records came back, want %d", len(words), 16*200)
	}
}

// A new segment takes over only when it is whole; the old ones are gone then.
func TestSegments(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	mustCommit(t, l, "old ")
	add(l, "late ") // belongs to the segment before
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, l, "new ")
	if got := contents(t, dir); got != "old late new " {
		t.Fatalf("before the new one is whole %q came back", got)
	}
	if err := l.Whole(); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, l, "more ")
	if got := contents(t, dir); got != "new more " {
		t.Fatalf("after that %q", got)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	st := l.Stats()
	if info, err := os.Stat(names[0]); len(names) != 1 || st.Segments != 1 || err != nil || st.Size != info.Size() {
		t.Fatalf("%v, %+v", names, st)
	}
	if st.LastSync == 0 {
		t.Error("nothing was ever synced")
	}
	kill(l)
	// Each start begins a segment, and a start that goes no further costs nothing.
	for range 3 {
		kill(mustOpen(t, Options{Dir: dir}))
	}
	if got := contents(t, dir); got != "new more " {
		t.Fatalf("after some starts %q", got)
	}
	l = mustOpen(t, Options{Dir: dir})
	if l.Recovered.Segments != 4 {
		t.Errorf("%+v", l.Recovered)
	}
	if err := l.Whole(); err != nil {
		t.Fatal(err)
	}
	kill(l)
	if got := contents(t, dir); got != "" {
		t.Fatalf("after a start that stated nothing anew %q", got)
	}
}

func TestDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}, nil); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second Open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	kill(mustOpen(t, Options{Dir: dir}))
}

// What cannot be a journal's directory is told in a line that names it.
func TestDirectoryOfNoUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/self"} { // the last takes no files, root's neither
		if _, err := Open(Options{Dir: dir}, nil); err == nil || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	full := &disk{}
	full.full.Store(true)
	if _, err := Open(Options{Dir: t.TempDir(), Create: full.create}, nil); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

// On a full disk Commit says so, to all that wait, and what it said yes to before is
// not lost. A segment that is begun then counts when it is whole, and not before.
func TestFullDisk(t *testing.T) {
	for _, policy := range []Policy{Interval, Always} {
		t.Run(policy.String(), func(t *testing.T) {
			dir, d := t.TempDir(), &disk{}
			l := mustOpen(t, Options{Dir: dir, Sync: policy, Create: d.create})
			mustCommit(t, l, "kept ")
			d.full.Store(true)
			lost := add(l, "lost ")
			if err := l.Commit(lost); !errors.Is(err, errFull) || !l.Failing() || !errors.Is(l.Err(), errFull) {
				t.Fatalf("%v, failing %v", err, l.Failing())
			}
			if err := l.Commit(add(l, "lost too ")); !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			if _, err := l.Rotate(); !errors.Is(err, errFull) {
				t.Fatalf("a new segment on a full disk: %v", err)
			}
			if got := contents(t, dir); got != "kept " {
				t.Fatalf("%q came back", got)
			}
			d.full.Store(false)
			if _, err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
			unhealed := add(l, "stated anew ")
			if err := l.Commit(unhealed); err == nil || !l.Failing() {
				t.Fatalf("before it is whole: %v", err)
			}
			if got := contents(t, dir); got != "kept " {
				t.Fatalf("before it is whole %q came back", got)
			}
			d.full.Store(true) // once more in the middle of it
			if err := l.Whole(); !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			d.full.Store(false)
			if _, err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
			add(l, "stated once more ")
			if err := l.Whole(); err != nil {
				t.Fatal(err)
			}
			if err := l.Commit(lost); err != nil || l.Failing() {
				t.Fatalf("mended: %v, failing %v", err, l.Failing())
			}
			mustCommit(t, l, "well ")
			if st := l.Stats(); st.Failures != 1 || st.Failing || st.Segments != 1 {
				t.Errorf("%+v", st)
			}
			kill(l)
			if got := contents(t, dir); got != "stated once more well " {
				t.Fatalf("%q came back", got)
			}
		})
	}
}

// A disk that fills up while a segment is changed leaves the one before as the end.
func TestFullDiskAtTheChange(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	l := mustOpen(t, Options{Dir: dir, Create: d.create})
	mustCommit(t, l, "kept ")
	before := segmentOf(l)
	add(l, "lost ")
	d.after.Store(1) // the new segment's header still fits
	if _, err := l.Rotate(); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	if got := contents(t, dir); got != "kept " {
		t.Fatalf("%q came back", got)
	}
	d.after.Store(0)
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	if now := segmentOf(l); now < before+2 {
		t.Errorf("segment %d after %d: names given meanwhile would count", now, before)
	}
	if err := l.Whole(); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, l, "well ")
	kill(l)
	if got := contents(t, dir); got != "well " {
		t.Fatalf("%q came back", got)
	}
}

// A full disk may need the room of the log itself, when nothing in it is needed.
func TestForget(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	l := mustOpen(t, Options{Dir: dir, Create: d.create})
	mustCommit(t, l, "flushed by now ")
	l.Forget() // not failing
	if got := contents(t, dir); got != "flushed by now " {
		t.Fatalf("%q came back", got)
	}
	d.full.Store(true)
	if err := l.Commit(add(l, "lost ")); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	for range 2 {
		l.Forget()
		if names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)); len(names) != 0 || l.Stats().Size != 0 {
			t.Fatalf("%v, %+v", names, l.Stats())
		}
		if _, err := l.Rotate(); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
	}
	d.full.Store(false)
	if _, err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	add(l, "stated anew ")
	_ = l.Flush()
	if got := contents(t, dir); got != "stated anew " {
		t.Fatalf("%q came back", got)
	}
	if err := l.Whole(); err != nil || l.Failing() {
		t.Fatal(err)
	}
	mustCommit(t, l, "well ")
	kill(l)
	if got := contents(t, dir); got != "stated anew well " {
		t.Fatalf("%q came back", got)
	}
}

// A failed sync is a failure too: what is not on the disk then may never be.
func TestFailedSync(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	l := mustOpen(t, Options{Dir: dir, Create: d.create})
	mustCommit(t, l, "kept ")
	d.unsynced.Store(true)
	if err := l.Sync(add(l, "written ")); !errors.Is(err, errFull) || !l.Failing() {
		t.Fatal(err)
	}
	d.unsynced.Store(false)
	kill(l)
	if got := contents(t, dir); got != "kept written " {
		t.Fatalf("%q came back", got)
	}
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	add(l, "kept ")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(add(l, "late ")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := l.Rotate(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := l.Whole(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := l.Close(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if got := contents(t, dir); got != "kept " {
		t.Errorf("%q came back", got)
	}
}

// An error of whoever replays ends the start, and says where it was.
func TestReplayFails(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, Options{Dir: dir})
	mustCommit(t, l, "x")
	kill(l)
	odd := errors.New("odd")
	_, err := Open(Options{Dir: dir}, func(Block) error { return odd })
	if !errors.Is(err, odd) || !strings.Contains(err.Error(), segmentName(1)+": offset 28") {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, opts Options) *Log {
	t.Helper()
	l, err := Open(opts, func(Block) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(l) })
	return l
}

func add(l *Log, record string) uint64 { return l.End(append(l.Begin(), record...)) }

func mustCommit(t *testing.T, l *Log, record string) {
	t.Helper()
	if err := l.Commit(add(l, record)); err != nil {
		t.Fatal(err)
	}
}

func segmentOf(l *Log) uint64 {
	buf := l.Begin()
	defer l.End(buf)
	return l.Segment()
}

// kill lets go of a log as the end of its process would: nothing more is written.
func kill(l *Log) {
	l.mu.Lock()
	closed := l.closed
	l.buf, l.closed = l.buf[:prefix], true
	l.mu.Unlock()
	if !closed {
		close(l.stop)
	}
	<-l.stopped
	l.lock.Close()
}

// contents is what a replay of a directory would be given, and changes nothing.
func contents(t *testing.T, dir string) string {
	t.Helper()
	found, err := recoverDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.Join(recordsOf(found), nil))
}

func recordsOf(r *recovery) (records [][]byte) {
	for _, s := range r.segments {
		for _, b := range s.blocks {
			records = append(records, b.records)
		}
	}
	return records
}

var errFull = errors.New("no space left on device")

// disk is one that can be full: half of a write still fits then.
type disk struct {
	full, unsynced atomic.Bool
	after          atomic.Int64 // writes until it is full; 0: it does not become so
}

type diskFile struct {
	d *disk
	File
}

func (d *disk) create(path string) (File, error) {
	f, err := createFile(path)
	return &diskFile{d, f}, err
}

func (f *diskFile) Write(p []byte) (int, error) {
	if n := f.d.after.Load(); !f.d.full.Load() && n >= 0 {
		if n > 0 && f.d.after.Add(-1) == 0 {
			f.d.after.Store(-1)
		}
		return f.File.Write(p)
	}
	n, _ := f.File.Write(p[:len(p)/2])
	return n, errFull
}

func (f *diskFile) Sync() error {
	if f.d.unsynced.Load() {
		return errFull
	}
	return f.File.Sync()
}
