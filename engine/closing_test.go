package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// A namespace makes room for another while its flusher waits for Redis: who
// asks for it meanwhile is answered, without waiting for that.
func TestNamespaceThatLeavesDuringABurial(t *testing.T) {
	_, m := startForTest(t, Options{})
	e, gate := gateForTest(t, m.Addr(), Options{MaxNamespaces: 1, CommandTimeout: 5 * time.Second})
	f := LaxInstance
	keys := lua.NewKeys("old", f.Container(), 0, 1)
	m.ZAdd(keys.Instances(), 1, "dead")
	m.HSet(keys.Slices("dead"), "q", "1")
	m.HSet(keys.Cumulative(), "q", "1")
	burial := gate.hold(t, callsOf(lua.InstBury))
	old := partitionForTest(t, e, f, "old")
	key := Key{[]byte("old"), []byte("x")}
	if res := e.DelI(t.Context(), f, key); res.Err != nil {
		t.Fatal(res.Err)
	}
	burial.await(t, 1)

	answered := make(chan error, 7)
	go func() {
		var res [1]Result
		e.Inc(context.Background(), f, []Item{{Key: Key{[]byte("new"), []byte("x")}, N: 1}}, res[:])
		answered <- nil
	}()
	eventually(t, 5*time.Second, "a namespace that left", func() bool {
		old.mu.Lock()
		defer old.mu.Unlock()
		return old.gone
	})
	for range 3 {
		go func() { answered <- e.DelI(context.Background(), f, key).Err }()
		go func() { answered <- e.Del(context.Background(), f, key).Err }()
	}
	eventually(t, 3*time.Second, "answers while the burial waits", func() bool {
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		if mem.StackInuse > 64<<20 {
			t.Fatalf("%d MB of stack are in use", mem.StackInuse>>20)
		}
		return len(answered) == cap(answered)
	})
	burial.release()
}

// closing is what one of several calls of Close came to.
type closing struct {
	lost    []Lost
	err     error
	inRedis string // the counter's total when the call returned
}

// closeAtOnce closes an engine n times at once, within limit.
func closeAtOnce(e *Engine, n int, limit time.Duration, look func() string) []closing {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	all := make([]closing, n)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			all[i].lost, all[i].err = e.Close(ctx)
			all[i].inRedis = look()
		})
	}
	wg.Wait()
	return all
}

// Whoever closes the engine may rely on the flush being over when Close returns.
func TestClosesAtOnceAllWaitForTheFlush(t *testing.T) {
	_, m := startForTest(t, Options{})
	e, gate := gateForTest(t, m.Addr(), untouched)
	f := LaxPlain
	mustInc(t, e, f, "a", 7)
	flush := gate.hold(t, callsOf(lua.PlainApply))
	var all []closing
	done := make(chan struct{})
	go func() {
		defer close(done)
		all = closeAtOnce(e, 4, 10*time.Second, func() string { return m.HGet(lua.NewKeys(DefaultNamespace, f.Container(), 0, 1).Totals(), "a") })
	}()
	flush.await(t, 1)
	flush.release()
	<-done
	for _, c := range all {
		if c.err != nil || len(c.lost) != 0 || c.inRedis != "7" {
			t.Errorf("Close: %+v, want 7 in Redis and nothing lost", c)
		}
	}
}

func TestClosesAtOnceReportLossOnce(t *testing.T) {
	_, m := startForTest(t, Options{})
	e, gate := gateForTest(t, m.Addr(), untouched)
	mustInc(t, e, LaxPlain, "a", 7)
	gate.shut()
	reports := 0
	for _, c := range closeAtOnce(e, 4, 50*time.Millisecond, func() string { return "" }) {
		if (c.err != nil) != (len(c.lost) > 0) {
			t.Errorf("Close: %d lost, and the error is %v", len(c.lost), c.err)
		}
		if len(c.lost) > 0 {
			reports++
			if got := fmt.Sprint(c.lost[0].Counter, c.lost[0].Delta, len(c.lost)); got != "a7 1" {
				t.Errorf("lost are %+v, want 7 of a", c.lost)
			}
		}
	}
	if reports != 1 {
		t.Errorf("%d of 4 calls tell what was lost, want 1", reports)
	}
	if lost, err := e.Close(t.Context()); len(lost) > 0 || err != nil {
		t.Errorf("a later Close: %v, %v", lost, err)
	}
}
