package admin

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneQuestionForAllProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContact()
		var asked atomic.Int32
		reach := func(context.Context) error {
			time.Sleep(100 * time.Millisecond)
			asked.Add(1)
			return nil
		}
		var probes sync.WaitGroup
		for range 50 {
			probes.Go(func() {
				if err := c.ask(t.Context(), reach); err != nil {
					t.Error(err)
				}
			})
		}
		probes.Wait()
		_ = c.ask(t.Context(), reach)
		if n := asked.Load(); n != 1 {
			t.Errorf("Redis was asked %d times within a second, want once", n)
		}
		time.Sleep(contactFor)
		_ = c.ask(t.Context(), reach)
		if n := asked.Load(); n != 2 {
			t.Errorf("Redis was asked %d times, want again after a second", n)
		}
	})
}

func TestProbeDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContact()
		begun := time.Now()
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		if err := c.ask(t.Context(), hang); !errors.Is(err, errNoAnswer) || time.Since(begun) != askLimit {
			t.Errorf("%v after %v, want %v after %v", err, time.Since(begun), errNoAnswer, askLimit)
		}
		left, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.ask(left, hang); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that is gone: %v", err)
		}
		c.stop()
		c.wait(t.Context())
		if err := c.ask(t.Context(), hang); !errors.Is(err, context.Canceled) {
			t.Errorf("after stop: %v", err)
		}
	})
}
