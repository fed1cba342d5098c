package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// absence is a world with a proxy that stays and one that can be cut off.
type absence struct {
	r           *redisServer
	b           *books
	stays, gone *party
}

// newAbsence starts both; gone has 5 of x and 7 of y, stays 1 of x.
func newAbsence(t *testing.T, prefix string) *absence {
	t.Helper()
	r := startRedis(t)
	a := &absence{
		r: r, b: openBooks(t, r, prefix),
		stays: join(t, r, prefix, "stays", engine.Options{}),
		gone:  join(t, r, prefix, "gone", engine.Options{}),
	}
	a.stays.ints("INC", "x", 1)
	a.gone.ints("MINC", "x", 5, "y", 7)
	a.stays.flushed()
	a.gone.flushed()
	a.stays.sees("x", 6, 1)
	a.gone.sees("x", 6, 5)
	return a
}

// bury cuts gone off and waits until it is buried.
func (a *absence) bury() {
	a.gone.t.Helper()
	a.gone.link.Down()
	a.b.awaitDeath("gone")
	a.b.awaitBurial("gone", a.stays, "x")
}

// totals waits until Redis itself has these totals.
func (a *absence) totals(want map[string]int64) {
	a.b.t.Helper()
	eventually(a.b.t, 10*time.Second, func() error {
		for name, n := range want {
			if got := a.b.total(name); got != n {
				return fmt.Errorf("Redis has %s = %d, want %d", name, got, n)
			}
		}
		return nil
	})
}

func TestRecoveryThroughGet(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.bury()
		a.stays.sees("x", 1, 1)
		a.gone.link.Up()
		a.gone.sees("x", 6, 5)
		a.gone.sees("y", 7, 7)
		a.totals(map[string]int64{"x": 6, "y": 7})
		a.stays.sees("x", 6, 1)
		if a.b.exists(a.b.key("buried", "gone")) || !a.b.known("gone") {
			t.Error("it is back, but Redis does not know it")
		}
		if n := a.gone.engine.Stats().Restored; n != 2 {
			t.Errorf("Stats().Restored is %d, want 2", n)
		}
	}, "DK.", "DKS.")
}

func TestRecoveryThroughInc(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.bury()
		a.gone.link.Up()
		eventually(t, 10*time.Second, func() error { return a.gone.do("INC", "x", 2).Err() })
		a.gone.sees("x", 8, 7)
		a.gone.sees("y", 7, 7)
		a.totals(map[string]int64{"x": 8, "y": 7})
	}, "DK.", "DKS.")
}

func TestRecoveryThroughTheHeartbeatAlone(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.bury()
		a.gone.link.Up()
		a.totals(map[string]int64{"x": 6, "y": 7})
		if n := a.b.slice("gone", "x"); n != 5 {
			t.Errorf("its slice of x is %d, want 5", n)
		}
	}, "DK.", "DKS.")
}

func TestRecoveryOfManyCounters(t *testing.T) {
	const counters = 1700
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		incMany(a.gone, counters, 3)
		a.gone.flushed()
		a.bury()
		a.gone.link.Up()
		eventually(t, 10*time.Second, func() error {
			slices := a.b.hash(a.b.key("count", "gone"))
			if len(slices) != counters+2 {
				return fmt.Errorf("%d slices are back, want %d", len(slices), counters+2)
			}
			return nil
		})
		for name, total := range a.b.hash(a.b.totalsKey()) {
			if name[0] == 'c' && total != 3 {
				t.Fatalf("%s is %d, want 3", name, total)
			}
		}
	}, "DK.", "DKS.")
}

// Only cut off, never buried: nothing is moved.
func TestShortAbsence(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.gone.link.Down()
		a.b.awaitDeath("gone")
		a.gone.link.Up() // before anybody touches
		a.gone.sees("x", 6, 5)
		a.gone.want([]int64{6, 5}, "GET", "x")
		a.stays.sees("x", 6, 1)
	}, "DK.", "DKS.")
}

func TestNoRecoveryWhereTheEpochMoved(t *testing.T) {
	for _, when := range []string{"before the burial", "after the burial"} {
		t.Run(when, func(t *testing.T) {
			onPrefixes(t, func(t *testing.T, prefix string) {
				t.Parallel()
				a := newAbsence(t, prefix)
				a.gone.ints("INC", "z", 9)
				a.gone.flushed()
				change := func() {
					a.stays.ints("SET", "x", 50)
					a.stays.want([]int64{map[bool]int64{true: 9}[when == "before the burial"], 0}, "DEL", "z")
				}
				if when == "before the burial" {
					a.gone.link.Down()
					change()
				}
				a.bury()
				if when == "after the burial" {
					change()
				}
				a.gone.link.Up()
				a.gone.sees("y", 7, 7)
				a.gone.sees("x", 50, 0)
				a.gone.sees("z", 0, 0)
				a.totals(map[string]int64{"x": 50, "y": 7, "z": 0})
				a.gone.ints("INC", "x", 2)
				a.gone.sees("x", 52, 2)
				a.stays.sees("x", 52, 50)
			}, "DK.", "DKS.")
		})
	}
}

func TestIncrementsAcceptedWhileCutOffArriveOnce(t *testing.T) {
	a := newAbsence(t, "DK.")
	a.gone.link.Down()
	for i := range 3 {
		mine := int64(5 + 3*(i+1))
		a.gone.want([]int64{mine + 1, mine}, "INC", "x", 3)
	}
	a.bury()
	a.gone.want([]int64{16, 15}, "INC", "x", 1)
	a.stays.sees("x", 1, 1)
	a.gone.link.Up()
	a.gone.flushed()
	a.gone.sees("x", 16, 15)
	a.stays.sees("x", 16, 1)
	a.totals(map[string]int64{"x": 16, "y": 7})
}

func TestIncrementsAcceptedAcrossAnothersSet(t *testing.T) {
	a := newAbsence(t, "DK.")
	a.gone.link.Down()
	a.gone.want([]int64{9, 8}, "INC", "x", 3)
	a.bury()
	a.stays.ints("SET", "x", 50)
	a.gone.link.Up()
	a.gone.flushed()
	a.gone.sees("x", 53, 3)
	a.stays.sees("x", 53, 50)
	a.totals(map[string]int64{"x": 53, "y": 7})
}

func TestClearIsNotUndoneByAReturn(t *testing.T) {
	for _, when := range []string{"before the burial", "after the burial"} {
		t.Run(when, func(t *testing.T) {
			onPrefixes(t, func(t *testing.T, prefix string) {
				t.Parallel()
				a := newAbsence(t, prefix)
				a.gone.ints("SET", "z", 4)
				if when == "after the burial" {
					a.bury()
				}
				a.gone.link.Down()
				if err := a.stays.do("CLEAR").Err(); err != nil {
					t.Fatal(err)
				}
				a.stays.ints("INC", "x", 1)
				a.stays.flushed()
				a.gone.link.Up()
				a.gone.sees("x", 1, 0)
				a.gone.sees("y", 0, 0)
				a.gone.sees("z", 0, 0)
				during(2*deadAfter, func() { a.stays.want([]int64{1, 1}, "GET", "x") })
				a.totals(map[string]int64{"x": 1, "y": 0, "z": 0})
				a.gone.ints("INC", "x", 2)
				a.gone.sees("x", 3, 2)
				a.gone.ints("INC", "z", 2)
				a.gone.sees("z", 2, 2)
				a.stays.sees("x", 3, 1)
			}, "DK.", "DKS.")
		})
	}
}

func TestRestartTakesTheSlicesOver(t *testing.T) {
	for _, when := range []string{"before the burial", "after the burial"} {
		t.Run(when, func(t *testing.T) {
			onPrefixes(t, func(t *testing.T, prefix string) {
				t.Parallel()
				a := newAbsence(t, prefix)
				a.gone.stop(5 * time.Second)
				if when == "after the burial" {
					a.bury()
					a.stays.sees("x", 1, 1)
				}
				again := join(t, a.r, prefix, "gone", engine.Options{})
				again.want([]int64{8, 7}, "INC", "x", 2)
				again.sees("y", 7, 7)
				again.flushed()
				a.totals(map[string]int64{"x": 8, "y": 7})
				during(3*deadAfter, func() { a.stays.ints("GET", "y") })
				a.stays.sees("x", 8, 1)
				a.stays.sees("y", 7, 0)
			}, "DK.", "DKS.")
		})
	}
}

// A restarted instance that only reads has its slices none the less.
func TestRestartThatOnlyReadsKeepsTheSlices(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.gone.stop(5 * time.Second)
		again := join(t, a.r, prefix, "gone", engine.Options{})
		again.want([]int64{6, 5}, "GET", "x")
		during(3*deadAfter, func() { a.stays.want([]int64{7, 0}, "GET", "y") })
		a.stays.want([]int64{6, 1}, "GET", "x")
	}, "DK.", "DKS.")
}

// After CLEARI of a buried instance there is nothing to come back.
func TestClearIAfterABurial(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.bury()
		a.gone.link.Up()
		eventually(t, 10*time.Second, func() error { return a.gone.do("CLEARI").Err() })
		a.gone.sees("x", 1, 0)
		a.gone.sees("y", 0, 0)
		during(2*deadAfter, func() { a.stays.ints("GET", "x") })
		a.totals(map[string]int64{"x": 1, "y": 0})
	}, "DK.", "DKS.")
}

// A proxy that was cut off gives the others, who may have been too, time to
// be heard before it buries anybody.
func TestNobodyIsBuriedJustAfterACut(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.stays.link.Down()
		a.gone.link.Down()
		a.b.awaitDeath("gone")
		a.b.awaitDeath("stays")
		during(deadAfter, func() { a.stays.do("GET", "x") })
		back := time.Now()
		a.stays.link.Up()
		eventually(t, 10*time.Second, func() error {
			if err := a.stays.do("GET", "x").Err(); err != nil && !strings.HasPrefix(err.Error(), "LOADING") {
				t.Fatal(err)
			}
			if a.b.known("gone") {
				return errors.New("not buried")
			}
			return nil
		})
		if after := time.Since(back); after < deadAfter {
			t.Errorf("buried %v after the link was up, want %v or more", after, deadAfter)
		}
		a.stays.sees("x", 1, 1)
	}, "DK.", "DKS.")
}

func TestSetIAcrossAnothersSet(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		a := newAbsence(t, prefix)
		a.stays.want([]int64{100, 100}, "SET", "x", 100)
		a.gone.ints("SETI", "x", 4) // its proxy may still believe in 5 of 6
		a.gone.flushed()
		a.gone.sees("x", 104, 4)
		a.stays.sees("x", 104, 100)
		a.gone.ints("SETI", "y", 2)
		a.gone.sees("y", 2, 2)
		a.totals(map[string]int64{"x": 104, "y": 2})
	}, "DK.", "DKS.")
}

func TestSetIWhileCutOffAcrossAnothersSet(t *testing.T) {
	a := newAbsence(t, "DK.")
	a.gone.link.Down()
	a.gone.want([]int64{5, 4}, "SETI", "x", 4)
	a.gone.want([]int64{6, 5}, "INC", "x", 1)
	a.stays.want([]int64{100, 100}, "SET", "x", 100)
	a.gone.link.Up()
	a.gone.flushed()
	a.gone.sees("x", 105, 5)
	a.stays.sees("x", 105, 100)
	a.totals(map[string]int64{"x": 105, "y": 7})
}
