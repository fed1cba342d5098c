package integration

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// A proxy that is stopped for longer than dead_after, with a batch on its way
// that Redis has carried out and not been heard to answer, is buried. When it goes
// on, the batch is not applied again, and what was taken comes back.
func TestProgramStoppedInTheMiddleOfABatch(t *testing.T) {
	bin := buildProgram(t)
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		link := startLink(t, r.addr)
		prog := startProgram(t, bin, &redisServer{addr: link.Addr()}, "--dead-after", deadAfter.String())
		ctx, c := context.Background(), client(t, prog.addr)
		inc := func(n int64) {
			t.Helper()
			if err := c.Do(ctx, prefix+"INC", "x", n).Err(); err != nil {
				t.Fatal(err)
			}
		}
		inc(3)
		eventually(t, 10*time.Second, func() error { return c.Do(ctx, "DK.FLUSH").Err() })
		link.Set(func(f *loopback.Faults) { f.Swallow = true })
		inc(40)
		eventually(t, 10*time.Second, func() error {
			if got := b.total("x"); got != 43 {
				return fmt.Errorf("Redis has %d, want 43", got)
			}
			return nil
		})
		prog.cmd.Process.Signal(syscall.SIGSTOP)
		other := join(t, r, prefix, "other", engine.Options{})
		if prefix == "DK." {
			b.awaitDeath("me")
			b.awaitBurial("me", other, "x")
			if got := b.total("x"); got != 0 {
				t.Errorf("Redis has %d after the burial, want 0", got)
			}
		}
		other.ints("INC", "x", 500)
		other.flushed()
		link.Set(func(f *loopback.Faults) { f.Swallow = false })
		prog.cmd.Process.Signal(syscall.SIGCONT)
		inc(1000)
		eventually(t, 20*time.Second, func() error { return c.Do(ctx, "DK.FLUSH").Err() })
		eventually(t, 20*time.Second, func() error {
			if got := b.total("x"); got != 1543 {
				return fmt.Errorf("Redis has %d, want 1543", got)
			}
			return nil
		})
		prog.cmd.Process.Signal(syscall.SIGTERM)
		if code := prog.exit(t, 10*time.Second); code != 0 {
			t.Errorf("exit code %d:\n%s", code, prog.log)
		}
		if got := b.total("x"); got != 1543 && got != 500 { // or buried again, after its end
			t.Errorf("Redis has %d after the end, want 1543", got)
		}
	}, "DK.", "DKC.")
}
