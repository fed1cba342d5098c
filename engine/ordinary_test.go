package engine

import (
	"context"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/lua"
)

var everyKey = []Pattern{{Glob: "*"}}

// laxForTest runs an engine that treats every key as a counter, on a miniredis
// of its own whose clock stands still. It flushes only when told to.
func laxForTest(t testing.TB) (*Engine, *miniredis.Miniredis) {
	t.Helper()
	opts := unhurried
	opts.Lax = everyKey
	e, m := startForTest(t, opts)
	m.SetTime(time.Now())
	return e, m
}

// mustIncr increments a key in memory, as far as that may be.
func mustIncr(t *testing.T, e *Engine, key string, delta int64) int64 {
	t.Helper()
	var warm [1]Number
	e.Read(t.Context(), 0, keys(key), warm[:])
	got := e.IncrBy(t.Context(), 0, []byte(key), delta)
	if got.Err != nil || got.Foreign || got.Missing {
		t.Fatalf("incrby %s %d: %+v", key, delta, got)
	}
	return got.N
}

func read(t *testing.T, e *Engine, key string) Number {
	t.Helper()
	var out [1]Number
	e.Read(t.Context(), 0, [][]byte{[]byte(key)}, out[:])
	if out[0].Err != nil {
		t.Fatalf("get %s: %v", key, out[0].Err)
	}
	return out[0]
}

func mustHold(t *testing.T, e *Engine, touches ...Touch) *Hold {
	t.Helper()
	h, err := e.Hold(t.Context(), touches)
	if err != nil {
		t.Fatalf("hold %+v: %v", touches, err)
	}
	t.Cleanup(h.Release)
	return h
}

func keys(names ...string) (raw [][]byte) {
	for _, name := range names {
		raw = append(raw, []byte(name))
	}
	return raw
}

func wantValue(t *testing.T, m *miniredis.Miniredis, key, want string) {
	t.Helper()
	got, err := m.Get(key)
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("Redis has %s = %s, want %s", key, got, want)
	}
}

func TestOrdinaryKeysAreCountedInMemory(t *testing.T) {
	e, m := laxForTest(t)
	m.Set("there", "40")
	m.SetTTL("there", time.Hour)
	if got := mustIncr(t, e, "there", 2); got != 42 {
		t.Errorf("incr of 40 by 2: %d", got)
	}
	wantValue(t, m, "there", "40")
	if got := read(t, e, "gone"); !got.Missing {
		t.Errorf("a missing key reads %+v", got)
	}
	if got := mustIncr(t, e, "gone", 1) + mustIncr(t, e, "gone", -1); got != 1 {
		t.Errorf("1 and 0 add up to %d", got)
	}
	if got := read(t, e, "gone"); got.Missing || got.N != 0 {
		t.Errorf("a key that is counted and not flushed reads %+v", got)
	}
	mustFlush(t, e)
	wantValue(t, m, "there", "42")
	wantValue(t, m, "gone", "0")
	if got := m.TTL("there"); got != time.Hour {
		t.Errorf("the time to live is %v", got)
	}
	for _, key := range m.Keys() {
		if key != "there" && key != "gone" && key != lua.StringRecord("i1", e.anyRun()) {
			t.Errorf("there is a key %s", key)
		}
	}
}

// anyRun is the run of the one place of ordinary keys.
func (e *Engine) anyRun() string {
	for _, p := range *e.places.Load() {
		p.presence.Lock()
		defer p.presence.Unlock()
		return p.run
	}
	return ""
}

func TestOnlyWhatIncrAcceptsEntersMemory(t *testing.T) {
	e, m := laxForTest(t)
	// miniredis adds to what Redis refuses to add to.
	m.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		if cmd == "INCRBY" {
			c.WriteError("ERR value is not an integer or out of range")
		}
		return cmd == "INCRBY"
	})
	for _, value := range []string{"", " 12", "+5", "012", "-0", "1.5", "x", "9223372036854775808", "000000000000000000000", "1\n"} {
		m.Set("k", value)
		if got := read(t, e, "k"); !got.Foreign {
			t.Errorf("%q reads %+v", value, got)
		}
		if got := e.IncrBy(t.Context(), 0, []byte("k"), 1); got.Err != errForeign {
			t.Errorf("incr of %q: %+v", value, got)
		}
		wantValue(t, m, "k", value)
		mustHold(t, e, Touch{Keys: keys("k")}).Release()
	}
	m.Del("k")
	m.Lpush("k", "1")
	if got := read(t, e, "k"); !got.Foreign {
		t.Errorf("a list reads %+v", got)
	}
	if got := e.IncrBy(t.Context(), 0, []byte("k"), 1); got.Err != wrongType {
		t.Errorf("incr of a list: %+v", got)
	}
	for _, n := range []int64{math.MaxInt64, math.MinInt64} {
		key := strconv.FormatInt(n, 10)
		m.Set(key, key)
		if got := read(t, e, key); got.N != n {
			t.Errorf("%s reads %+v", key, got)
		}
		if got := e.IncrBy(t.Context(), 0, []byte(key), n/math.MaxInt64); got.Err != ErrOverflow {
			t.Errorf("incr of %s: %+v", key, got)
		}
	}
}

func TestHoldSendsEverythingToRedis(t *testing.T) {
	e, m := laxForTest(t)
	mustIncr(t, e, "k", 5)
	mustIncr(t, e, "other", 1)
	h := mustHold(t, e, Touch{Keys: keys("k")})
	wantValue(t, m, "k", "5")
	m.Set("k", "100")
	if got := read(t, e, "k"); got.N != 100 {
		t.Errorf("a held key reads %+v", got)
	}
	if got := mustIncr(t, e, "k", 1); got != 101 {
		t.Errorf("incr of a held key: %d", got)
	}
	wantValue(t, m, "k", "101")
	m.Del("k")
	if got := read(t, e, "k"); !got.Missing {
		t.Errorf("a held key that is gone reads %+v", got)
	}
	m.Set("k", "7")
	m.SetTTL("k", time.Hour)
	h.Release()
	h.Release()
	if got := read(t, e, "k"); got.N != 7 {
		t.Errorf("after the hold the key reads %+v", got)
	}
	mustIncr(t, e, "k", 1)
	wantValue(t, m, "k", "7")
}

func TestHoldOfAWholeDatabase(t *testing.T) {
	for name, touch := range map[string]Touch{"one": {Whole: true}, "all": {DB: AllDatabases, Whole: true}} {
		t.Run(name, func(t *testing.T) {
			e, m := laxForTest(t)
			for _, key := range []string{"a", "b", "c"} {
				mustIncr(t, e, key, 1)
			}
			h := mustHold(t, e, touch)
			wantValue(t, m, "c", "1")
			m.FlushAll()
			if got := mustIncr(t, e, "b", 1); got != 1 {
				t.Errorf("incr while held: %d", got)
			}
			wantValue(t, m, "b", "1")
			m.Set("b", "30")
			h.Release()
			if got := read(t, e, "b"); got.N != 30 {
				t.Errorf("after the hold: %+v", got)
			}
			if mustIncr(t, e, "a", 1); m.Exists("a") {
				t.Error("after the hold, an increment does not stay in memory")
			}
		})
	}
}

// A hold that cannot be had, as Redis is away, leaves everything as it was: what is in
// memory goes on being counted, and nothing is lost.
func TestHoldWhileRedisIsAway(t *testing.T) {
	opts := unhurried
	opts.Lax, opts.CommandTimeout = everyKey, 100*time.Millisecond
	m := miniredis.RunT(t)
	e, gate := gateForTest(t, m.Addr(), opts)
	mustIncr(t, e, "k", 1)
	mustIncr(t, e, "other", 1)
	gate.shut()
	for i, touch := range []Touch{{Keys: keys("k")}, {Keys: keys("k", "other")}, {Whole: true}, {DB: AllDatabases, Whole: true}, {Loose: true}} {
		if h, err := e.Hold(t.Context(), []Touch{touch}); err == nil {
			t.Errorf("%+v is held while Redis is away", touch)
			h.Release()
		}
		if got := mustIncr(t, e, "k", 1); got != int64(i+2) {
			t.Errorf("after %+v: incr: %d, want %d", touch, got, i+2)
		}
		if got := read(t, e, "other"); got.N != 1 {
			t.Errorf("after %+v: get: %+v", touch, got)
		}
	}
	gate.open()
	flushes(t, e)
	wantValue(t, m, "k", "6")
	wantValue(t, m, "other", "1")
	mustHold(t, e, Touch{Keys: keys("k")}).Release()
}

// A hold ends with its command though Redis has not answered what was asked meanwhile;
// that answer is from before the command, and is not taken over.
func TestHoldEndsWhileRedisIsAsked(t *testing.T) {
	opts := unhurried
	opts.Lax = everyKey
	m := miniredis.RunT(t)
	e, meddled := meddleForTest(t, m.Addr(), opts)
	m.Set("k", "1")
	m.Set("op", "1")
	asked, answer := make(chan struct{}), make(chan struct{})
	late := func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
		replies := redis.Run(ctx, calls)
		close(asked)
		<-answer
		return replies
	}
	meddled.once(callsOf(lua.StringRead), late)
	numbers := make(chan Number, 1)
	go func() {
		var out [1]Number
		e.Read(t.Context(), 0, keys("k"), out[:])
		numbers <- out[0]
	}()
	<-asked
	h := mustHold(t, e, Touch{Keys: keys("k")})
	m.Set("k", "7")
	h.Release()
	p, err := e.ordinary(0, []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.shardOf(hash([]byte("k")))
	s.mu.Lock()
	held := p.heldLocked(s, []byte("k"))
	s.mu.Unlock()
	if held {
		t.Error("the key is held after the hold's end")
	}
	close(answer)
	if got := <-numbers; got.Err != nil || got.N != 7 {
		t.Errorf("the key reads %+v, want 7", got)
	}

	// The same of an increment that was done in Redis, as the key was held.
	asked, answer = make(chan struct{}), make(chan struct{})
	meddled.once(callsOf(lua.StringApply), late)
	h = mustHold(t, e, Touch{Keys: keys("op")})
	go func() { numbers <- e.IncrBy(t.Context(), 0, []byte("op"), 1) }()
	<-asked
	m.Set("op", "70")
	h.Release()
	e.AskKeys(0, keys("op")) // so that there is a cell to take it over
	close(answer)
	if got := <-numbers; got.Err != nil || got.N != 2 {
		t.Errorf("incr: %+v, want 2", got)
	}
	if got := read(t, e, "op"); got.N != 70 {
		t.Errorf("the key reads %+v, want 70", got)
	}
}

// One that ends with nothing sent does not hide that another, beside it, had changed the key.
func TestHoldsThatOverlap(t *testing.T) {
	e, m := laxForTest(t)
	mustIncr(t, e, "k", 1)
	for _, order := range []func(sent, not *Hold){
		func(sent, not *Hold) { sent.Release(); not.Abandon() },
		func(sent, not *Hold) { not.Abandon(); sent.Release() },
	} {
		sent, not := mustHold(t, e, Touch{Keys: keys("k")}), &Hold{e: e}
		if err := not.take(&Touch{Keys: keys("k")}, map[*partition]bool{}); err != nil {
			t.Fatal(err)
		}
		m.Set("k", "7")
		order(sent, not)
		if got := read(t, e, "k"); got.N != 7 {
			t.Errorf("the key reads %+v", got)
		}
		m.Set("k", "1")
		mustHold(t, e, Touch{Keys: keys("k")}).Release()
	}
}

// What may touch anything sees all that was accepted before, and nothing from
// before is answered after it. Meanwhile others count on in memory.
func TestLooseTouch(t *testing.T) {
	e, m := laxForTest(t)
	mustIncr(t, e, "k", 5)
	h := mustHold(t, e, Touch{Keys: keys("declared"), Loose: true})
	wantValue(t, m, "k", "5")
	if mustIncr(t, e, "k", 1); read(t, e, "k").N != 6 {
		t.Error("an increment beside it is not seen")
	}
	wantValue(t, m, "k", "5")
	m.Set("k", "100")
	h.Release()
	if got := read(t, e, "k"); got.N != 101 {
		t.Errorf("afterwards the key reads %+v, want 101", got)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	e, m := laxForTest(t)
	for db := range 3 {
		var out [1]Number
		e.Read(t.Context(), db, keys("k"), out[:]) // else it is counted in Redis
		e.IncrBy(t.Context(), db, []byte("k"), int64(db+1))
	}
	mustHold(t, e, Touch{DB: 1, Keys: keys("k")})
	if got, _ := m.DB(1).Get("k"); got != "2" || m.Exists("k") {
		t.Errorf("database 1 has %q, 0 has it: %v", got, m.Exists("k"))
	}
	mustFlush(t, e)
	wantValue(t, m, "k", "1")
	if got, _ := m.DB(2).Get("k"); got != "3" {
		t.Errorf("database 2 has %q", got)
	}
}

func TestPatterns(t *testing.T) {
	e, _ := startForTest(t, Options{Lax: []Pattern{
		{Glob: "count:*", FlushInterval: time.Second},
		{Glob: "v[0-9]:?"},
		{Glob: `a\*b`},
		{Glob: "exact", AllowedLag: time.Second},
	}})
	for key, want := range map[string]bool{
		"count:": true, "count:x": true, "coun": false, "v1:x": true, "v1:xx": false, "a*b": true, "axb": false,
		"exact": true, "exactly": false, "": false,
	} {
		if got := e.IsLax([]byte(key)); got != want {
			t.Errorf("%q is lax: %v", key, got)
		}
	}
	if got := len(e.patterns.paces); got != 3 {
		t.Errorf("%d paces, want 3", got)
	}
	own, _ := startForTest(t, Options{Lax: everyKey})
	if own.IsLax([]byte(lua.StringRecord("i", "r"))) || own.IsLax(make([]byte, MaxLaxKey+1)) || !own.IsLax(nil) {
		t.Error("distkit's own keys, or long ones, are lax")
	}
	for _, bad := range []Pattern{{}, {Glob: "x", FlushInterval: -1}, {Glob: "x", AllowedLag: -1}} {
		opts := Options{InstanceID: "i", Redis: &redis.Options{}, Lax: []Pattern{bad}}
		if _, err := opts.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// What Redis refuses waits, hidden behind what Redis itself says of the key, until
// a command has overwritten that.
func TestRefusedIncrementOfAnOrdinaryKey(t *testing.T) {
	e, m := laxForTest(t)
	mustIncr(t, e, "k", 3)
	m.Lpush("k", "x")
	h := mustHold(t, e, Touch{Keys: keys("k")})
	if got := e.Stats(); got.Refused != 1 || got.Pending != 1 {
		t.Fatalf("%d refused, %d pending, want one", got.Refused, got.Pending)
	}
	h.Release()
	if got := read(t, e, "k"); !got.Foreign {
		t.Errorf("a list reads %+v", got)
	}
	m.Del("k")
	m.Set("k", "10")
	e.VoidRefused([]Touch{{Keys: keys("k")}})
	if got := e.Stats(); got.Refused != 1 {
		t.Errorf("%d refused after a command that overwrites nothing, want one", got.Refused)
	}
	e.VoidRefused([]Touch{{Keys: keys("k", "other"), Overwritten: true}})
	if got := read(t, e, "k"); got.N != 10 {
		t.Errorf("what was overwritten reads %+v", got)
	}
	mustFlush(t, e)
	wantValue(t, m, "k", "10")
	if got := e.Stats(); got.Pending != 0 {
		t.Errorf("%d pending, want none", got.Pending)
	}
}

func TestWarmKeysAllocateNothing(t *testing.T) {
	e, _ := laxForTest(t)
	key, out := keys("k"), make([]Number, 1)
	mustIncr(t, e, "k", 1)
	if n := testing.AllocsPerRun(1000, func() {
		e.IncrBy(t.Context(), 0, key[0], 1)
		e.Read(t.Context(), 0, key, out)
	}); n > 0 {
		t.Errorf("an increment and a read allocate %v times", n)
	}
}

// What a hold has taken, however often, it gives back.
func TestHoldsEnd(t *testing.T) {
	e, _ := laxForTest(t)
	mustIncr(t, e, "k", 1)
	all := Touch{DB: AllDatabases, Whole: true}
	h := mustHold(t, e, all, Touch{Keys: keys("k", "k")}, Touch{Whole: true}, all, Touch{Whole: true}, Touch{Keys: keys("k"), Loose: true})
	mustIncr(t, e, "k", 1)
	h.Release()
	h.Release()
	for at, p := range *e.places.Load() {
		s := p.shardOf(hash([]byte("k")))
		if p.holds.Load() != 0 || s.held != nil || e.heldAll != 0 {
			t.Errorf("%v is held %d times, by key %v, all %d times", at, p.holds.Load(), s.held, e.heldAll)
		}
	}
	if got := read(t, e, "k"); got.N != 2 {
		t.Errorf("the key reads %+v", got)
	}
}

// Where holds come and go all the time, a command is not put off for ever: Redis
// answers it.
func TestKeyThatIsHeldAgainAndAgain(t *testing.T) {
	opts := unhurried
	opts.Lax = everyKey
	m := miniredis.RunT(t)
	var e *Engine
	e = connectForTest(t, m.Addr(), opts, func(redis store) store {
		return storeFunc(func(ctx context.Context, calls []lua.Call) []lua.Reply {
			replies := redis.Run(ctx, calls)
			if callsOf(lua.StringRead)(calls) { // while the key is loaded somebody holds it
				h, err := e.Hold(ctx, []Touch{{Keys: keys("k")}})
				if err != nil {
					t.Error(err)
				}
				h.Release()
			}
			return replies
		})
	})
	for want := int64(1); want < 5; want++ {
		if got := mustIncr(t, e, "k", 1); got != want {
			t.Errorf("incr: %d, want %d", got, want)
		}
	}
	if got := read(t, e, "k"); got.N != 4 {
		t.Errorf("the key reads %+v", got)
	}
}

// storeFunc is a store that is a function.
type storeFunc func(context.Context, []lua.Call) []lua.Reply

func (f storeFunc) Run(ctx context.Context, calls []lua.Call) []lua.Reply { return f(ctx, calls) }
