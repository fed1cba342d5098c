package integration

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// far is how long a reply of Redis takes in these tests.
const far = 50 * time.Millisecond

func TestNoDips(t *testing.T) {
	for _, tc := range []struct {
		name string
		cut  time.Duration
	}{
		{"slow", 0},
		{"slow and cut", 300 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onPrefixes(t, func(t *testing.T, prefix string) {
				t.Parallel()
				r := startRedis(t)
				p := join(t, r, prefix, "far", engine.Options{DeadAfter: 30 * time.Second})
				near := join(t, r, prefix, "near", engine.Options{DeadAfter: 30 * time.Second})
				p.link.Set(func(f *loopback.Faults) { f.Delay = far })
				p.ints("INC", "x", 0)

				end := make(chan struct{})
				var wg sync.WaitGroup
				if tc.cut > 0 {
					wg.Go(func() {
						tick := time.NewTicker(tc.cut)
						defer tick.Stop()
						for {
							select {
							case <-tick.C:
								p.link.Cut()
							case <-end:
								return
							}
						}
					})
				}
				w := &witness{t: t}
				for range 8 {
					c := &party{testProxy: p.testProxy, c: client(t, p.addr), prefix: prefix}
					wg.Go(func() { w.increment(c, end) })
				}
				wg.Go(func() { w.read(p, end) })
				var others int64
				wg.Go(func() { others = incrementSlowly(near, end) })
				<-time.After(2 * time.Second)
				close(end)
				wg.Wait()

				p.flushed()
				near.flushed()
				b := openBooks(t, r, prefix)
				if got, want := b.total("x"), w.acked.Load()+others; got != want {
					t.Errorf("Redis has %d, acknowledged were %d here and %d there", got, w.acked.Load(), others)
				}
				if w.acked.Load() < 100 {
					t.Errorf("only %d increments in two seconds", w.acked.Load())
				}
				p.link.Set(func(f *loopback.Faults) { f.Delay = 0 })
			}, "DK.", "DKC.")
		})
	}
}

// A command of many keys waits for a few round trips, not for one of each key,
// whatever of them is in memory and however old that is.
func TestManyKeysUnderASlowLink(t *testing.T) {
	r := startRedis(t)
	p := join(t, r, "DKC.", "far", engine.Options{DeadAfter: 30 * time.Second})
	p.link.Set(func(f *loopback.Faults) { f.Delay = far })
	for round := range 10 {
		start := time.Now()
		incMany(p, 1200, 1)
		if took := time.Since(start); took > 2*time.Second {
			t.Fatalf("round %d: three commands of 500 keys or less took %v with %v to Redis", round, took, far)
		}
	}
	p.flushed()
}

// witness watches the replies about one counter that only grows.
type witness struct {
	t     testing.TB
	acked atomic.Int64 // the sum of acknowledged increments
	seen  atomic.Int64 // the highest total in any reply
}

func (w *witness) increment(p *party, end <-chan struct{}) {
	for running(end) {
		acked, seen := w.acked.Load(), w.seen.Load()
		total, err := p.totalOf("INC", "x", 1)
		switch {
		case err != nil:
			w.t.Errorf("INC: %v", err)
			return
		case total <= seen:
			w.t.Errorf("INC replied %d after a reply of %d", total, seen)
			return
		case total <= acked:
			w.t.Errorf("INC replied %d after %d were acknowledged", total, acked)
			return
		}
		w.acked.Add(1)
		w.saw(total)
	}
}

func (w *witness) read(p *party, end <-chan struct{}) {
	for running(end) {
		acked, seen := w.acked.Load(), w.seen.Load()
		total, err := p.totalOf("GET", "x")
		if err != nil || total < seen || total < acked {
			w.t.Errorf("GET replied %d after a reply of %d and %d acknowledged: %v", total, seen, acked, err)
			return
		}
		w.saw(total)
	}
}

func (w *witness) saw(total int64) {
	for seen := w.seen.Load(); total > seen; seen = w.seen.Load() {
		if w.seen.CompareAndSwap(seen, total) {
			return
		}
	}
}

// totalOf is the total in a verb's reply.
func (p *party) totalOf(verb string, args ...any) (int64, error) {
	reply, err := p.do(verb, args...).Result()
	if err != nil {
		return 0, err
	}
	ns, err := asInts(reply)
	if err != nil {
		return 0, err
	}
	return ns[0], nil
}

// incrementSlowly adds to the counter through another proxy and returns how much.
func incrementSlowly(p *party, end <-chan struct{}) (acked int64) {
	for tick := time.NewTicker(3 * time.Millisecond); running(end); <-tick.C {
		if err := p.c.Do(context.Background(), p.prefix+"INC", "x", 2).Err(); err != nil {
			p.t.Errorf("INC elsewhere: %v", err)
			return acked
		}
		acked += 2
	}
	return acked
}

func running(end <-chan struct{}) bool {
	select {
	case <-end:
		return false
	default:
		return true
	}
}
