package integration

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// limiterTime is for how long each rate limiter is tested.
var limiterTime = flag.Duration("limiter", 2*time.Second, "how long TestRateLimiters tests each of its limiters")

// limiter is the commonest rate limiter there is: a key is incremented, and who is
// told 1 gives it a time to live.
type limiter struct {
	t      *testing.T
	direct *redis.Client
	keys   []*window
	users  []*limited
	stop   chan struct{}
	clear  bool
}

// window is one of its keys.
type window struct {
	key     string
	length  time.Duration
	made    atomic.Int64 // how often somebody was told 1
	expires atomic.Int64 // how often somebody gave it a time to live
	begun   atomic.Int64 // how often a client was told that it is another window
}

// limited is a client of it.
type limited struct {
	c     *redis.Client
	steps atomic.Int64 // how often it was through
}

// limit is how often clients are served in a window.
const limit = 20

// blockedMargin is what a busy machine, and a second client that is told 1 by another
// proxy, may add to the window that a client is blocked for.
const blockedMargin = 3 * time.Second

// surelyOften is how often a client must have asked within what it takes for one
// window. One that gets to ask less than once in a window, as its machine is too
// busy, may be told more each time, of another window each time.
const surelyOften = 100

// Nobody is ever blocked for longer than the window, because no key is left without
// a time to live, kept after it, or has it moved.
func TestRateLimiters(t *testing.T) {
	for _, tc := range []struct {
		name            string
		proxies, direct int // direct: so many clients go past them
		interval, lag   time.Duration
		windows         []time.Duration
		clear           bool // a client removes the keys now and then
	}{
		{name: "one proxy", proxies: 1, windows: []time.Duration{time.Second, 500 * time.Millisecond, 200 * time.Millisecond}},
		{name: "one proxy that flushes seldom", proxies: 1, interval: 300 * time.Millisecond, lag: 100 * time.Millisecond,
			windows: []time.Duration{time.Second, 250 * time.Millisecond}},
		{name: "two proxies", proxies: 2, windows: []time.Duration{time.Second, 300 * time.Millisecond}},
		{name: "two proxies and direct clients", proxies: 2, direct: 2, windows: []time.Duration{time.Second, 300 * time.Millisecond}},
		{name: "somebody clears", proxies: 2, direct: 1, clear: true, windows: []time.Duration{time.Second, 400 * time.Millisecond}},
		{name: "two proxies that flush seldom", proxies: 2, direct: 1, interval: 250 * time.Millisecond, lag: 50 * time.Millisecond,
			windows: []time.Duration{time.Second, 200 * time.Millisecond}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t, "notify-keyspace-events KEA")
			l := &limiter{t: t, direct: client(t, r.addr), stop: make(chan struct{}), clear: tc.clear}
			for i, length := range tc.windows {
				l.keys = append(l.keys, &window{key: fmt.Sprint("n:", i), length: length})
			}
			events := l.listen(r)
			proxies := startLaxProxies(t, r, tc.proxies, engine.Options{
				FlushInterval: tc.interval, AllowedLag: tc.lag, CommandTimeout: 15 * time.Second,
			})
			for range 4 {
				for _, p := range proxies {
					l.users = append(l.users, &limited{c: client(t, p.addr)})
				}
			}
			for range tc.direct {
				l.users = append(l.users, &limited{c: client(t, r.addr)})
			}
			l.run(*limiterTime)
			flushAll(t, proxies...)
			l.check(events)
		})
	}
}

// run lets all clients ask for so long, and looks at the keys meanwhile.
func (l *limiter) run(d time.Duration) {
	var wg sync.WaitGroup
	for i, u := range l.users {
		wg.Go(func() { l.use(u, i) })
	}
	end := time.After(d)
	for running := true; running; {
		select {
		case <-end:
			running = false
		default:
			for _, w := range l.keys {
				l.audit(w)
			}
		}
		running = running && !l.t.Failed()
	}
	close(l.stop)
	wg.Wait()
}

// use asks again and again, for each of the keys in turn.
func (l *limiter) use(u *limited, i int) {
	ctx := context.Background()
	type reply struct {
		n     int64
		since time.Time // when the window began, as this client was told
		asked int       // how often since then
	}
	told := make(map[*window]reply)
	pace := time.NewTicker(max(time.Duration(i)*100*time.Microsecond, time.Microsecond)) // clients of different speed
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-pace.C:
		}
		w := l.keys[n%len(l.keys)]
		got, err := w.ask(ctx, u.c, i%4 == 3)
		if err == nil && l.clear && i == 0 && n%50 == 0 {
			err = u.c.Del(ctx, w.key).Err()
		}
		if err != nil {
			l.t.Error(err)
			return
		}
		u.steps.Add(1)
		was := told[w]
		if got <= was.n || was.n == 0 { // another window
			was.since, was.asked = time.Now(), 0
			w.begun.Add(1)
		}
		was.asked++
		if blocked := time.Since(was.since); got > limit && was.asked > surelyOften && blocked > w.length+blockedMargin {
			l.t.Errorf("client %d is in one window of %s for %v: INCR replied %d, %s", i, w.key, blocked, got, l.state(w))
			return
		}
		was.n = got
		told[w] = was
	}
}

// limiterScript does in one step what others do in two.
const limiterScript = "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n"

// ask counts, and gives the key its time to live if it is new.
func (w *window) ask(ctx context.Context, c *redis.Client, byScript bool) (n int64, err error) {
	if byScript {
		if n, err = c.Eval(ctx, limiterScript, []string{w.key}, w.length.Milliseconds()).Int64(); err == nil && n == 1 {
			w.made.Add(1)
			w.expires.Add(1)
		}
		return n, err
	}
	if n, err = c.Incr(ctx, w.key).Result(); err != nil || n != 1 {
		return n, err
	}
	w.made.Add(1)
	set, err := c.PExpire(ctx, w.key, w.length).Result()
	if set {
		w.expires.Add(1)
	}
	return n, err
}

// audit looks whether a key is without a time to live though everybody who was told
// 1 has given it one.
func (l *limiter) audit(w *window) {
	ctx := context.Background()
	if ttl, err := l.direct.PTTL(ctx, w.key).Result(); err != nil || ttl != -1 {
		if err != nil {
			l.t.Error(err)
		}
		return
	}
	made := w.made.Load()
	l.everyoneThrough()
	ttl, err := l.direct.PTTL(ctx, w.key).Result()
	if err != nil || ttl != -1 {
		return
	}
	if l.everyoneThrough(); w.made.Load() == made {
		l.t.Errorf("%s is without a time to live and nobody was told to give it one: %s", w.key, l.state(w))
	}
}

// everyoneThrough waits until every client has done what it was about to do.
func (l *limiter) everyoneThrough() {
	var steps []int64
	for _, u := range l.users {
		steps = append(steps, u.steps.Load())
	}
	eventually(l.t, 20*time.Second, func() error {
		for i, u := range l.users {
			if u.steps.Load() < steps[i]+2 {
				return fmt.Errorf("client %d hangs", i)
			}
		}
		return nil
	})
}

func (l *limiter) state(w *window) string {
	ctx := context.Background()
	return fmt.Sprintf("Redis has %q, to live %v; %d times made, %d times given a time to live", l.direct.Get(ctx, w.key).Val(),
		l.direct.PTTL(ctx, w.key).Val(), w.made.Load(), w.expires.Load())
}

// events counts what happens to keys, as Redis tells it.
type events struct {
	mu     sync.Mutex
	counts map[string]int64 // by event and key
}

func (l *limiter) listen(r *redisServer) *events {
	e := &events{counts: make(map[string]int64)}
	sub := client(l.t, r.addr).PSubscribe(context.Background(), "__keyevent@0__:*")
	if _, err := sub.Receive(context.Background()); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { sub.Close() })
	messages := sub.Channel(redis.WithChannelSize(1 << 16))
	go func() {
		for m := range messages {
			_, event, _ := strings.Cut(m.Channel, "0__:")
			e.mu.Lock()
			e.counts[event+" "+m.Payload]++
			e.mu.Unlock()
		}
	}()
	return e
}

func (e *events) of(event, key string) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[event+" "+key]
}

// check compares what became of the keys with what was asked for.
func (l *limiter) check(e *events) {
	if err := l.direct.Set(context.Background(), "last", 1, 0).Err(); err != nil {
		l.t.Fatal(err)
	}
	eventually(l.t, 20*time.Second, func() error {
		if e.of("set", "last") == 0 {
			return errNot
		}
		return nil
	})
	for _, w := range l.keys {
		if w.made.Load() < 2 || w.begun.Load() < int64(2*len(l.users)) || !l.clear && e.of("expired", w.key) == 0 {
			l.t.Errorf("%s: %d windows ended; %s", w.key, e.of("expired", w.key), l.state(w))
		}
		if n := e.of("persist", w.key) + e.of("set", w.key); n > 0 {
			l.t.Errorf("%s: %d times the time to live was removed", w.key, n)
		}
		if n := e.of("expire", w.key); n != w.expires.Load() && !l.clear {
			l.t.Errorf("%s: %d times the time to live was set, asked for %d times", w.key, n, w.expires.Load())
		}
		l.auditAtRest(w)
	}
}

// auditAtRest is audit when nobody asks any more.
func (l *limiter) auditAtRest(w *window) {
	if ttl, err := l.direct.PTTL(context.Background(), w.key).Result(); err != nil || ttl == -1 {
		l.t.Errorf("%s is left without a time to live (%v): %s", w.key, err, l.state(w))
	}
}
