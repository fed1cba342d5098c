package integration

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/lua"
)

func TestDeadInstanceIsBuried(t *testing.T) {
	for _, way := range []struct {
		name string
		die  func(*party)
	}{
		{"crashed", (*party).crash},
		{"stopped", func(p *party) { p.stop(5 * time.Second) }},
		{"cut", func(p *party) { p.link.Down() }},
	} {
		for _, touch := range []string{"GET", "INC"} {
			name := way.name + "/" + touch
			t.Run(name, func(t *testing.T) {
				onPrefixes(t, func(t *testing.T, prefix string) {
					t.Parallel()
					r := startRedis(t)
					b := openBooks(t, r, prefix)
					alive := join(t, r, prefix, "alive", engine.Options{})
					idle := join(t, r, prefix, "idle", engine.Options{})
					dead := join(t, r, prefix, "dead", engine.Options{})
					alive.ints("MINC", "x", 1, "y", 10, "touched", 0)
					idle.ints("MINC", "x", 4)
					dead.ints("SET", "z", 7)
					dead.ints("MINC", "x", 2, "y", 20, "z", 3)
					dead.flushed()
					idle.flushed()
					alive.flushed()
					alive.sees("x", 7, 1)
					way.die(dead)
					b.awaitDeath("dead")
					eventually(t, 10*time.Second, func() error {
						if alive.ints(touch, "touched"); b.known("dead") {
							return fmt.Errorf("the dead instance is not buried")
						}
						return nil
					})
					alive.sees("x", 5, 1)
					alive.sees("y", 10, 10)
					alive.sees("z", 0, 0)
					idle.sees("x", 5, 4)

					if b.exists(b.key("count", "dead")) {
						t.Error("its slices are still there")
					}
					ctx := context.Background()
					buried, err := b.c.HGetAll(ctx, b.key("buried", "dead")).Result()
					if err != nil {
						t.Fatal(err)
					}
					mark, err := b.c.HGet(ctx, b.key("epoch"), "").Result()
					if err != nil {
						t.Fatal(err)
					}
					want := map[string]string{"": mark, "x": "2 0", "y": "20 0", "z": "10 1"}
					if !maps.Equal(buried, want) {
						t.Errorf("buried is %v, want %v", buried, want)
					}
					ttl, err := b.c.TTL(ctx, b.key("buried", "dead")).Result()
					if err != nil || ttl > 24*time.Hour || ttl < 23*time.Hour {
						t.Errorf("the buried slices live for %v, want a day (%v)", ttl, err)
					}
				}, "DK.", "DKS.")
			})
		}
	}
}

func TestSeveralDieAtOnce(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		alive := join(t, r, prefix, "alive", engine.Options{})
		alive.ints("INC", "x", 1)
		for i := range 4 {
			p := join(t, r, prefix, fmt.Sprint("dead", i), engine.Options{})
			p.ints("INC", "x", 10)
			p.stop(5 * time.Second)
		}
		alive.sees("x", 41, 1)
		alive.sees("x", 1, 1)
		for i := range 4 {
			if id := fmt.Sprint("dead", i); b.known(id) || !b.exists(b.key("buried", id)) {
				t.Errorf("%s is not buried", id)
			}
		}
	}, "DK.", "DKS.")
}

func TestManyCountersAreBuriedInBoundedSteps(t *testing.T) {
	const counters = 3000
	onPrefixes(t, func(t *testing.T, prefix string) {
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		alive := join(t, r, prefix, "alive", engine.Options{})
		dead := join(t, r, prefix, "dead", engine.Options{})
		incMany(alive, counters/2, 1)
		incMany(dead, counters, 5)
		mon := startMonitor(t, r) // before it may be dead: whoever notices first buries
		dead.stop(5 * time.Second)
		alive.flushed()
		b.awaitDeath("dead")
		b.awaitBurial("dead", alive, "c0")

		totals := b.hash(b.totalsKey())
		for i := range counters {
			want := int64(0)
			if i < counters/2 {
				want = 1
			}
			if name := fmt.Sprint("c", i); totals[name] != want {
				t.Fatalf("%s is %d, want %d", name, totals[name], want)
			}
		}
		if n := len(b.hash(b.key("count", "dead"))); n != 0 {
			t.Errorf("%d slices are left", n)
		}
		steps := 0
		for _, line := range mon.until(b.c) {
			if strings.Contains(line, lua.InstBury.SHA) {
				steps++
			}
		}
		if steps < counters/500 {
			t.Errorf("%d slices in %d scripts, want at most 500 in each", counters, steps)
		}
		if n := alive.engine.Stats().Buried; n != counters {
			t.Errorf("Stats().Buried is %d, want %d", n, counters)
		}

		back := join(t, r, prefix, "dead", engine.Options{})
		back.sees("c0", 6, 5)
		eventually(t, 10*time.Second, func() error {
			for name, total := range b.hash(b.totalsKey()) {
				i, _ := strconv.Atoi(name[1:])
				if want := int64(5 + (counters-1-i)/(counters/2)); total != want {
					return fmt.Errorf("%s is %d after its return, want %d", name, total, want)
				}
			}
			return nil
		})
	}, "DK.", "DKS.")
}

func TestIdleInstanceWithASliceStaysAlive(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		watcher := join(t, r, prefix, "watcher", engine.Options{})
		idle := join(t, r, prefix, "idle", engine.Options{})
		idle.ints("INC", "x", 2)
		idle.flushed()
		watcher.sees("x", 2, 0)
		during(4*deadAfter, func() {
			watcher.want([]int64{2, 0}, "GET", "x")
			if silent := b.silence("idle"); silent >= deadAfter {
				t.Fatalf("an instance with a slice has been silent for %v", silent)
			}
		})
		idle.want([]int64{2, 2}, "GET", "x")
	}, "DK.", "DKS.")
}

func TestNobodyIsBuriedBeforeItsTime(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "alive", engine.Options{})
		p.ints("INC", "x", 1)
		p.flushed()
		beat := b.plant("ghost", map[string]any{"x": 4}, 0)
		eventually(t, 10*time.Second, func() error {
			p.ints("INC", "y")
			if b.known("ghost") {
				return fmt.Errorf("the ghost is not buried")
			}
			return nil
		})
		if now := b.now(); now-beat < deadAfter.Milliseconds() {
			t.Errorf("buried %d ms after its heartbeat by Redis' clock, want %d or more", now-beat, deadAfter.Milliseconds())
		}
		p.sees("x", 1, 1)
	}, "DK.", "DKS.")
}

// A heartbeat in the future of Redis' clock keeps an instance, one in its past
// does not, whatever the proxies' clocks say.
func TestOnlyRedisClockCounts(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "alive", engine.Options{})
		p.ints("INC", "x", 1)
		p.flushed()
		b.plant("future", map[string]any{"x": 100}, time.Hour)
		b.plant("past", map[string]any{"x": 10}, -deadAfter)
		p.sees("x", 101, 1)
		if !b.known("future") || b.known("past") {
			t.Errorf("future known: %v, want true; past known: %v, want false", b.known("future"), b.known("past"))
		}
	}, "DK.", "DKS.")
}

func TestNoSliceNoTraffic(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		p := join(t, r, prefix, "idle", engine.Options{})
		p.ints("GET", "y")
		p.ints("INC", "x", 2)
		p.ints("DELI", "x")
		mon := startMonitor(t, r)
		mon.quiet(3 * deadAfter)
	}, "DK.", "DKS.")
}

func TestIdleWithASliceSendsOnlyHeartbeats(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		p := join(t, r, prefix, "idle", engine.Options{})
		p.ints("INC", "x", 2)
		p.flushed()
		mon := startMonitor(t, r)
		beats := 0
		for _, line := range mon.read(4 * deadAfter) {
			if strings.Contains(line, lua.InstBeat.SHA) {
				beats++
			} else if !strings.Contains(line, `"script" "load"`) {
				t.Errorf("not a heartbeat: %s", line)
			}
		}
		if beats < 5 || beats > 10 {
			t.Errorf("%d heartbeats in %v, want one every %v", beats, 4*deadAfter, deadAfter/2)
		}
	}, "DK.", "DKS.")
}

func TestNewInstanceJoinsAfterADeath(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		old := join(t, r, prefix, "old", engine.Options{})
		old.ints("INC", "x", 5)
		old.stop(5 * time.Second)
		b.awaitDeath("old")
		p := join(t, r, prefix, "new", engine.Options{})
		p.ints("INC", "x", 2)
		p.sees("x", 2, 2)
		p.flushed()
		if n := b.total("x"); n != 2 {
			t.Errorf("Redis has %d, want 2", n)
		}
	}, "DK.", "DKS.")
}

func TestBurialThatWouldOverflow(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "alive", engine.Options{})
		p.ints("INC", "x", 1)
		p.flushed()
		ctx := context.Background()
		b.c.HSet(ctx, b.totalsKey(), "high", int64(math.MaxInt64), "low", int64(math.MinInt64), "fine", int64(math.MaxInt64), "y", 12)
		b.plant("ghost", map[string]any{"high": -1, "low": 1, "fine": int64(math.MaxInt64), "y": 2}, -deadAfter)
		b.awaitBurial("ghost", p, "x")
		for name, want := range map[string]int64{"high": math.MaxInt64, "low": math.MinInt64, "fine": 0, "y": 10, "x": 1} {
			if got := b.total(name); got != want {
				t.Errorf("%s is %d, want %d", name, got, want)
			}
		}
		if n := p.engine.Stats().BurialOverflows; n != 2 {
			t.Errorf("Stats().BurialOverflows is %d, want 2", n)
		}
		ghost := join(t, r, prefix, "ghost", engine.Options{})
		for name, want := range map[string][]int64{
			"high": {math.MaxInt64, -1}, "low": {math.MinInt64, 1}, "fine": {math.MaxInt64, math.MaxInt64}, "y": {12, 2},
		} {
			ghost.sees(name, want...)
		}
	}, "DK.", "DKS.")
}

func TestClearIAndDelIOfManyCounters(t *testing.T) {
	const counters = 2500
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		stays := join(t, r, prefix, "stays", engine.Options{})
		goes := join(t, r, prefix, "goes", engine.Options{})
		incMany(stays, counters, 1)
		incMany(goes, counters, 5)
		stays.flushed()
		goes.flushed()
		for i := range 50 {
			goes.want([]int64{1, 5}, "DELI", fmt.Sprint("c", i))
			goes.want([]int64{1, 0}, "DELI", fmt.Sprint("c", i))
		}
		if err := goes.do("CLEARI").Err(); err != nil {
			t.Fatal(err)
		}
		for name, total := range b.hash(b.totalsKey()) {
			if total != 1 {
				t.Fatalf("%s is %d, want 1", name, total)
			}
		}
		if b.exists(b.key("count", "goes")) {
			t.Error("slices are left")
		}
		if n := len(b.hash(b.key("count", "stays"))); n != counters {
			t.Errorf("the other instance has %d slices, want %d", n, counters)
		}
		goes.want([]int64{1, 0}, "GET", "c7")
		goes.want([]int64{3, 2}, "INC", "c7", 2)
		stays.sees("c7", 3, 1)
	}, "DK.", "DKS.")
}

// plant puts an instance with slices into Redis, last heard of at Redis' clock
// plus ahead, adds the slices to totals that were not set by hand, and returns
// the heartbeat in ms.
func (b *books) plant(id string, slices map[string]any, ahead time.Duration) int64 {
	b.t.Helper()
	ctx := context.Background()
	beat := b.now() + ahead.Milliseconds()
	_, err := b.c.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		for name, slice := range slices {
			tx.HSet(ctx, b.key("count", id), name, slice)
			if name == "x" {
				tx.HIncrBy(ctx, b.totalsKey(), name, int64(slice.(int)))
			}
		}
		tx.ZAdd(ctx, b.key("instances"), redis.Z{Score: float64(beat), Member: id})
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return beat
}

// incMany adds delta to c0, c1, … of so many counters.
func incMany(p *party, counters int, delta int64) {
	p.t.Helper()
	for at := 0; at < counters; at += 500 {
		var args []any
		for i := at; i < min(at+500, counters); i++ {
			args = append(args, fmt.Sprint("c", i), delta)
		}
		if err := p.do("MINC", args...).Err(); err != nil {
			p.t.Fatal(err)
		}
	}
}

// during repeats a check for a while, pausing a little in between.
func during(d time.Duration, check func()) {
	for tick, end := time.NewTicker(5*time.Millisecond), time.Now().Add(d); time.Now().Before(end); <-tick.C {
		check()
	}
}
