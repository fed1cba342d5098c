package engine

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/distkit/distkit-proxy/lua"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var lax = []Family{LaxInstance, LaxPlain}

var all = []Family{LaxInstance, StrictInstance, LaxPlain, StrictPlain}

func TestCountsAndFlushes(t *testing.T) {
	for _, f := range all {
		t.Run(f.String(), func(t *testing.T) {
			e, _ := startForTest(t, Options{})
			for range 3 {
				mustInc(t, e, f, "home", 2)
			}
			if got := mustGet(t, e, f, "home"); got.Total != 6 {
				t.Fatalf("total is %d, want 6", got.Total)
			}
			if _, err := e.FlushAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := mustGet(t, e, f, "home"); got.Total != 6 || f.InstanceAware() && got.Mine != 6 {
				t.Fatalf("after the flush: %+v, want 6", got)
			}
		})
	}
}

// startForTest runs an engine on a miniredis of its own.
func startForTest(t testing.TB, opts Options) (*Engine, *miniredis.Miniredis) {
	t.Helper()
	m := miniredis.RunT(t)
	return connectForTest(t, m.Addr(), opts, func(s store) store { return s }), m
}

// connectForTest runs an engine on the Redis at addr, with what wrap makes of
// its store in between.
func connectForTest(t testing.TB, addr string, opts Options, wrap func(store) store) *Engine {
	t.Helper()
	opts.Redis = &redis.Options{Addr: addr}
	if opts.InstanceID == "" {
		opts.InstanceID = "i1"
	}
	opts, err := opts.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if err := opts.openJournal(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(clientOptions(opts))
	e := newEngine(opts, client, func(c *redis.Client) store { return wrap(lua.NewExecutor(c)) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		e.Close(ctx)
	})
	return e
}

func keyOf(name string) Key { return Key{Namespace: []byte(DefaultNamespace), Counter: []byte(name)} }

func mustInc(t *testing.T, e *Engine, f Family, name string, delta int64) Value {
	t.Helper()
	var res [1]Result
	e.Inc(t.Context(), f, []Item{{Key: keyOf(name), N: delta}}, res[:])
	if res[0].Err != nil {
		t.Fatalf("inc %s by %d: %v", name, delta, res[0].Err)
	}
	return res[0].Value
}

func mustGet(t *testing.T, e *Engine, f Family, name string) Value {
	t.Helper()
	var res [1]Result
	e.Get(t.Context(), f, []Key{keyOf(name)}, res[:])
	if res[0].Err != nil {
		t.Fatalf("get %s: %v", name, res[0].Err)
	}
	return res[0].Value
}
