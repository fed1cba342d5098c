package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// TestIncrementsUnderEverything has three instances increment four counters
// while their links are cut, for longer than dead_after too, lose replies and
// swallow them. Increments commute: in the end, when everybody is back, each
// slice is what its proxy acknowledged and each total the sum of the slices.
// A fourth one, always connected, buries whoever is away for too long.
func TestIncrementsUnderEverything(t *testing.T) {
	r := startRedis(t)
	b := openBooks(t, r, "DK.")
	var ps []*party
	acked := make([][]atomic.Int64, 3)
	for i := range acked {
		p := join(t, r, "DK.", fmt.Sprint("i", i), engine.Options{CommandTimeout: 200 * time.Millisecond})
		for _, counter := range modelCounters {
			p.ints("GET", counter)
		}
		ps, acked[i] = append(ps, p), make([]atomic.Int64, len(modelCounters))
	}
	undertaker := join(t, r, "DK.", "undertaker", engine.Options{})
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(5 * time.Millisecond); running(end); <-tick.C {
			undertaker.do("GET", modelCounters[0])
		}
	})
	for i, p := range ps {
		for j := range 2 {
			random, c := rand.New(rand.NewPCG(uint64(i), uint64(j))), greet(t, p.addr)
			wg.Go(func() {
				for tick := time.NewTicker(500 * time.Microsecond); running(end); <-tick.C {
					n, delta := random.IntN(len(modelCounters)), 1+random.Int64N(3)
					if err := c.Do(context.Background(), "DK.INC", modelCounters[n], delta).Err(); err != nil {
						t.Errorf("INC: %v", err)
						return
					}
					acked[i][n].Add(delta)
				}
			})
		}
		wg.Go(func() { trouble(p.link, rand.New(rand.NewPCG(uint64(i), 99)), end) })
	}
	<-time.After(6 * time.Second)
	close(end)
	wg.Wait()

	for _, p := range ps {
		p.link.Set(func(f *loopback.Faults) { f.Lose, f.Swallow, f.Refuse = 0, false, false })
	}
	for _, p := range ps {
		p.flushed()
	}
	eventually(t, 10*time.Second, func() error {
		for n, counter := range modelCounters {
			sum := int64(0)
			for i, p := range ps {
				want := acked[i][n].Load()
				if err := p.c.Do(context.Background(), "DK.GET", counter).Err(); err != nil {
					return err
				}
				if got := b.slice(p.id, counter); got != want {
					return fmt.Errorf("the slice of %s in %s is %d, acknowledged were %d", counter, p.id, got, want)
				}
				sum += want
			}
			if got := b.total(counter); got != sum {
				return fmt.Errorf("%s is %d, acknowledged were %d", counter, got, sum)
			}
		}
		return nil
	})
	restored := uint64(0)
	for _, p := range ps {
		restored += p.engine.Stats().Restored
	}
	if restored == 0 {
		t.Error("nobody was buried and came back: the test has tested too little")
	}
}

// trouble makes a link fail in random ways, with pauses, until end.
func trouble(link *loopback.Link, random *rand.Rand, end <-chan struct{}) {
	pause := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-end:
		}
	}
	for running(end) {
		switch random.IntN(5) {
		case 0:
			link.Cut()
		case 1:
			link.Set(func(f *loopback.Faults) { f.Lose = 1 + random.IntN(3) })
		case 2:
			link.Set(func(f *loopback.Faults) { f.Swallow = true })
			pause(time.Duration(random.IntN(400)) * time.Millisecond)
			link.Set(func(f *loopback.Faults) { f.Swallow = false })
		case 3:
			link.Down()
			pause(time.Duration(random.IntN(200)) * time.Millisecond)
			link.Up()
		case 4:
			link.Down()
			pause(deadAfter + time.Duration(random.IntN(800))*time.Millisecond)
			link.Up()
		}
		pause(time.Duration(random.IntN(150)) * time.Millisecond)
	}
}
