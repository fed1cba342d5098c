package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// pass lets time pass in Redis.
func pass(m *miniredis.Miniredis, start time.Time, d time.Duration) {
	m.SetTime(start.Add(d))
	m.FastForward(d)
}

// An increment of a key that has expired before it was flushed went with the key.
func TestIncrementGoesWithTheKey(t *testing.T) {
	e, m := laxForTest(t)
	start := time.Now()
	m.SetTime(start)
	m.Set("k", "5")
	m.SetTTL("k", time.Minute)
	if got := mustIncr(t, e, "k", 3); got != 8 {
		t.Fatalf("incr: %d", got)
	}
	pass(m, start, time.Minute)
	mustFlush(t, e)
	if m.Exists("k") {
		v, _ := m.Get("k")
		t.Errorf("an expired key is back with %s", v)
	}
	if got := read(t, e, "k"); !got.Missing {
		t.Errorf("an expired key reads %+v", got)
	}
	if got := mustIncr(t, e, "k", 1); got != 1 {
		t.Errorf("incr of an expired key: %d", got)
	}
	mustFlush(t, e)
	wantValue(t, m, "k", "1")
}

// One that somebody has deleted before its time counts from nothing, as in Redis;
// so does one that has been made anew since it expired, which keeps its value.
func TestIncrementOfAKeyChangedMeanwhile(t *testing.T) {
	e, m := laxForTest(t)
	start := time.Now()
	m.SetTime(start)
	for _, key := range []string{"deleted", "renewed"} {
		m.Set(key, "5")
		m.SetTTL(key, time.Minute)
		mustIncr(t, e, key, 3)
	}
	m.Del("deleted")
	mustFlush(t, e)
	wantValue(t, m, "deleted", "3")
	// Who was told 8 does not know that the key is new and has to be given a time to live.
	if got := m.TTL("deleted"); got != time.Minute {
		t.Errorf("the time to live of a key that was deleted is %v, want %v", got, time.Minute)
	}
	if got := mustIncr(t, e, "deleted", 1); got != 4 {
		t.Errorf("incr of a key that was deleted: %d", got)
	}
	mustFlush(t, e)
	if got := m.TTL("deleted"); got != time.Minute {
		t.Errorf("an increment moved the time to live to %v", got)
	}
	mustIncr(t, e, "renewed", 1)
	pass(m, start, time.Minute)
	m.Set("renewed", "100")
	m.SetTTL("renewed", time.Hour)
	mustFlush(t, e)
	wantValue(t, m, "renewed", "101")
	if got := m.TTL("renewed"); got != time.Hour {
		t.Errorf("the time to live is %v", got)
	}
}

// Past its expiry a key is asked for again, whatever else would let it be answered
// from memory; and what is pending of the old life does not count in the new one.
func TestExpiredKeyIsCold(t *testing.T) {
	e, m := laxForTest(t)
	start := time.Now()
	m.SetTime(start)
	const life = 30 * time.Millisecond
	m.Set("k", "5")
	m.SetTTL("k", life)
	if got := mustIncr(t, e, "k", 1); got != 6 {
		t.Fatalf("incr: %d", got)
	}
	pass(m, start, life)
	eventually(t, 5*time.Second, "the key has expired", func() bool {
		got := read(t, e, "k")
		if !got.Missing && got.N != 6 {
			t.Fatalf("the key reads %+v", got)
		}
		return got.Missing
	})
	if got := mustIncr(t, e, "k", 1); got != 1 {
		t.Errorf("incr: %d", got)
	}
}

// A key whose expiry is somewhat later than this proxy guesses is answered all the
// same, with what Redis says.
func TestExpiryIsRedisToTell(t *testing.T) {
	e, m := laxForTest(t)
	m.Set("k", "5")
	m.SetTTL("k", time.Millisecond) // and no time passes there
	for want := int64(6); want < 20; want++ {
		if got := mustIncr(t, e, "k", 1); got != want {
			t.Fatalf("incr: %d, want %d", got, want)
		}
		eventually(t, 5*time.Second, "the key counts as expired", func() bool { return e.countsAsExpired("k") })
	}
}

// countsAsExpired reports whether a key in memory has expired, as this proxy guesses.
func (e *Engine) countsAsExpired(key string) bool {
	p, err := e.ordinary(0, []byte(key))
	if err != nil {
		return false
	}
	s := p.shardOf(hash([]byte(key)))
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.named(key)
	return c != nil && c.epoch > 0 && e.now() >= p.clock.reaches(c.epoch)
}

// A life that others have changed is noticed, and what was accepted before keeps
// its own: a key is never made anew without its time to live.
func TestPendingKeepsItsLife(t *testing.T) {
	e, m := laxForTest(t)
	start := time.Now()
	m.SetTime(start)
	m.Set("k", "5")
	m.SetTTL("k", time.Minute)
	mustIncr(t, e, "k", 1)
	pass(m, start, time.Minute)
	p, err := e.ordinary(0, []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.shardOf(hash([]byte("k")))
	s.mu.Lock()
	c := s.named("k")
	c.setBase(Value{}, epoch{n: missing, swept: true}, e.now()) // as a refresh brings it
	s.mu.Unlock()
	if got := mustIncr(t, e, "k", 1); got != 1 {
		t.Errorf("incr: %d, want 1: the increment before went with the key", got)
	}
	mustFlush(t, e)
	wantValue(t, m, "k", "1")
}

// What somebody else has made and may be about to give an expiry is counted in Redis:
// flushed after that expiry, it would be made anew without one, and nobody would know.
func TestKeyThatMayExpire(t *testing.T) {
	e, m := laxForTest(t)
	start := time.Now()
	m.SetTime(start)
	read(t, e, "k")
	m.Set("k", "1")
	p, err := e.ordinary(0, []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.shardOf(hash([]byte("k")))
	s.mu.Lock()
	s.named("k").forget()
	s.mu.Unlock()
	for want := int64(2); want < 5; want++ {
		if got := mustIncr(t, e, "k", 1); got != want {
			t.Errorf("incr: %d, want %d", got, want)
		}
	}
	m.SetTTL("k", time.Second)
	pass(m, start, time.Second)
	mustFlush(t, e)
	if m.Exists("k") {
		t.Error("an expired key is back")
	}

	m.Set("k", "7") // made anew past this proxy, which has not seen it go
	if mustIncr(t, e, "k", 1); read(t, e, "k").N != 8 {
		t.Errorf("the key reads %+v", read(t, e, "k"))
	}
	wantValue(t, m, "k", "8")
	s.mu.Lock()
	c := s.named("k")
	c.setBareAt(c.bareAt() - bareTime) // it has been so for long
	s.mu.Unlock()
	if got := mustIncr(t, e, "k", 1); got != 9 {
		t.Errorf("incr: %d, want 9", got)
	}
	wantValue(t, m, "k", "8")
}

// A key that was made through this proxy is counted in memory at once, whether it was
// missing or 0, in memory or under a hold; who was told so gives it its expiry here.
func TestKeyMadeHere(t *testing.T) {
	e, m := laxForTest(t)
	mustIncr(t, e, "missing", 2)
	mustFlush(t, e)
	read(t, e, "zero")
	h := mustHold(t, e, Touch{Keys: keys("zero", "held")})
	m.Set("zero", "0")
	h.Release()
	mustIncr(t, e, "zero", 2)
	wantValue(t, m, "zero", "2")
	h = mustHold(t, e, Touch{Keys: keys("held")})
	mustIncr(t, e, "held", 1)
	wantValue(t, m, "held", "1")
	m.Del("held")
	h.Release()
	mustIncr(t, e, "held", 2)
	mustFlush(t, e)
	for _, key := range []string{"missing", "zero", "held"} {
		if got := mustIncr(t, e, key, 1); got != 3 {
			t.Errorf("incr of %s: %d", key, got)
		}
		wantValue(t, m, key, "2")
	}
}

// What is in flight of a life that is over does not count in the new one, either:
// nobody would be told 1, and the new key would never get a time to live.
func TestInFlightKeepsItsLife(t *testing.T) {
	opts := unhurried
	opts.Lax = everyKey
	m := miniredis.RunT(t)
	e, gate := gateForTest(t, m.Addr(), opts)
	start := time.Now()
	m.SetTime(start)
	m.Set("k", "5")
	m.SetTTL("k", time.Minute)
	mustIncr(t, e, "k", 1)
	first := gate.hold(t, callsOf(lua.StringApply))
	go e.FlushAll(t.Context())
	first.await(t, 1)
	if got := mustIncr(t, e, "k", 1); got != 7 {
		t.Fatalf("incr: %d", got)
	}
	pass(m, start, time.Minute)
	second := gate.hold(t, callsOf(lua.StringApply))
	first.release()
	p, err := e.ordinary(0, []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.shardOf(hash([]byte("k")))
	eventually(t, 5*time.Second, "the reply to the first batch", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !s.named("k").sent.has
	})
	replies := make(chan Number, 2)
	var waits atomic.Int64
	ctx := BeforeWait(t.Context(), func() { waits.Add(1) })
	incr := func() { replies <- e.IncrBy(ctx, 0, []byte("k"), 1) }
	go incr() // has the rest of the old life flushed
	second.await(t, 1)
	go incr()
	eventually(t, 5*time.Second, "a wait", func() bool { return waits.Load() == 2 || len(replies) > 0 })
	second.release()
	if a, b := <-replies, <-replies; a.Err != nil || b.Err != nil || min(a.N, b.N) != 1 || max(a.N, b.N) != 2 {
		t.Errorf("two increments of a key that has expired: %+v and %+v", a, b)
	}
	mustFlush(t, e)
	wantValue(t, m, "k", "2")
}

func TestClockGuessesEarly(t *testing.T) {
	var k clock
	k.hear(1000e6, 1500e6, 5000) // Redis' 5000 ms were between 999 and 1500 ms here
	k.hear(2000e6, 2010e6, 5995) // … and 5995 between 1999 and 2010
	if got, want := k.reaches(5995), int64(1999e6); got != want {
		t.Errorf("5995 is reached at %d ms, want %d", got/1e6, want/1e6)
	}
	k.hear(3000e6, 3900e6, 7300) // slow: says nothing new
	if got, want := k.reaches(5995), int64(1999e6); got != want {
		t.Errorf("5995 is reached at %d ms, want %d", got/1e6, want/1e6)
	}
	k.hear(4000e6, 4001e6, 20_000) // set forward
	if got, want := k.reaches(20_000), int64(4001e6); got > want {
		t.Errorf("20000 is reached at %d ms, want %d at most", got/1e6, want/1e6)
	}
	if k.reaches(1<<62) < k.reaches(1<<50) {
		t.Error("an expiry far in the future overflows")
	}
}
