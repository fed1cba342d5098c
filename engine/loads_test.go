package engine

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

func TestLoadsOfFewGoFirst(t *testing.T) {
	var l loadLine
	cells := make([]cell, 10_000)
	for i := range cells {
		l.add(&cells[i], i < 6000)
	}
	for i, want := range []struct{ few, many int }{{1500, 500}, {1500, 500}, {1000, 1000}, {0, 2000}, {0, 2000}, {0, 0}} {
		got := l.take()
		few := 0
		for few < len(got) && slices.Index(toPointers(cells[6000:]), got[few]) >= 0 {
			few++
		}
		if few != want.few || len(got)-few != want.many {
			t.Fatalf("round %d has %d of few and %d of many, want %v", i, few, len(got)-few, want)
		}
	}
}

func toPointers(cells []cell) []*cell {
	all := make([]*cell, len(cells))
	for i := range cells {
		all[i] = &cells[i]
	}
	return all
}

// A read of one counter is not behind those of commands that name thousands.
func TestReadDoesNotWaitForCommandsOfManyKeys(t *testing.T) {
	m := miniredis.RunT(t)
	e, g := gateForTest(t, m.Addr(), Options{CommandTimeout: time.Minute, FlushInterval: time.Minute})
	f := LaxInstance
	mustInc(t, e, f, "warm", 0)
	p := partitionForTest(t, e, f, DefaultNamespace)
	mustFlush(t, e)
	get := func(keys ...Key) <-chan error {
		done := make(chan error, 1)
		go func() {
			res := make([]Result, len(keys))
			e.Get(t.Context(), f, keys, res)
			done <- res[0].Err
		}()
		return done
	}
	reads := callsOf(lua.InstRead)
	first := g.hold(t, reads)
	answers := []<-chan error{get(keyOf("first"))}
	first.await(t, 1)
	const many, each = 5, 3000
	for i := range many {
		answers = append(answers, get(manyKeys(string(rune('a'+i)), each)...))
	}
	inLine := func(n int) func() bool {
		return func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.loads.len() == n
		}
	}
	eventually(t, 20*time.Second, "those of the commands in line", inLine(many*each))
	cold := get(keyOf("cold"))
	eventually(t, 20*time.Second, "the last in line", inLine(many*each+1))
	var passed atomic.Int64
	rest := g.hold(t, func(calls []lua.Call) bool { return reads(calls) && passed.Add(1) > 1 })
	first.release()
	select {
	case err := <-cold:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("not answered with the next round")
	}
	rest.release()
	for _, answer := range answers {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
}
