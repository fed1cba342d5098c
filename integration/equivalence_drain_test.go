package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// drains are ways to take what a key has counted, all at once.
var drains = []struct {
	name string
	take func(ctx context.Context, c *redis.Client, key string) (int64, error)
}{
	{"GETDEL", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		return c.GetDel(ctx, key).Int64()
	}},
	{"GETSET", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		return intOf(c.Do(ctx, "GETSET", key, "0"))
	}},
	{"SET GET", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		return intOf(c.Do(ctx, "SET", key, "0", "GET"))
	}},
	{"MULTI", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		var n *redis.StringCmd
		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			n = p.Get(ctx, key)
			p.Del(ctx, key)
			return nil
		})
		if err != nil {
			return 0, err
		}
		return n.Int64()
	}},
	{"EVAL", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		return intOf(c.Eval(ctx, "return redis.call('GETDEL', KEYS[1])", []string{key}))
	}},
	{"EVAL of a key that is not declared", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		return intOf(c.Eval(ctx, "return redis.call('GETDEL', ARGV[1])", nil, key))
	}},
	{"RENAME", func(ctx context.Context, c *redis.Client, key string) (int64, error) {
		to := fmt.Sprint("taken:", rand.Uint64())
		if err := c.Rename(ctx, key, to).Err(); err != nil {
			return 0, redis.Nil // there was none
		}
		return c.GetDel(ctx, to).Int64()
	}},
	{"WATCH", func(ctx context.Context, c *redis.Client, key string) (n int64, err error) {
		err = c.Watch(ctx, func(tx *redis.Tx) error {
			if n, err = tx.Get(ctx, key).Int64(); err != nil {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Del(ctx, key).Err() })
			return err
		}, key)
		if errors.Is(err, redis.TxFailedErr) {
			return 0, redis.Nil
		}
		return n, err
	}},
}

func intOf(reply *redis.Cmd) (int64, error) {
	text, err := reply.Text()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// What some clients count and others take away at the same time adds up: a command
// that sees a key sees every count of it once.
func TestWhatIsTakenAddsUp(t *testing.T) {
	const writers, increments = 4, 400
	for _, drain := range drains {
		t.Run(drain.name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t)
			p := startProxy(t, realBackend(r.addr), engine.Options{Lax: []engine.Pattern{{Glob: "c:*"}}, RareFrom: 1})
			ctx, c := context.Background(), client(t, p.addr)
			var taken atomic.Int64
			var counting, taking sync.WaitGroup
			stop := make(chan struct{})
			for range 2 {
				taking.Go(func() {
					for {
						n, err := drain.take(ctx, c, "c:k")
						if err != nil && !errors.Is(err, redis.Nil) {
							t.Error(err)
							return
						}
						taken.Add(n)
						select {
						case <-stop:
							return
						default:
						}
					}
				})
			}
			for i := range writers {
				counting.Go(func() {
					for done := 0; done < increments; {
						n := min(1+(done+i)%7, increments-done)
						done += n
						if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
							for range n {
								p.Incr(ctx, "c:k")
							}
							return nil
						}); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			counting.Wait()
			close(stop)
			taking.Wait()
			left, err := c.Get(ctx, "c:k").Int64()
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Fatal(err)
			}
			if got := taken.Load() + left; got != writers*increments {
				t.Errorf("%d taken and %d left are %d, want %d", taken.Load(), left, got, writers*increments)
			}
		})
	}
}
