package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

func TestIdleCountersLeaveMemory(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		const idle = 200 * time.Millisecond
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "me", engine.Options{IdleAfter: idle, DeadAfter: 30 * time.Second})
		incMany(p, 1000, 2)
		p.flushed()
		forgotten := func(want int) {
			t.Helper()
			eventually(t, 10*time.Second, func() error {
				if n := p.engine.Stats().Counters; n != want {
					return fmt.Errorf("%d counters are in memory, want %d", n, want)
				}
				return nil
			})
		}
		forgotten(0)
		if got, err := p.totalOf("INC", "c7", 1); err != nil || got != 3 {
			t.Errorf("after its return from Redis c7 is %d, want 3 (%v)", got, err)
		}
		p.flushed()

		// What is pending stays, for as long as it is.
		incMany(p, 20, 1)
		p.flushed()
		p.link.Down()
		incMany(p, 10, 5)
		forgotten(10)
		during(4*idle, func() {
			if n := p.engine.Stats().Counters; n != 10 {
				t.Fatalf("%d counters are in memory, want the 10 with something pending", n)
			}
		})
		p.link.Up()
		p.flushed()
		forgotten(0)
		totals := b.hash(b.totalsKey())
		for i := range 10 {
			want := int64(2 + 1 + 5)
			if i == 7 {
				want++
			}
			if name := fmt.Sprint("c", i); totals[name] != want {
				t.Errorf("%s is %d, want %d", name, totals[name], want)
			}
		}
	}, "DK.", "DKC.")
}

// Counters in memory that nobody uses cost Redis nothing.
func TestIdleCountersCostNoTraffic(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		p := join(t, r, prefix, "me", engine.Options{DeadAfter: time.Hour})
		incMany(p, 1000, 2)
		p.flushed()
		if err := p.c.Do(context.Background(), "PING").Err(); err != nil {
			t.Fatal(err)
		}
		startMonitor(t, r).quiet(500 * time.Millisecond)
	}, "DK.", "DKC.")
}
