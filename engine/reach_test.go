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

func TestReachNoticesThatRedisIsGoneAndBack(t *testing.T) {
	e, m := startForTest(t, Options{})
	if err := e.Reach(t.Context()); err != nil || !e.Stats().RedisUp {
		t.Fatalf("up %v, %v", e.Stats().RedisUp, err)
	}
	m.Close()
	if err := e.Reach(t.Context()); err == nil || e.Stats().RedisUp {
		t.Errorf("gone, and nothing in memory: up %v, %v", e.Stats().RedisUp, err)
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	// The first answer may come from a connection that died with Redis.
	eventually(t, 10*time.Second, "Redis is reached", func() bool { return e.Reach(t.Context()) == nil })
	if !e.Stats().RedisUp {
		t.Error("back, and not up")
	}
}

// A Redis that answers PING and takes no writes is away: a probe must not say
// otherwise, nor have the flusher and the PING contradict each other for ever.
func TestReachBelievesTheFlusher(t *testing.T) {
	m := miniredis.RunT(t)
	replica := &replicaStore{}
	e := connectForTest(t, m.Addr(), Options{}, func(s store) store {
		replica.store = s
		return replica
	})
	mustInc(t, e, LaxPlain, "home", 1)
	mustFlush(t, e)
	replica.on.Store(true)
	mustInc(t, e, LaxPlain, "home", 1)
	eventually(t, 10*time.Second, "the flush is refused", func() bool { return !e.Stats().RedisUp })
	for range 3 {
		if err := e.Reach(t.Context()); !errors.Is(err, errAway) || e.Stats().RedisUp {
			t.Fatalf("up %v, %v", e.Stats().RedisUp, err)
		}
	}
	replica.on.Store(false)
	eventually(t, 10*time.Second, "Redis is back", func() bool { return e.Reach(t.Context()) == nil })
}

func TestReachAfterCloseSaysNothingOfRedis(t *testing.T) {
	e, _ := startForTest(t, Options{})
	if err := e.Reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Reach(t.Context()); !errors.Is(err, ErrClosed) || e.Stats().Failures != 0 {
		t.Errorf("%v, %d failures; want ErrClosed and none", err, e.Stats().Failures)
	}
}

// replicaStore is a Redis that answers and, when on, refuses scripts as a
// replica does.
type replicaStore struct {
	store
	on atomic.Bool
}

func (s *replicaStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	if !s.on.Load() || calls[0].Script == nil {
		return s.store.Run(ctx, calls)
	}
	replies := make([]lua.Reply, len(calls))
	for i := range replies {
		replies[i].Err = errors.New("READONLY You can't write against a read only replica.")
	}
	return replies
}
