package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// ledger is clients that increment counters of all four families through one
// proxy, and note what was acknowledged and what may have been done.
type ledger struct {
	t    testing.TB
	addr string
	halt chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	// mu guards the following fields; the maps are by family's prefix.
	acked   map[string]int64
	unknown map[string]int64
	refused int            // increments that were certainly not done
	errors  map[string]int // by text
}

var allPrefixes = []string{"DK.", "DKS.", "DKC.", "DKCS."}

// startLedger lets one client per family increment the counter "n" until stop.
func startLedger(t testing.TB, addr string) *ledger {
	t.Helper()
	l := &ledger{t: t, addr: addr, halt: make(chan struct{}), acked: make(map[string]int64), unknown: make(map[string]int64), errors: make(map[string]int)}
	for i, prefix := range allPrefixes {
		c := client(t, addr)
		random := rand.New(rand.NewPCG(uint64(i), 7))
		l.wg.Go(func() { l.run(c, random, prefix) })
	}
	t.Cleanup(l.stop)
	return l
}

func (l *ledger) run(c *redis.Client, random *rand.Rand, prefix string) {
	tick := time.NewTicker(time.Millisecond) // the faults are the test, not the throughput
	defer tick.Stop()
	for {
		select {
		case <-l.halt:
			return
		case <-tick.C:
		}
		delta := 1 + random.Int64N(3)
		err := c.Do(context.Background(), prefix+"INC", "n", delta).Err()
		l.mu.Lock()
		switch {
		case err == nil:
			l.acked[prefix] += delta
		case redis.HasErrorPrefix(err, "LOADING"), redis.HasErrorPrefix(err, "OOM"), redis.HasErrorPrefix(err, "READONLY"):
			l.refused++
		default:
			l.unknown[prefix] += delta
		}
		if err != nil {
			l.errors[err.Error()]++
		}
		l.mu.Unlock()
	}
}

// more waits until every family had so much further acknowledged.
func (l *ledger) more(n int64) {
	l.t.Helper()
	start := l.sums()
	eventually(l.t, 20*time.Second, func() error {
		now := l.sums()
		for _, prefix := range allPrefixes {
			if done := now[prefix] - start[prefix]; done < n {
				l.mu.Lock()
				defer l.mu.Unlock()
				return fmt.Errorf("%s: %d of %d acknowledged; errors: %v", prefix, done, n, l.errors)
			}
		}
		return nil
	})
}

func (l *ledger) sums() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	sums := make(map[string]int64)
	for prefix, n := range l.acked {
		sums[prefix] = n
	}
	return sums
}

func (l *ledger) stop() {
	select {
	case <-l.halt:
	default:
		close(l.halt)
	}
	l.wg.Wait()
}

// check ends the load, has everything flushed, and compares the totals in Redis
// with what was acknowledged: exactly that in the lax families, and in the
// strict ones at most what is unknown more.
func (l *ledger) check(p *testProxy, addr string) {
	l.t.Helper()
	l.stop()
	c := client(l.t, p.addr)
	eventually(l.t, 20*time.Second, func() error { return c.Do(context.Background(), "DK.FLUSH").Err() })
	for _, prefix := range allPrefixes {
		b := &books{t: l.t, c: client(l.t, addr), prefix: prefix}
		got, acked, unknown := b.total("n"), l.acked[prefix], l.unknown[prefix]
		if got < acked || got > acked+unknown {
			l.t.Errorf("%s: Redis has %d, acknowledged were %d, and %d are unknown; errors: %v", prefix, got, acked, unknown, l.errors)
		}
		if acked == 0 {
			l.t.Errorf("%s: nothing was acknowledged; errors: %v", prefix, l.errors)
		}
	}
	for _, prefix := range []string{"DK.", "DKC."} {
		if n := l.unknown[prefix]; n != 0 {
			l.t.Errorf("%s: the outcome of %d is unknown, which no lax increment's is; errors: %v", prefix, n, l.errors)
		}
	}
	if n := p.engine.Stats().RecordsLost; n != 0 {
		l.t.Errorf("%d batch records were lost", n)
	}
}

// errNot is what a condition that does not hold yet says.
var errNot = errors.New("not yet")
