package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// replicated is a Redis that says of its replicas what a test wants: miniredis
// has no WAIT.
type replicated struct {
	store
	have  atomic.Int64
	waits atomic.Int64
}

func (s *replicated) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	var kept []lua.Call
	for _, call := range calls {
		if call.Args[0] != "wait" {
			kept = append(kept, call)
		}
	}
	real := s.store.Run(ctx, kept)
	replies := make([]lua.Reply, 0, len(calls))
	for _, call := range calls {
		if call.Args[0] == "wait" {
			s.waits.Add(1)
			replies = append(replies, lua.Reply{Value: s.have.Load()})
			continue
		}
		replies, real = append(replies, real[0]), real[1:]
	}
	return replies
}

// startReplicated runs an engine that waits for one replica, before a Redis that
// has so many.
func startReplicated(t testing.TB, m *miniredis.Miniredis, have int64, opts Options) (*Engine, *replicated) {
	t.Helper()
	r := &replicated{}
	r.have.Store(have)
	opts.WaitReplicas = 1
	return connectForTest(t, m.Addr(), opts, func(s store) store {
		r.store = s
		return r
	}), r
}

func TestWhatTooFewReplicasHaveStaysPending(t *testing.T) {
	for _, f := range lax {
		t.Run(f.String(), func(t *testing.T) {
			e, r := startReplicated(t, miniredis.RunT(t), 1, Options{})
			mustInc(t, e, f, "home", 5)
			if _, err := e.FlushAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.have.Store(0)
			mustInc(t, e, f, "home", 3)
			awaitFailedWaits(t, e, 3)
			eventually(t, 10*time.Second, "that is told", func() bool { return e.Stats().ReplicasLacking })
			if s := e.Stats(); s.Pending != 1 || s.OldestPending == 0 || !s.RedisUp || s.Failures != 0 {
				t.Errorf("with too few replicas: %+v", s)
			}
			mustInc(t, e, f, "home", 1)
			if got := mustGet(t, e, f, "home"); got.Total != 9 {
				t.Errorf("reads %d, want 9", got.Total)
			}
			r.have.Store(2)
			awaitFlushed(t, e)
			if got := mustGet(t, e, f, "home"); got.Total != 9 || f.InstanceAware() && got.Mine != 9 {
				t.Errorf("with replicas again it is %+v, want 9", got)
			}
			if s := e.Stats(); s.Pending != 0 || s.ReplicasLacking || s.RecordsLost != 0 {
				t.Errorf("with replicas again: %+v", s)
			}
		})
	}
}

// SET, DEL and CLEAR are answered only once enough replicas have them.
func TestOperationsWaitForReplicas(t *testing.T) {
	for _, f := range lax {
		t.Run(f.String(), func(t *testing.T) {
			e, r := startReplicated(t, miniredis.RunT(t), 1, Options{CommandTimeout: 10 * time.Second})
			mustInc(t, e, f, "home", 5)
			for _, op := range []func() error{
				func() error {
					var res [1]Result
					e.Set(t.Context(), f, []Item{{Key: keyOf("home"), N: 7}}, res[:])
					return res[0].Err
				},
				func() error { return e.Del(t.Context(), f, keyOf("home")).Err },
				func() error { return e.Clear(t.Context(), f, []byte(DefaultNamespace)) },
			} {
				mustInc(t, e, f, "other", 1) // so that there is something to clear
				r.have.Store(0)
				before := e.Stats().ReplicaWaitsFailed
				done := make(chan error, 1)
				go func() { done <- op() }()
				awaitFailedWaits(t, e, before+2)
				select {
				case err := <-done:
					t.Fatalf("answered with %v while no replica had it", err)
				default:
				}
				r.have.Store(1)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			if got := mustGet(t, e, f, "home"); got.Total != 0 {
				t.Errorf("reads %d after CLEAR", got.Total)
			}
		})
	}
}

func TestStrictCommandThatTooFewReplicasHaveIsUnknown(t *testing.T) {
	for _, f := range []Family{StrictInstance, StrictPlain} {
		t.Run(f.String(), func(t *testing.T) {
			e, r := startReplicated(t, miniredis.RunT(t), 0, Options{})
			var res [1]Result
			e.Inc(t.Context(), f, []Item{{Key: keyOf("home"), N: 5}}, res[:])
			if !errors.Is(res[0].Err, ErrUnreplicated) {
				t.Errorf("got %v, want that the outcome is unknown", res[0].Err)
			}
			waits := r.waits.Load()
			if got := mustGet(t, e, f, "home"); got.Total != 5 {
				t.Errorf("reads %d, want 5", got.Total)
			}
			if r.waits.Load() != waits {
				t.Error("a read waited for replicas")
			}
			r.have.Store(1)
			if got := mustInc(t, e, f, "home", 1); got.Total != 6 {
				t.Errorf("got %d, want 6", got.Total)
			}
		})
	}
}

// What a replica that takes over may not know must not be acted upon: here a
// server that says it has no record of the batches before.
func TestLostRecordIsBelievedOnlyWithReplicas(t *testing.T) {
	m := miniredis.RunT(t)
	e, r := startReplicated(t, m, 1, Options{})
	mustInc(t, e, LaxPlain, "home", 5)
	if _, err := e.FlushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.have.Store(0)
	m.FlushAll()
	mustInc(t, e, LaxPlain, "home", 1)
	awaitFailedWaits(t, e, 2)
	if n := e.Stats().RecordsLost; n != 0 {
		t.Errorf("%d records counted as lost on the word of a server without replicas", n)
	}
	r.have.Store(1)
	awaitFlushed(t, e)
	if s := e.Stats(); s.RecordsLost != 1 || s.Pending != 0 {
		t.Errorf("with replicas: %+v", s)
	}
}

// A step that moves slices back is repeated under its number until enough
// replicas have it, and moves them once.
func TestRestoringWaitsForReplicas(t *testing.T) {
	const deadAfter = 200 * time.Millisecond
	m := miniredis.RunT(t)
	e, r := startReplicated(t, m, 1, Options{DeadAfter: deadAfter, InstanceID: "i1"})
	mustInc(t, e, LaxInstance, "home", 5)
	if _, err := e.FlushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys := lua.NewKeys(DefaultNamespace, LaxInstance.Container(), 0, 1)
	m.HSet(keys.Buried("i1"), "", m.HGet(keys.Epochs(), ""), "home", "5 0")
	m.HSet(keys.Cumulative(), "home", "0")
	m.HDel(keys.Slices("i1"), "home")
	r.have.Store(0)
	mustInc(t, e, LaxInstance, "home", 1)
	awaitFailedWaits(t, e, 3)
	if n := e.Stats().Restored; n != 0 {
		t.Errorf("%d slices count as moved back though no replica has them", n)
	}
	r.have.Store(1)
	awaitFlushed(t, e)
	if got := m.HGet(keys.Cumulative(), "home"); got != "6" {
		t.Errorf("the total is %s, want 6", got)
	}
	if got := m.HGet(keys.Slices("i1"), "home"); got != "6" {
		t.Errorf("the slice is %s, want 6", got)
	}
}

// awaitFailedWaits waits until so many waits for replicas have failed.
func awaitFailedWaits(t testing.TB, e *Engine, n uint64) {
	t.Helper()
	eventually(t, 10*time.Second, "waits for replicas fail", func() bool { return e.Stats().ReplicaWaitsFailed >= n })
}

// awaitFlushed waits until everything is flushed.
func awaitFlushed(t testing.TB, e *Engine) {
	t.Helper()
	eventually(t, 10*time.Second, "everything is flushed", func() bool {
		_, err := e.FlushAll(t.Context())
		return err == nil
	})
}
