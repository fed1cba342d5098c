package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine/journal"
)

// counted is a counter and what became of its increments.
type counted struct {
	f              Family
	name           string
	acked, unknown int64
}

// Killed at any moment under load, with replies of Redis lost all the time and the
// journal changing segments, again and again on the same journal: every increment that
// was acknowledged counts once.
func TestKilledAtRandom(t *testing.T) {
	opts := Options{FlushInterval: time.Millisecond, AllowedLag: time.Millisecond, CommandTimeout: 20 * time.Second, Lax: everyKey, journalSegment: 4 << 10}
	r := newCrashRig(t, opts)
	var list []*counted
	for _, f := range journaled {
		for i := range 4 {
			list = append(list, &counted{f: f, name: fmt.Sprint("c", i)})
			r.inc(f, fmt.Sprint("c", i), 0)
		}
	}
	for life := range 20 {
		r.link.setIll(life%3 != 0)
		var mu sync.Mutex
		var wg sync.WaitGroup
		e, rounds := r.e, 50+r.rand.IntN(300)
		reached := make(chan struct{})
		done := make(chan struct{})
		for worker := range 4 {
			random := rand.New(rand.NewPCG(uint64(life), uint64(worker)))
			wg.Go(func() {
				for n := 0; ; n++ {
					if worker == 0 && n == rounds {
						close(reached)
					}
					select {
					case <-done:
						return
					default:
					}
					runtime.Gosched()
					c, delta := list[random.IntN(len(list))], 1+random.Int64N(5)
					if random.IntN(20) == 0 {
						delta = -delta
					}
					if mayInc(e, c.f, c.name, delta) != nil {
						continue
					}
					err := e.Commit(0)
					mu.Lock()
					if err == nil {
						c.acked += delta
					} else {
						c.unknown += max(delta, -delta)
					}
					mu.Unlock()
				}
			})
		}
		<-reached
		r.kill()
		close(done)
		wg.Wait()
		r.start()
		if life%5 == 4 {
			r.check(list)
		}
	}
}

// check has everything flushed and compares it.
func (r *crashRig) check(list []*counted) {
	r.t.Helper()
	r.link.setIll(false)
	for _, c := range list {
		r.total(c.f, c.name) // loaded, and so in line
	}
	eventually(r.t, 20*time.Second, "a flush", func() bool { return r.flush() == nil })
	for _, c := range list {
		got := r.total(c.f, c.name)
		if got < c.acked-c.unknown || got > c.acked+c.unknown {
			r.t.Errorf("%s %s is %d, acknowledged were %d and unknown %d", c.f, c.name, got, c.acked, c.unknown)
		}
		if now := r.inRedis(c.f, c.name); now != fmt.Sprint(got) && (got != 0 || now != "") {
			r.t.Errorf("%s %s reads %d, and is %q in Redis", c.f, c.name, got, now)
		}
	}
}

// However long Redis is away and however much is counted, the journal is not larger
// than what is pending needs.
func TestJournalStaysSmall(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		opts := crashOpts
		opts.journalSegment = 8 << 10
		r := newCrashRig(t, opts)
		for i := range 8 {
			r.inc(f, fmt.Sprint("c", i), 1)
		}
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		r.inc(f, "c0", 1)
		r.lose(f, dropped)
		for n := range 12_000 {
			r.inc(f, fmt.Sprint("c", n%8), 1)
			if st := r.e.journal.log.Stats(); n%4000 == 3999 && st.Size > 32<<10 {
				eventually(t, 20*time.Second, "a small journal", func() bool { return r.e.journal.log.Stats().Size <= 32<<10 })
			}
		}
		written := r.e.journal.log.Stats().Written
		if written < 100<<10 {
			t.Fatalf("%d bytes were written: nothing is shown", written)
		}
		r.restart()
		for i := range 8 {
			want := int64(1501)
			if i == 0 {
				want++
			}
			r.want(f, fmt.Sprint("c", i), want)
		}
	})
}

// A stopped engine that had flushed everything leaves next to nothing behind.
func TestJournalOfACleanStop(t *testing.T) {
	r := newCrashRig(t, crashOpts)
	for _, f := range journaled {
		r.inc(f, "a", 5)
	}
	if lost, err := r.e.Close(t.Context()); err != nil || lost != nil {
		t.Fatal(lost, err)
	}
	names, _ := filepath.Glob(filepath.Join(r.dir, "*.journal"))
	if info, err := os.Stat(names[0]); len(names) != 1 || err != nil || info.Size() > 1024 {
		t.Fatalf("%v, %v", names, info)
	}
	r.start()
	for _, f := range journaled {
		r.want(f, "a", 5)
	}
}

// Wherever the end is cut off, what is before it is replayed: the counter is what some
// increments made it.
func TestCutJournal(t *testing.T) {
	onJournaled(t, func(t *testing.T, f Family) {
		r := newCrashRig(t, crashOpts)
		r.inc(f, "a", 1)
		eventually(t, 20*time.Second, "the beginning to be whole", func() bool {
			return r.e.journal.log.Stats().LastSync > 0
		})
		sums := map[int64]bool{0: true, 1: true}
		sum := int64(1)
		for i := range 6 {
			sum += 10 << i
			sums[sum] = true
			r.inc(f, "a", 10<<i)
		}
		r.kill()
		whole := r.dir
		names, _ := filepath.Glob(filepath.Join(whole, "*.journal"))
		path := names[len(names)-1]
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		last := int64(-1)
		for cut := len(data); cut > len(data)-90; cut-- {
			found := newFound()
			dir := copyJournal(t, whole)
			if err := os.Truncate(filepath.Join(dir, filepath.Base(path)), int64(cut)); err != nil {
				t.Fatal(err)
			}
			log, err := journal.Open(journal.Options{Dir: dir}, found.read)
			if err != nil {
				t.Fatal(err)
			}
			log.Close()
			found.complete()
			got := int64(0)
			for _, p := range found.parts {
				if c := p.cells["a"]; c != nil {
					got = c.pending.ch.d
				}
			}
			if !sums[got] || last >= 0 && got > last {
				t.Fatalf("cut at %d of %d: %d is pending, and was %d a byte later", cut, len(data), got, last)
			}
			last = got
		}
		if last == sum {
			t.Fatal("nothing was cut off")
		}
	})
}
