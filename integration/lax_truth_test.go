package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// EXEC fails when somebody has counted on a watched key, and only then: not for
// what was counted before and was still in memory.
func TestWatchOfAnOrdinaryKey(t *testing.T) {
	r := startRedis(t)
	p := startLaxProxies(t, r, 1, hoard)[0]
	mine, other := client(t, p.addr), client(t, p.addr)
	for name, tc := range map[string]struct {
		between func(ctx context.Context, tx *redis.Tx) error
		fails   bool
	}{
		"nothing":      {func(context.Context, *redis.Tx) error { return nil }, false},
		"a read":       {func(ctx context.Context, _ *redis.Tx) error { return other.Get(ctx, "n:watched").Err() }, false},
		"another key":  {func(ctx context.Context, _ *redis.Tx) error { return other.Incr(ctx, "n:another").Err() }, false},
		"an increment": {func(ctx context.Context, _ *redis.Tx) error { return other.Incr(ctx, "n:watched").Err() }, true},
		"an own one":   {func(ctx context.Context, tx *redis.Tx) error { return tx.Incr(ctx, "n:watched").Err() }, true},
		"one by zero":  {func(ctx context.Context, _ *redis.Tx) error { return other.IncrBy(ctx, "n:watched", 0).Err() }, true},
		"all of them": {func(ctx context.Context, _ *redis.Tx) error {
			return other.MGet(ctx, "n:watched", "n:another", "x").Err()
		}, false},
		"a set": {func(ctx context.Context, _ *redis.Tx) error { return other.Set(ctx, "n:watched", 5, 0).Err() }, true},
		"an UNWATCH": {func(ctx context.Context, tx *redis.Tx) error {
			other.Incr(ctx, "n:watched")
			return tx.Unwatch(ctx).Err()
		}, false},
		"a time to live": {func(ctx context.Context, _ *redis.Tx) error { return other.Expire(ctx, "n:watched", time.Hour).Err() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := other.Incr(t.Context(), "n:watched").Val()
			other.Incr(t.Context(), "n:another")
			var got int64
			err := mine.Watch(t.Context(), func(tx *redis.Tx) error {
				var err error
				if got, err = tx.Get(t.Context(), "n:watched").Int64(); err != nil {
					return err
				}
				if err := tc.between(t.Context(), tx); err != nil {
					return err
				}
				_, err = tx.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
					p.Set(t.Context(), "result", name, 0)
					p.Incr(t.Context(), "n:watched")
					return nil
				})
				return err
			}, "n:watched")
			if got != before {
				t.Errorf("the watched key reads %d, want %d", got, before)
			}
			if failed := errors.Is(err, redis.TxFailedErr); failed != tc.fails || err != nil && !failed {
				t.Errorf("EXEC: %v, want it to fail: %v", err, tc.fails)
			}
		})
	}
}

// Clients that read, compute and write under WATCH lose no increment of those that
// just count, nor they theirs.
func TestOptimisticWritersBesideCounters(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	p := startLaxProxies(t, r, 1, engine.Options{})[0]
	var want, won atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		c := client(t, p.addr)
		wg.Go(func() {
			ctx := context.Background()
			for n := range 100 {
				var err error
				if i < 3 {
					err = c.Incr(ctx, "n:k").Err()
				} else {
					err = c.Watch(ctx, func(tx *redis.Tx) error {
						now, err := tx.Get(ctx, "n:k").Int64()
						if err != nil && err != redis.Nil {
							return err
						}
						_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "n:k", now+1, 0).Err() })
						return err
					}, "n:k")
					if errors.Is(err, redis.TxFailedErr) {
						continue
					}
					won.Add(1)
				}
				if err != nil {
					t.Errorf("client %d, step %d: %v", i, n, err)
					return
				}
				want.Add(1)
			}
		})
	}
	wg.Wait()
	flushAll(t, p)
	if got, err := client(t, r.addr).Get(t.Context(), "n:k").Int64(); err != nil || got != want.Load() || won.Load() == 0 {
		t.Errorf("the key is %d (%v), want %d, of which %d by EXEC", got, err, want.Load(), won.Load())
	}
}

// Once WAIT has said so, a replica has what was counted before, by anyone.
func TestWaitBringsIncrementsToTheReplica(t *testing.T) {
	master := startRedis(t, feeding)
	replica := startReplica(t, master.addr)
	p := startLaxProxies(t, master, 1, hoard)[0]
	c, other := client(t, p.addr), client(t, p.addr)
	there := client(t, replica.addr)
	for n := int64(1); n <= 5; n++ {
		if a, b := c.Incr(t.Context(), "n:mine").Val(), other.IncrBy(t.Context(), "n:others", 2).Val(); a != n || b != 2*n {
			t.Fatalf("incr: %d and %d", a, b)
		}
		if has, err := c.Wait(t.Context(), 1, 10*time.Second).Result(); err != nil || has != 1 {
			t.Fatalf("WAIT: %d, %v", has, err)
		}
		got := fmt.Sprint(there.MGet(t.Context(), "n:mine", "n:others").Val())
		if want := fmt.Sprint([]int64{n, 2 * n}); got != want {
			t.Errorf("the replica has %s, want %s", got, want)
		}
	}
}

// A direct client is told of increments, expiry and what comes after, in order.
func TestNotificationsOfOrdinaryKeys(t *testing.T) {
	t.Parallel()
	r := startRedis(t, "notify-keyspace-events KEA")
	p := startLaxProxies(t, r, 1, engine.Options{})[0]
	sub := client(t, r.addr).PSubscribe(t.Context(), "__keyspace@0__:n:*")
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := client(t, p.addr)
	var told []string
	until := func(event string) {
		t.Helper()
		for {
			m, err := sub.ReceiveMessage(ctx)
			if err != nil {
				t.Fatalf("told %v and not %s: %v", told, event, err)
			}
			told = append(told, m.Payload)
			if m.Payload == event {
				return
			}
		}
	}
	for range 3 {
		c.Incr(ctx, "n:k")
	}
	until("incrby")
	if err := c.PExpire(ctx, "n:k", 300*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	until("expire")
	if n := c.Incr(ctx, "n:k").Val(); n != 4 {
		t.Errorf("incr: %d", n)
	}
	until("incrby")
	until("expired")
	if n := c.Incr(ctx, "n:k").Val(); n != 1 {
		t.Errorf("incr after the expiry: %d", n)
	}
	until("incrby")
	flushAll(t, p)
	if want := []string{"incrby", "expire", "incrby", "expired", "incrby"}; !slices.Equal(slices.Compact(told), want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if got := client(t, r.addr).Get(ctx, "n:k").Val(); got != "1" {
		t.Errorf("Redis has %q", got)
	}
}

// Who tracks keys, directly or through a proxy, is told when they are counted through
// one, and reads the truth.
func TestTrackingOfOrdinaryKeys(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	proxies := startLaxProxies(t, r, 2, engine.Options{})
	c := client(t, proxies[0].addr)
	for name, addr := range map[string]string{"direct": r.addr, "the same proxy": proxies[0].addr, "another proxy": proxies[1].addr} {
		t.Run(name, func(t *testing.T) {
			key := "n:" + strings.ReplaceAll(name, " ", "-")
			c.IncrBy(t.Context(), key, 41)
			flushAll(t, proxies[0])
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			in := bufio.NewReader(conn)
			until := func(want string) {
				t.Helper()
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						t.Fatalf("waiting for %q: %v", want, err)
					}
					if strings.TrimSpace(line) == want {
						return
					}
				}
			}
			io.WriteString(conn, "HELLO 3\r\nCLIENT TRACKING ON\r\nGET "+key+"\r\n")
			until("41")
			if n := c.Incr(t.Context(), key).Val(); n != 42 {
				t.Fatalf("incr: %d", n)
			}
			until("invalidate")
			until(key)
			io.WriteString(conn, "GET "+key+"\r\n")
			until("42")
		})
	}
}
