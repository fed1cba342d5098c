package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// flakyStore loses calls before they are carried out, and replies after.
type flakyStore struct {
	store
	mu     sync.Mutex
	random *rand.Rand // guarded by mu
	ill    bool       // guarded by mu
	faults int        // guarded by mu
}

var errLost = errors.New("connection lost")

func (s *flakyStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	s.mu.Lock()
	fault := 9
	if s.ill {
		fault = s.random.IntN(4)
	}
	cut := s.random.IntN(len(calls) + 1)
	if fault < 2 {
		s.faults++
	}
	s.mu.Unlock()
	if fault == 0 { // lost on the way there
		return lostReplies(make([]lua.Reply, len(calls)), 0)
	}
	replies := s.store.Run(ctx, calls)
	if fault == 1 { // lost on the way back, from some reply on
		return lostReplies(replies, cut)
	}
	return replies
}

func (s *flakyStore) setIll(ill bool) {
	s.mu.Lock()
	s.ill = ill
	s.mu.Unlock()
}

func (s *flakyStore) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

func lostReplies(replies []lua.Reply, from int) []lua.Reply {
	for i := from; i < len(replies); i++ {
		replies[i] = lua.Reply{Err: errLost}
	}
	return replies
}

// Whatever is lost on the way to Redis or back, each accepted increment arrives
// once, and what one proxy reads never goes down (rules L1 to L3).
func TestExactlyOnceThroughLosses(t *testing.T) {
	for _, f := range lax {
		t.Run(f.String(), func(t *testing.T) {
			m := miniredis.RunT(t)
			flaky := &flakyStore{random: rand.New(rand.NewPCG(7, uint64(f)))}
			opts := Options{FlushInterval: time.Millisecond, AllowedLag: time.Millisecond}
			e := connectForTest(t, m.Addr(), opts, func(s store) store {
				flaky.store = s
				return flaky
			})
			names := []string{"a", "b", "c", "d", "e"}
			for _, name := range names {
				mustInc(t, e, f, name, 0)
			}
			flaky.setIll(true)
			accepted := make([]int64, len(names))
			var mu sync.Mutex
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(8, uint64(worker)))
					last := make([]int64, len(names))
					for flaky.seen() < 25 {
						i := r.IntN(len(names))
						runtime.Gosched()
						var res [1]Result
						e.Inc(t.Context(), f, []Item{{Key: keyOf(names[i]), N: 1 + r.Int64N(3)}}, res[:])
						if res[0].Err != nil {
							continue
						}
						mu.Lock()
						accepted[i] += res[0].Value.Total - res[0].Prev.Total
						mu.Unlock()
						if res[0].Value.Total <= last[i] {
							t.Errorf("%s went from %d to %d", names[i], last[i], res[0].Value.Total)
						}
						last[i] = res[0].Value.Total
					}
				})
			}
			wg.Wait()
			flaky.setIll(false)
			if _, err := e.FlushAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			keys := lua.NewKeys(DefaultNamespace, f.Container(), 0, 1)
			key := keys.Totals()
			if f.InstanceAware() {
				key = keys.Cumulative()
			}
			for i, name := range names {
				var got int64
				parseInt(m.HGet(key, name), &got)
				if got != accepted[i] {
					t.Errorf("%s is %d in Redis, accepted were %d", name, got, accepted[i])
				}
			}
		})
	}
}
