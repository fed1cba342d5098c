package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/engine/journal"
	"github.com/distkit/distkit-proxy/lua"
)

// crashRig is an engine with a journal that can be killed and started again.
type crashRig struct {
	t    testing.TB
	m    *miniredis.Miniredis
	dir  string
	opts Options
	rand *rand.Rand
	fate int32 // of what is sent first in the next life

	e    *Engine
	link *crashLink
	disk *frozenDisk
}

// crashLink is the way to Redis of one life of an engine.
type crashLink struct {
	flakyStore
	fate atomic.Int32 // of what is sent: see below
	lost atomic.Int64 // calls that it lost
}

const (
	passes  = iota
	dropped // on the way there
	muted   // on the way back
)

func (l *crashLink) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	switch l.fate.Load() {
	case dropped:
		l.lost.Add(1)
		return lostReplies(make([]lua.Reply, len(calls)), 0)
	case muted:
		replies := l.flakyStore.Run(ctx, calls)
		l.lost.Add(1)
		return lostReplies(replies, 0)
	}
	return l.flakyStore.Run(ctx, calls)
}

// frozenDisk is where a journal lies that can be stopped between two writes, or filled up.
type frozenDisk struct {
	mu   sync.RWMutex
	dead bool
	full atomic.Bool
}

type frozenFile struct {
	d *frozenDisk
	*os.File
}

var errDisk = errors.New("no space left on device")

func (d *frozenDisk) create(path string) (journal.File, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.dead || d.full.Load() {
		return nil, errDisk
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return &frozenFile{d, f}, err
}

func (f *frozenFile) Write(p []byte) (int, error) {
	f.d.mu.RLock()
	defer f.d.mu.RUnlock()
	if f.d.dead {
		return 0, errDisk
	}
	if f.d.full.Load() {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, errDisk
	}
	return f.File.Write(p)
}

func (f *frozenFile) Sync() error { return nil } // nothing loses power here

func newCrashRig(t testing.TB, opts Options) *crashRig {
	r := &crashRig{t: t, m: miniredis.RunT(t), dir: t.TempDir(), opts: opts, rand: rand.New(rand.NewPCG(1, 2))}
	r.m.SetTime(time.Now())
	r.start()
	return r
}

// start runs an engine on the journal.
func (r *crashRig) start() {
	r.t.Helper()
	r.link = &crashLink{flakyStore: flakyStore{random: rand.New(rand.NewPCG(r.rand.Uint64(), 2))}}
	r.disk = &frozenDisk{}
	opts := r.opts
	opts.Journal, opts.JournalFiles = r.dir, r.disk.create
	r.link.fate.Store(r.fate)
	r.e = connectForTest(r.t, r.m.Addr(), opts, func(s store) store {
		r.link.store = s
		return r.link
	})
}

// kill leaves the journal as kill -9 would in this moment, and Redis with what it has.
func (r *crashRig) kill() {
	r.t.Helper()
	r.link.fate.Store(dropped)
	r.disk.mu.Lock()
	dir := copyJournal(r.t, r.dir)
	r.disk.dead = true
	r.disk.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.e.Close(ctx)
	r.dir = dir
}

// restart is kill and start.
func (r *crashRig) restart() {
	r.t.Helper()
	r.kill()
	r.start()
}

// copyJournal copies a journal that nothing is written to, but segments may go.
func copyJournal(t testing.TB, from string) string {
	t.Helper()
	for {
		to := t.TempDir()
		names, err := filepath.Glob(filepath.Join(from, "*.journal"))
		for _, name := range names {
			var data []byte
			if data, err = os.ReadFile(name); err == nil {
				err = os.WriteFile(filepath.Join(to, filepath.Base(name)), data, 0o600)
			}
			if err != nil {
				break
			}
		}
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// inc counts in a family, or on an ordinary key, and has it kept.
func (r *crashRig) inc(f Family, name string, delta int64) {
	r.t.Helper()
	if err := mayInc(r.e, f, name, delta); err != nil {
		r.t.Fatalf("%s %s by %d: %v", f, name, delta, err)
	}
	if err := r.e.Commit(0); err != nil {
		r.t.Fatal(err)
	}
}

func mayInc(e *Engine, f Family, name string, delta int64) error {
	if f == Ordinary { // what was not read before would be counted in Redis
		var read [1]Number
		if e.Read(context.Background(), 0, [][]byte{[]byte(name)}, read[:]); read[0].Err != nil {
			return read[0].Err
		}
		got := e.IncrBy(context.Background(), 0, []byte(name), delta)
		if got.Foreign {
			return errForeign
		}
		return got.Err
	}
	var res [1]Result
	e.Inc(context.Background(), f, []Item{{Key: keyOf(name), N: delta}}, res[:])
	return res[0].Err
}

// total is what the engine answers.
func (r *crashRig) total(f Family, name string) int64 {
	r.t.Helper()
	if f == Ordinary {
		var out [1]Number
		r.e.Read(context.Background(), 0, keys(name), out[:])
		if out[0].Err != nil || out[0].Foreign {
			r.t.Fatalf("%s %s: %+v", f, name, out[0])
		}
		return out[0].N
	}
	var res [1]Result
	r.e.Get(context.Background(), f, []Key{keyOf(name)}, res[:])
	if res[0].Err != nil {
		r.t.Fatalf("%s %s: %v", f, name, res[0].Err)
	}
	return res[0].Value.Total
}

// want has everything flushed and compares what a counter is, here and in Redis.
func (r *crashRig) want(f Family, name string, want int64) {
	r.t.Helper()
	if got := r.total(f, name); got != want {
		r.t.Errorf("%s %s reads %d, want %d", f, name, got, want)
	}
	if err := r.flush(); err != nil {
		r.t.Fatal(err)
	}
	if got := r.inRedis(f, name); got != fmt.Sprint(want) && (want != 0 || got != "") {
		r.t.Errorf("%s %s is %q in Redis, want %d", f, name, got, want)
	}
}

func (r *crashRig) flush() error {
	_, err := r.e.FlushAll(context.Background())
	return err
}

func (r *crashRig) inRedis(f Family, name string) string {
	keys := lua.NewKeys(DefaultNamespace, f.Container(), 0, 1)
	switch f {
	case Ordinary:
		got, _ := r.m.Get(name)
		return got
	case LaxInstance:
		return r.m.HGet(keys.Cumulative(), name)
	}
	return r.m.HGet(keys.Totals(), name)
}

func (r *crashRig) partition(f Family) *partition {
	r.t.Helper()
	if f == Ordinary {
		p, err := r.e.ordinaryOf(place{})
		if err != nil {
			r.t.Fatal(err)
		}
		return p
	}
	p, err := r.e.partition(f, []byte(DefaultNamespace), hash([]byte("x")))
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// lose has the link lose a batch of the family's with what is pending, and waits
// until that is so.
func (r *crashRig) lose(f Family, fate int32) {
	r.t.Helper()
	before := r.link.lost.Load()
	r.link.fate.Store(fate)
	r.partition(f).flushNow()
	eventually(r.t, 20*time.Second, "a batch that is lost", func() bool { return r.link.lost.Load() > before })
	eventually(r.t, 20*time.Second, "the flusher's knowing it", r.partition(f).away.Load)
}
