package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// fault is something that happens to Redis, or to the way there, under load.
type fault struct {
	name string
	conf []string
	// happens makes it happen, and be over, while the load runs.
	happens func(f *faultEnv)
	// forgets: Redis loses data, so that totals are no longer what was acknowledged.
	forgets bool
}

type faultEnv struct {
	t    *testing.T
	r    *redisServer
	b    *books
	p    *party
	load *load
}

var durable = []string{"appendonly yes", "appendfsync always"}

var allFaults = []fault{
	{name: "lost replies", happens: func(f *faultEnv) {
		for range 10 {
			f.p.link.Set(func(f *loopback.Faults) { f.Lose = 2 })
			eventually(f.t, 10*time.Second, func() error {
				if f.p.link.Losing() > 0 {
					return errors.New("no reply to lose")
				}
				return nil
			})
		}
	}},
	{name: "swallowed replies", happens: func(f *faultEnv) {
		for range 2 {
			f.p.link.Set(func(f *loopback.Faults) { f.Swallow = true })
			f.failures(2)
			f.cold()
			f.p.link.Set(func(f *loopback.Faults) { f.Swallow = false })
			f.recovered()
		}
	}},
	{name: "cut again and again", happens: func(f *faultEnv) {
		for range 30 {
			f.load.more(20)
			f.p.link.Cut()
		}
	}},
	{name: "connections refused", happens: func(f *faultEnv) {
		f.p.link.Down()
		f.failures(3)
		f.cold()
		f.p.link.Up()
	}},
	{name: "script flush", happens: func(f *faultEnv) {
		for range 30 {
			f.load.more(20)
			if err := f.b.c.ScriptFlush(context.Background()).Err(); err != nil {
				f.t.Fatal(err)
			}
		}
	}},
	{name: "killed and restarted", conf: durable, happens: func(f *faultEnv) {
		for range 2 {
			f.load.more(100)
			f.r.kill()
			f.failures(2)
			f.cold()
			f.r.start()
			f.recovered()
		}
	}},
	{name: "restarted empty", forgets: true, happens: func(f *faultEnv) {
		f.r.kill()
		f.failures(2)
		f.r.start()
		f.recovered()
	}},
	{name: "flushall", forgets: true, happens: func(f *faultEnv) {
		for range 3 {
			f.load.more(100)
			if err := f.b.c.FlushAll(context.Background()).Err(); err != nil {
				f.t.Fatal(err)
			}
		}
	}},
	{name: "stopped for a second", happens: func(f *faultEnv) {
		f.r.signal(syscall.SIGSTOP)
		start := time.Now()
		f.failures(2)
		f.cold()
		<-time.After(time.Until(start.Add(time.Second)))
		f.r.signal(syscall.SIGCONT)
	}},
	{name: "out of memory", happens: func(f *faultEnv) {
		f.config("maxmemory", "1")
		f.failures(2)
		f.cold()
		f.config("maxmemory", "0")
	}},
	{name: "read-only replica", happens: func(f *faultEnv) {
		replicaOf := func(host, port string) {
			if err := f.b.c.Do(context.Background(), "REPLICAOF", host, port).Err(); err != nil {
				f.t.Fatal(err)
			}
		}
		replicaOf("127.0.0.1", "1")
		f.failures(2)
		f.cold()
		replicaOf("NO", "ONE")
	}},
}

func TestFaultsUnderLoad(t *testing.T) {
	for _, fault := range allFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			underLoad(t, fault)
		})
	}
}

// underLoad has a fault happen while clients count, and compares what Redis has
// with what they were told.
func underLoad(t *testing.T, fault fault) {
	t.Helper()
	r := startRedis(t, fault.conf...)
	p := join(t, r, "DK.", "me", engine.Options{DeadAfter: 30 * time.Second, CommandTimeout: 200 * time.Millisecond})
	f := &faultEnv{t: t, r: r, b: openBooks(t, r, "DK."), p: p}
	f.load = startLoad(t, p, "DK.", "DKC.")
	f.load.more(200)
	f.recovered() // so that Redis has something to lose
	fault.happens(f)
	f.recovered()
	f.load.more(200)
	_, failed := f.load.stop()
	if len(failed) > 0 {
		t.Errorf("counters in memory failed: %v", failed)
	}
	p.flushed()
	if !fault.forgets {
		f.load.check(r)
		return
	}
	f.goesOnCounting()
}

// failures waits until Redis was not reached so many times more.
func (f *faultEnv) failures(n uint64) {
	f.t.Helper()
	start := f.p.engine.Stats().Failures
	eventually(f.t, 20*time.Second, func() error {
		if got := f.p.engine.Stats().Failures - start; got < n {
			return fmt.Errorf("%d failures of %d", got, n)
		}
		return nil
	})
}

// recovered waits until nothing old is pending any longer.
func (f *faultEnv) recovered() {
	f.t.Helper()
	eventually(f.t, 20*time.Second, func() error {
		return f.p.c.Do(context.Background(), "DK.FLUSH").Err()
	})
}

// cold checks that a counter that is not in memory is answered by LOADING, and
// one that is by its value.
func (f *faultEnv) cold() {
	f.t.Helper()
	for _, prefix := range []string{"DK.", "DKC."} {
		err := f.p.c.Do(context.Background(), prefix+"INC", "never-seen", 1).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "LOADING distkit:") {
			f.t.Errorf("a cold counter: %v, want LOADING", err)
		}
		if err := f.p.c.Do(context.Background(), prefix+"GET", "a").Err(); err != nil {
			f.t.Errorf("a counter in memory: %v", err)
		}
	}
	f.load.more(20)
}

func (f *faultEnv) config(name, value string) {
	f.t.Helper()
	if err := f.b.c.ConfigSet(context.Background(), name, value).Err(); err != nil {
		f.t.Fatal(err)
	}
}

// goesOnCounting checks that after a loss the proxy and Redis agree, and that
// from here on nothing is lost or repeated.
func (f *faultEnv) goesOnCounting() {
	f.t.Helper()
	for _, prefix := range []string{"DK.", "DKC."} {
		b := openBooks(f.t, f.r, prefix)
		for _, name := range loadCounters {
			before := b.total(name)
			if acked := f.load.acked[prefix+name]; before <= 0 || before > acked {
				f.t.Errorf("%s%s: Redis has %d, acknowledged were %d", prefix, name, before, acked)
			}
			eventually(f.t, 10*time.Second, func() error {
				p := &party{testProxy: f.p.testProxy, c: f.p.c, prefix: prefix}
				if got, err := p.totalOf("GET", name); err != nil || got != before {
					return fmt.Errorf("%s%s reads %d, Redis has %d (%v)", prefix, name, got, before, err)
				}
				return nil
			})
			if err := f.p.c.Do(context.Background(), prefix+"INC", name, 7).Err(); err != nil {
				f.t.Fatal(err)
			}
			f.p.flushed()
			if got := b.total(name); got != before+7 {
				f.t.Errorf("%s%s: Redis has %d after an increment by 7 of %d", prefix, name, got, before)
			}
		}
	}
	if n := f.p.engine.Stats().RecordsLost; n == 0 {
		f.t.Error("Stats().RecordsLost is 0")
	}
}
