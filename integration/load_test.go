package integration

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// load is clients that increment counters of several families through one
// proxy, and remember what was acknowledged.
type load struct {
	t      testing.TB
	p      *party
	halt   chan struct{}
	wg     sync.WaitGroup
	leave  atomic.Bool // errors are expected: the clients go away at the first
	mu     sync.Mutex
	acked  map[string]int64 // by prefix and counter; guarded by mu
	failed map[string]int   // errors by text; guarded by mu
}

// loadCounters are the counters that a load increments.
var loadCounters = []string{"a", "b", "c", "d", "e"}

// startLoad brings the counters into memory and lets four clients increment
// them by 1 to 3, in the families of the prefixes, until stop.
func startLoad(t testing.TB, p *party, prefixes ...string) *load {
	t.Helper()
	l := &load{t: t, p: p, halt: make(chan struct{}), acked: make(map[string]int64), failed: make(map[string]int)}
	for _, prefix := range prefixes {
		for _, name := range loadCounters {
			eventually(t, 20*time.Second, func() error { // with a short command-timeout the first may be late
				return p.c.Do(context.Background(), prefix+"GET", name).Err()
			})
		}
	}
	for i := range 4 {
		c := client(t, p.addr)
		random := rand.New(rand.NewPCG(uint64(i), 42))
		l.wg.Go(func() { l.client(c, random, prefixes) })
	}
	t.Cleanup(func() { l.stop() })
	return l
}

func (l *load) client(c *redis.Client, random *rand.Rand, prefixes []string) {
	tick := time.NewTicker(200 * time.Microsecond) // the faults are the test, not the throughput
	defer tick.Stop()
	for {
		select {
		case <-l.halt:
			return
		case <-tick.C:
		}
		prefix := prefixes[random.IntN(len(prefixes))]
		name, delta := loadCounters[random.IntN(len(loadCounters))], 1+random.Int64N(3)
		err := c.Do(context.Background(), prefix+"INC", name, delta).Err()
		l.mu.Lock()
		if err == nil {
			l.acked[prefix+name] += delta
		} else {
			l.failed[err.Error()]++
		}
		l.mu.Unlock()
		if err != nil && l.leave.Load() {
			return
		}
	}
}

// stop ends the load and returns what was acknowledged, and the errors.
func (l *load) stop() (acked map[string]int64, failed map[string]int) {
	select {
	case <-l.halt:
	default:
		close(l.halt)
	}
	l.wg.Wait()
	return l.acked, l.failed
}

// more waits until so many further increments were acknowledged.
func (l *load) more(increments int64) {
	l.t.Helper()
	start := l.sum()
	eventually(l.t, 20*time.Second, func() error {
		if done := l.sum() - start; done < increments {
			return fmt.Errorf("%d of %d", done, increments)
		}
		return nil
	})
}

func (l *load) sum() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, acked := range l.acked {
		n += acked
	}
	return n
}

// check compares the totals in Redis with what was acknowledged.
func (l *load) check(r *redisServer) {
	l.t.Helper()
	for _, key := range slices.Sorted(maps.Keys(l.acked)) {
		prefix, name, _ := strings.Cut(key, ".")
		b := openBooks(l.t, r, prefix+".")
		if got := b.total(name); got != l.acked[key] {
			l.t.Errorf("%s: Redis has %d, acknowledged were %d", key, got, l.acked[key])
		}
		if container[prefix+"."] == container["DK."] {
			if got := b.slice(l.p.id, name); got != l.acked[key] {
				l.t.Errorf("%s: the slice is %d, acknowledged were %d", key, got, l.acked[key])
			}
		}
	}
}
