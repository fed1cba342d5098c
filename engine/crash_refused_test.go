package engine

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine/journal"
)

// An older copy of a journal is refused as soon as Redis is asked, and nothing of it is
// counted: what Redis has of it cannot be told.
func TestOldCopyOfAJournal(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		for _, batches := range []int{1, 3} {
			r := newCrashRig(t, crashOpts)
			r.inc(f, "a", 1)
			if err := r.flush(); err != nil {
				t.Fatal(err)
			}
			r.inc(f, "a", 10)
			old := copyJournal(t, r.dir)
			for range batches {
				if err := r.flush(); err != nil {
					t.Fatal(err)
				}
				r.inc(f, "a", 100)
			}
			r.kill()
			r.dir = old
			r.start()
			before := r.inRedis(f, "a")
			var stale *errStale
			if err := r.e.CheckJournal(t.Context()); !errors.As(err, &stale) || !strings.Contains(err.Error(), old) {
				t.Errorf("%d batches later: %v", batches, err)
			}
			eventually(t, 20*time.Second, "a refusal", func() bool { return r.partition(f).failed.Load() != nil })
			var refused *Error
			if err := mayInc(r.e, f, "a", 1); !errors.As(err, &refused) || !strings.Contains(refused.Msg, "older than Redis") {
				t.Errorf("an increment: %v", err)
			}
			if now := r.inRedis(f, "a"); now != before {
				t.Errorf("Redis had %s and has %s", before, now)
			}
		}
	})
}

// A Redis that has lost its data is what it is without a journal: what is pending is
// counted on what is there.
func TestJournalOfARedisThatLostIt(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		r := newCrashRig(t, crashOpts)
		r.inc(f, "a", 1)
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		r.inc(f, "a", 10)
		r.kill()
		r.m.FlushAll()
		r.start()
		if err := r.e.CheckJournal(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.want(f, "a", 10)
		if n := r.e.Stats().RecordsLost; n != 1 {
			t.Errorf("%d records were lost", n)
		}
	})
}

// What a journal holds that other settings do not suit is not taken up; with nothing in
// it they suit.
func TestJournalUnderOtherSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		f      Family
		change func(*Options)
		want   string
	}{
		"instance":   {LaxPlain, func(o *Options) { o.InstanceID, o.InstanceChosen = "i2", true }, "instance i1"},
		"partitions": {LaxInstance, func(o *Options) { o.Partitions = 3 }, "--partitions 1"},
		"patterns":   {Ordinary, func(o *Options) { o.Lax = []Pattern{{Glob: "b*"}} }, "--lax *"},
		"no pattern": {Ordinary, func(o *Options) { o.Lax = nil }, "--lax *"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCrashRig(t, crashOpts)
			r.inc(tc.f, "a", 5)
			r.kill()
			opts := r.opts
			opts.Journal, opts.InstanceID, opts.Redis = r.dir, "new", &redis.Options{Addr: r.m.Addr()}
			tc.change(&opts)
			if _, err := New(opts); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Fatal(err)
			}
			r.start()
			r.want(tc.f, "a", 5)
			if _, err := r.e.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			e, err := New(opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.InstanceID(); opts.InstanceChosen && got != opts.InstanceID || !opts.InstanceChosen && got != "i1" {
				t.Errorf("the instance is %s", got)
			}
			e.Close(t.Context())
		})
	}
}

// A journal that cannot be had stops the start, and says why.
func TestJournalThatCannotBeHad(t *testing.T) {
	m := miniredis.RunT(t)
	opts := Options{Redis: &redis.Options{Addr: m.Addr()}, InstanceID: "i1", Journal: t.TempDir()}
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(opts); !errors.Is(err, journal.ErrLocked) {
		t.Error(err)
	}
	e.Close(t.Context())
	opts.Journal = filepath.Join("/proc/self", "journal")
	if _, err := New(opts); err == nil || !strings.Contains(err.Error(), opts.Journal) {
		t.Error(err)
	}
	opts.Journal, opts.InstanceID = t.TempDir(), ""
	if _, err := New(opts); err == nil {
		t.Error("no instance id")
	}
}

// On a full disk increments are refused and the rest is served; what was acknowledged
// goes to Redis. When there is room again they are accepted, and kept.
func TestJournalOnAFullDisk(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		r := newCrashRig(t, crashOpts)
		r.inc(f, "a", 5)
		r.disk.full.Store(true)
		if err := mayInc(r.e, f, "a", 1); err != nil {
			t.Fatal(err)
		}
		if r.e.Commit(0) == nil {
			t.Fatal("an increment was kept on a full disk")
		}
		mark := r.e.Mark()
		if err := mayInc(r.e, f, "a", 1); err != ErrUnkept {
			t.Errorf("an increment: %v", err)
		}
		if err := r.e.Commit(mark); err != nil {
			t.Errorf("who has counted nothing: %v", err)
		}
		r.want(f, "a", 6)
		if f != Ordinary {
			if res := r.e.one(context.Background(), f, opSet, Item{Key: keyOf("a"), N: 100}); res.Err != nil {
				t.Error(res.Err)
			}
			r.want(f, "a", 100)
		} else {
			mustHold(t, r.e, Touch{Keys: keys("a")}).Release()
			r.m.Set("a", "100")
			r.e.eachPlace(0, (*partition).distrust)
		}
		r.disk.full.Store(false)
		eventually(t, 20*time.Second, "the journal to be mended", func() bool { return !r.e.unkept() })
		r.inc(f, "a", 1)
		r.inc(f, "a", 10)
		if st := r.e.Stats(); !st.Journaled || st.Journal.Failing || st.Journal.Failures != 1 {
			t.Errorf("%+v", st.Journal)
		}
		r.restart()
		r.want(f, "a", 111)
	})
}

// Killed while the disk is full, what was acknowledged before is there, if no batch has
// left meanwhile; if one has, the start is refused.
func TestKilledOnAFullDisk(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		r := newCrashRig(t, crashOpts)
		f := LaxPlain
		r.inc(f, "b", 1) // held by nothing: it stays pending
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		r.inc(f, "a", 5)
		r.disk.full.Store(true)
		if err := mayInc(r.e, f, "a", 1); err != nil || r.e.Commit(0) == nil {
			t.Fatal(err)
		}
		if flushed {
			r.link.fate.Store(muted) // so that it stays pending, and the journal as it was
			r.lose(f, muted)
		}
		r.restart()
		if flushed {
			var stale *errStale
			if err := r.e.CheckJournal(t.Context()); !errors.As(err, &stale) {
				t.Error(err)
			}
			continue
		}
		r.want(f, "a", 5)
	}
}

// Whatever a block says, reading it ends without a panic.
func FuzzRecords(f *testing.F) {
	trailOf := func(name partitionName) *trail { return &trail{name: name, run: "r", applied: 2, sent: 3} }
	seed := appendText(appendText(appendFlag(appendHead(nil, 0, recInstance), true), "i1"), "*")
	seed = appendPartition(seed, trailOf(partitionName{family: LaxInstance, namespace: "n", of: 1}))
	seed = appendPartition(seed, trailOf(partitionName{family: Ordinary, db: 3, pace: 1}))
	seed = appendText(appendHead(seed, 0, recCell), "a")
	seed = appendText(appendHead(seed, 1, recCell), "b")
	seed = appendHead(appendHead(seed, 0, recAddOne), 1, recAddOne)
	seed = appendKept(appendHead(seed, 1, recPending), kept{change{v: 5, d: -6, set: true, has: true}, 7, 8})
	seed = appendHead(seed, 0, recBegin)
	seed = appendKept(appendHead(seed, 0, recTake), kept{ch: change{d: 1, has: true}})
	seed = appendOp(appendOp(seed, 0, opSet, "a"), 0, opGet, "")
	seed = appendEnd(appendSend(seed, 0, false, 4), 0, true, []int{0}, false)
	f.Add(seed)
	f.Add(appendEnd(appendSend(appendHead(seed, 1, recBegin), 1, true, 4), 1, false, nil, true))
	f.Fuzz(func(t *testing.T, data []byte) {
		found := newFound()
		if found.read(journal.Block{Segment: 1, Records: data}) != nil {
			return
		}
		if err := found.read(journal.Block{Segment: 1, Records: data}); err != nil {
			t.Fatalf("good once, and then: %v", err)
		}
		found.complete()
		for name, p := range found.parts {
			if !name.family.Lax() || p.sent == 0 && len(p.batch) > 0 {
				t.Fatalf("%v: %+v", name, p)
			}
		}
	})
}
