package engine

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// together increments keys by one in a call.
func together(t *testing.T, e *Engine, names ...string) (sums []int64) {
	t.Helper()
	adds := make([]Add, len(names))
	for i, name := range names {
		adds[i] = Add{[]byte(name), 1}
	}
	out := make([]Number, len(names))
	e.IncrTogether(t.Context(), 0, adds, out)
	for i, n := range out {
		if n.Err != nil || n.Foreign {
			t.Fatalf("incr %s: %+v", names[i], n)
		}
		sums = append(sums, n.N)
	}
	return sums
}

// Increments of keys that are not in memory are one script, in order, and what it
// says of them is in memory from then on.
func TestColdIncrementsGoTogether(t *testing.T) {
	opts := unhurried
	opts.Lax = everyKey
	m := miniredis.RunT(t)
	e, gate := gateForTest(t, m.Addr(), opts)
	m.Set("b", "5")
	m.SetTTL("b", time.Hour)
	mustIncr(t, e, "warm", 10)
	if got, want := together(t, e, "a", "b", "a", "warm", "a"), []int64{1, 6, 2, 11, 3}; !slices.Equal(got, want) {
		t.Errorf("the increments are told %v, want %v", got, want)
	}
	wantValue(t, m, "a", "3")
	wantValue(t, m, "b", "6")
	if m.Exists("warm") {
		t.Error("what is in memory is flushed for the sake of what is not")
	}
	if got := m.TTL("b"); got != time.Hour {
		t.Errorf("the time to live is %v", got)
	}
	if got, want := together(t, e, "b", "a"), []int64{7, 4}; !slices.Equal(got, want) {
		t.Errorf("the increments behind them are told %v, want %v", got, want)
	}
	if applied, loaded := gate.count(lua.StringApply), gate.count(lua.StringRead); applied != 1 || loaded != 1 {
		t.Errorf("%d scripts that change keys and %d that load, want one and that of the key in memory", applied, loaded)
	}
	mustFlush(t, e)
	wantValue(t, m, "a", "4")
	wantValue(t, m, "b", "7")
}

// One script after the other carries out more increments than one takes.
func TestManyColdIncrementsGoTogether(t *testing.T) {
	e, m := laxForTest(t)
	var names []string
	var want []int64
	for i := range int64(2*maxOps + 7) {
		names = append(names, fmt.Sprint("k", i%(maxOps+9)))
		want = append(want, i/(maxOps+9)+1)
	}
	if got := together(t, e, names...); !slices.Equal(got, want) {
		t.Errorf("the increments are told %v", got)
	}
	wantValue(t, m, "k0", "2")
}

// However increments in memory and in Redis meet on a key that is in and out of
// memory all the time, each is told another number, and what it is told goes up.
func TestEveryIncrementIsToldAnotherNumber(t *testing.T) {
	const clients, rounds = 8, 600
	e, m := startForTest(t, Options{Lax: everyKey, FlushInterval: time.Millisecond, AllowedLag: time.Microsecond})
	names := []string{"a", "b", "c", "a"}
	told := make([][]int64, clients)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for round := range rounds {
				switch (c + round) % 4 {
				case 0:
					mustReadForTest(t, e, "a")
				case 1:
					told[c] = append(told[c], mustIncrForTest(t, e, "a"))
					continue
				}
				sums := together(t, e, names...)
				told[c] = append(told[c], sums[0], sums[3])
			}
		})
	}
	wg.Wait()
	var all []int64
	for c, sums := range told {
		if !slices.IsSorted(sums) {
			t.Errorf("client %d is told %v", c, sums)
		}
		all = append(all, sums...)
	}
	slices.Sort(all)
	for i, n := range all {
		if n != int64(i+1) {
			t.Fatalf("the %dth number is %d", i+1, n)
		}
	}
	flushes(t, e)
	wantValue(t, m, "a", fmt.Sprint(len(all)))
}

func mustReadForTest(t *testing.T, e *Engine, key string) {
	var out [1]Number
	if e.Read(t.Context(), 0, keys(key), out[:]); out[0].Err != nil {
		t.Errorf("get %s: %+v", key, out[0])
	}
}

func mustIncrForTest(t *testing.T, e *Engine, key string) int64 {
	got := e.IncrBy(t.Context(), 0, []byte(key), 1)
	if got.Err != nil {
		t.Errorf("incr %s: %+v", key, got)
	}
	return got.N
}

// An increment whose reply was lost is told what it was the first time, though others
// have counted, or taken the key away, since: who is told 1 sets the time to live.
func TestRepeatedColdIncrementIsToldTheSame(t *testing.T) {
	opts := unhurried
	opts.Lax = everyKey
	for name, meanwhile := range map[string]func(m *miniredis.Miniredis){
		"counted": func(m *miniredis.Miniredis) { m.Incr("k", 100) },
		"deleted": func(m *miniredis.Miniredis) { m.Del("k") },
		"another": func(m *miniredis.Miniredis) { m.Set("k", "no integer") },
	} {
		t.Run(name, func(t *testing.T) {
			m := miniredis.RunT(t)
			e, s := meddleForTest(t, m.Addr(), opts)
			m.Set("list", "")
			m.Set("big", "9007199254740993")
			reply := s.pauseReply(t, lua.StringApply, true)
			out := make([]Number, 4)
			done := make(chan struct{})
			go func() {
				defer close(done)
				e.IncrTogether(t.Context(), 0, []Add{{[]byte("k"), 1}, {[]byte("list"), 1}, {[]byte("k"), 2}, {[]byte("big"), 1}}, out)
			}()
			reply.await(t)
			meanwhile(m)
			want, _ := m.Get("k")
			reply.deliver()
			<-done
			if out[0].N != 1 || out[1].Err != errForeign || out[2].N != 3 || out[3].N != 9007199254740994 {
				t.Errorf("the increments are told %+v", out)
			}
			if got, _ := m.Get("k"); got != want {
				t.Errorf("Redis has %q, want %q", got, want)
			}
			if got := read(t, e, "k"); fmt.Sprint(got.N) != want && !got.Missing && !got.Foreign {
				t.Errorf("the key reads %+v, want %q", got, want)
			}
		})
	}
}

// While Redis is away an increment of a key that is not in memory is refused at once
// if it has not been carried out, and those in memory are counted, also where one was
// on its way when Redis went.
func TestColdIncrementsWhileRedisIsAway(t *testing.T) {
	opts := unhurried
	opts.Lax, opts.AllowedLag, opts.FlushInterval = everyKey, time.Microsecond, time.Microsecond
	m := miniredis.RunT(t)
	var refusing bool
	var mu sync.Mutex
	e := connectForTest(t, m.Addr(), opts, func(redis store) store {
		return storeFunc(func(ctx context.Context, calls []lua.Call) []lua.Reply {
			mu.Lock()
			defer mu.Unlock()
			if refusing {
				replies := make([]lua.Reply, len(calls))
				for i := range replies {
					replies[i].Err = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
				}
				return replies
			}
			return redis.Run(ctx, calls)
		})
	})
	if got := together(t, e, "k")[0]; got != 1 {
		t.Fatalf("incr: %d", got)
	}
	mu.Lock()
	refusing = true
	mu.Unlock()
	eventually(t, 5*time.Second, "that what is known of the key is old", func() bool { return e.anyColdKey(0, keys("k"), e.now()) })
	for want := int64(2); want < 4; want++ { // it turns out at the first
		if got := mustIncrForTest(t, e, "k"); got != want {
			t.Errorf("while Redis is away an increment is told %d, want %d", got, want)
		}
	}
	if got := e.IncrBy(t.Context(), 0, []byte("cold"), 1); got.Err != ErrLoading {
		t.Errorf("the increment of a key that is not in memory is told %+v", got)
	}
	mu.Lock()
	refusing = false
	mu.Unlock()
	flushes(t, e)
	wantValue(t, m, "k", "3")
	if m.Exists("cold") {
		t.Error("a refused increment was carried out")
	}
}

// An increment whose client has been told that the outcome is unknown is not carried
// out later: it would make a key anew, without a time to live, and nobody is told 1.
func TestColdIncrementThatIsGivenUp(t *testing.T) {
	opts := unhurried
	opts.Lax, opts.CommandTimeout = everyKey, 50*time.Millisecond
	m := miniredis.RunT(t)
	e, gate := gateForTest(t, m.Addr(), opts)
	mustIncr(t, e, "warm", 1)
	gate.shut()
	if got := e.IncrBy(t.Context(), 0, []byte("k"), 1); got.Err != ErrUnknown {
		t.Fatalf("incr: %+v", got)
	}
	if got := mustIncrForTest(t, e, "warm"); got != 2 {
		t.Errorf("beside it: %d", got)
	}
	gate.open()
	flushes(t, e)
	wantValue(t, m, "warm", "2")
	if m.Exists("k") {
		t.Error("it was carried out")
	}
	eventually(t, 5*time.Second, "its next increment", func() bool { return e.IncrBy(t.Context(), 0, []byte("k"), 1).N == 1 })
}
