package engine

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// However often counters are to be flushed while Redis is away, each waits in
// line once.
func TestHurriedCountersWaitOnce(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		m := miniredis.RunT(t)
		e, gate := gateForTest(t, m.Addr(), unhurried)
		keys := manyKeys("named", 20)
		for _, key := range keys {
			mustInc(t, e, f, string(key.Counter), 0)
		}
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		gate.shut()
		for _, key := range keys {
			mustInc(t, e, f, string(key.Counter), 1)
		}
		p := partitionForTest(t, e, f, DefaultNamespace)
		for range 10 {
			if _, err := e.Flush(impatient, f, keys); err == nil {
				t.Fatal("flushed while Redis was away")
			}
			for _, key := range keys { // those that are in flight have something new, too
				mustInc(t, e, f, string(key.Counter), 1)
			}
		}
		p.mu.Lock()
		waiting := len(p.hurry)
		p.mu.Unlock()
		if waiting > len(keys) {
			t.Errorf("%d places in line for %d counters", waiting, len(keys))
		}
		gate.open()
		eventually(t, 10*time.Second, "a flush", func() bool {
			_, err := e.Flush(t.Context(), f, keys)
			return err == nil
		})
		b := booksForTest(t, m, f)
		for _, key := range keys {
			if got := m.HGet(b.totalsKey(), string(key.Counter)); got != "11" {
				t.Errorf("%s is %q in Redis, want 11", key.Counter, got)
			}
		}
	})
}
