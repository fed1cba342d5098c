package main

import (
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(&logging.VoidLogger{})
	// go-redis dials on for a pool that cannot reach Redis, once a second, and ends it
	// at the first attempt after the pool's end.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// TestShortSchedules runs the checker for a few seconds each on schedules that
// are always the same, with the proxy built with the race detector.
func TestShortSchedules(t *testing.T) {
	for _, c := range []struct {
		name, faults string
		seed         uint64
		journal      bool
	}{
		{"links", "cut,refused,lost replies,swallowed replies,half-open,SCRIPT FLUSH,CLIENT KILL,clock jump", 1, false},
		{"all", "", 2, false},
		{"journal", "", 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			chosen, err := choose("standalone", c.faults)
			if err != nil {
				t.Fatal(err)
			}
			run, err := run(t.Context(), options{
				duration: 4 * time.Second, round: 4 * time.Second, pause: 8 * time.Millisecond, seed: c.seed,
				setup: "standalone", proxies: 2, race: true, journal: c.journal, faults: c.faults, chosen: chosen, dir: t.TempDir(), out: os.Stderr,
			})
			if err != nil {
				t.Fatal(err)
			}
			run.report()
			if len(run.violations) > 0 || run.stats.acked.Load() == 0 || run.stats.checked.Load() == 0 {
				t.Errorf("%d violations, %d increments acknowledged, %d sums checked",
					len(run.violations), run.stats.acked.Load(), run.stats.checked.Load())
			}
		})
	}
}
