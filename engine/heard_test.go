package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// unfitStore fails everything with one error until that is taken away.
type unfitStore struct {
	store
	err atomic.Pointer[error]
}

func (s *unfitStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	err := s.err.Load()
	if err == nil {
		return s.store.Run(ctx, calls)
	}
	replies := make([]lua.Reply, len(calls))
	for i := range replies {
		replies[i].Err = *err
	}
	return replies
}

// Whoever has just been answered by Redis is not told that Redis cannot be reached,
// however long the pause between two attempts has become. That somebody is answered
// says nothing of a Redis which refuses all writes: it is left alone.
func TestHeardOfRedisEndsThePause(t *testing.T) {
	for _, test := range []struct {
		name  string
		err   error
		tried bool
	}{
		{"not reached", errLost, true},
		{"loading", redisSays("LOADING Redis is loading the dataset in memory"), true},
		{"out of memory", redisSays("OOM command not allowed when used memory > 'maxmemory'."), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			unfit := &unfitStore{}
			unfit.err.Store(&test.err)
			e := connectForTest(t, miniredis.RunT(t).Addr(), Options{}, func(s store) store {
				unfit.store = s
				return unfit
			})
			key := keyOf("cold")
			p, err := e.partition(LaxPlain, key.Namespace, hash(key.Counter))
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, 20*time.Second, "the pause is long, and has just begun", func() bool {
				operateOrInc(t, e, LaxPlain, "cold", 1)
				since, now := p.failedAt.Load(), e.now()
				return p.tryAt.Load()-now > int64(500*time.Millisecond) && now-since < int64(50*time.Millisecond)
			})
			unfit.err.Store(nil)
			e.Heard()
			res := operateOrInc(t, e, LaxPlain, "cold", 1)
			if answered := res.Err == nil; answered != test.tried {
				t.Errorf("INC of a cold counter: %v; to be tried at once: %v", res.Err, test.tried)
			}
		})
	}
}

// Whoever shares a Redis that answers others and not the engine does not have it
// asked all the time.
func TestHeardOfRedisAndNotServed(t *testing.T) {
	unfit := &unfitStore{}
	err := errLost
	var calls atomic.Int64
	e := connectForTest(t, miniredis.RunT(t).Addr(), Options{}, func(s store) store {
		unfit.store = s
		return countedStore{unfit, &calls}
	})
	mustInc(t, e, LaxPlain, "c", 1)
	unfit.err.Store(&err)
	eventually(t, 10*time.Second, "Redis is away", func() bool { return !e.Stats().RedisUp })
	begun, before := time.Now(), calls.Load()
	for time.Since(begun) < 10*minBackoff {
		e.Heard()
	}
	if most := int64(time.Since(begun)/minBackoff) + 2; calls.Load()-before > 2*most {
		t.Errorf("%d calls to Redis, where %d attempts fit in", calls.Load()-before, most)
	}
}

type countedStore struct {
	store
	calls *atomic.Int64
}

func (s countedStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	s.calls.Add(1)
	return s.store.Run(ctx, calls)
}
