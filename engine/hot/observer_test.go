package hot

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The exact top 10 of a stream with many more keys than are kept.
func TestTopOfAZipfStream(t *testing.T) {
	const keys, increments = 20_000, 100_000
	o, _ := atRest(Options{})
	rnd := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rnd, 1.1, 1, keys-1)
	exact := make([]uint64, keys)
	for range increments {
		k := zipf.Uint64()
		exact[k]++
		o.See(0, Increment, fmt.Appendf(nil, "key:%d", k))
	}
	byIncrements := make([]int, keys)
	for i := range byIncrements {
		byIncrements[i] = i
	}
	slices.SortFunc(byIncrements, func(a, b int) int { return int(exact[b]) - int(exact[a]) })
	for i, k := range o.Top(10) {
		if want := fmt.Sprint("key:", byIncrements[i]); k.Name != want || k.Increments+k.Missed < exact[byIncrements[i]] {
			t.Errorf("%d is %s with %d increments and %d missed, want %s with %d", i+1, k.Name, k.Increments, k.Missed, want, exact[byIncrements[i]])
		}
	}
	all := o.Top(increments)
	if len(all) < Keys/2 || len(all) > Keys {
		t.Errorf("%d keys are known, want about %d", len(all), Keys)
	}
	for _, k := range all {
		var n int
		fmt.Sscanf(k.Name, "key:%d", &n)
		if exact[n] < k.Increments || exact[n] > k.Increments+k.Missed {
			t.Errorf("%s has %d increments, and is said to have %d and %d missed", k.Name, exact[n], k.Increments, k.Missed)
		}
	}
	for i := range o.shards {
		sh := &o.shards[i]
		if least, most := sh.bounds[sh.least()], sh.sums[0].Increments/places; least > most {
			t.Errorf("shard %d may miss %d, at most %d is promised", i, least, most)
		}
	}
	if sums := o.Sums(); len(sums) != 1 || sums[0].Increments != increments {
		t.Errorf("%+v, want %d increments", sums, increments)
	}
}

// Sums are exact for what was seen, however many keys there are.
func TestSumsAgainstAPlainModel(t *testing.T) {
	o, tick := atRest(Options{Match: match, Patterns: []Pattern{{Glob: "a*"}, {Glob: "*b"}, {Glob: "ab*"}}})
	rnd := rand.New(rand.NewPCG(3, 4))
	want := make([]Tally, 4)
	for range 50_000 {
		key := string([]byte{"abc"[rnd.IntN(3)], byte('0' + rnd.IntN(10)), byte('0' + rnd.IntN(10)), byte('0' + rnd.IntN(10)), "abc"[rnd.IntN(3)]})
		p := 3
		switch {
		case key[0] == 'a':
			p = 0
		case key[4] == 'b':
			p = 1
		}
		class := Class(rnd.IntN(3))
		want[p].Add(new(memory).play(class, 1, times{1, 1}))
		o.See(rnd.IntN(3), class, []byte(key))
		tick(time.Millisecond)
	}
	var patterns []string
	for i, s := range o.Sums() {
		patterns = append(patterns, s.Pattern)
		if s.Increments != want[i].Increments || s.Reads != want[i].Reads || s.Holds != want[i].Holds {
			t.Errorf("%q: %+v, want %+v", s.Pattern, s.Tally, want[i])
		}
		if s.Flushes > s.Increments+s.Reads || s.Loads > s.Increments+s.Reads {
			t.Errorf("%q: more flushes or loads than commands: %+v", s.Pattern, s.Tally)
		}
	}
	if want := []string{"a*", "*b", "ab*", ""}; !slices.Equal(patterns, want) {
		t.Errorf("patterns %q, want %q", patterns, want)
	}
}

func TestFiguresOfAKey(t *testing.T) {
	o, tick := atRest(Options{Match: match, FlushInterval: 10 * time.Millisecond, AllowedLag: 10 * time.Millisecond, Patterns: []Pattern{{Glob: "slow", FlushInterval: time.Second, AllowedLag: time.Second}}})
	for range 100 {
		o.See(1, Increment, []byte("k"), []byte("slow"))
		o.See(1, Read, []byte("k"), []byte("never incremented"))
		tick(5 * time.Millisecond)
	}
	o.See(1, Hold, []byte("k"))
	o.See(2, Increment, []byte("k"))
	want := []Key{
		{DB: 1, Name: "k", Tally: Tally{Increments: 100, Reads: 100, Holds: 1, Flushes: 50, Loads: 1}},
		{DB: 1, Name: "slow", Pattern: "slow", Tally: Tally{Increments: 100, Flushes: 1, Loads: 1}},
		{DB: 2, Name: "k", Tally: Tally{Increments: 1, Flushes: 1, Loads: 1}},
	}
	if got := o.Top(10); !slices.Equal(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if got := o.Top(1); len(got) != 1 || got[0].Name != "k" || got[0].DB != 1 {
		t.Errorf("the first is %+v", got)
	}
	others := Tally{Increments: 101, Reads: 200, Holds: 1, Flushes: 51, Loads: 102}
	if got, want := o.Sums(), []Sum{{"slow", want[1].Tally}, {"", others}}; !slices.Equal(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestPatternsWithTimesOfTheirOwn(t *testing.T) {
	o, tick := atRest(Options{Match: match, FlushInterval: time.Millisecond, AllowedLag: time.Millisecond,
		Patterns: []Pattern{{Glob: "interval", FlushInterval: time.Second}, {Glob: "lag", AllowedLag: time.Second}, {Glob: "none"}}})
	for range 5 {
		o.See(0, Increment, []byte("interval"), []byte("lag"), []byte("none"))
		tick(150 * time.Millisecond)
	}
	for i, want := range []Tally{{Increments: 5, Flushes: 1, Loads: 1}, {Increments: 5, Flushes: 5, Loads: 1}, {Increments: 5, Flushes: 5, Loads: 5}, {}} {
		if got := o.Sums()[i]; got.Tally != want {
			t.Errorf("%q: %+v, want %+v", got.Pattern, got.Tally, want)
		}
	}
}

// They do not crowd each other out.
func TestAKeyInManyDatabases(t *testing.T) {
	o, _ := atRest(Options{})
	for db := range 100 {
		o.See(db, Increment, []byte("k"))
	}
	if got := len(o.Top(1000)); got != 100 {
		t.Errorf("%d keys, want 100", got)
	}
}

func TestFiguresFade(t *testing.T) {
	o, tick := atRest(Options{HalfLife: time.Minute})
	for range 100 {
		o.See(0, Increment, []byte("old"))
		o.See(0, Read, []byte("old"))
		o.See(0, Hold, []byte("old"))
	}
	tick(61 * time.Second)
	for range 60 {
		o.See(0, Increment, []byte("new"))
	}
	got := o.Top(2)
	old := Tally{Increments: 50, Reads: 50, Holds: 50, Flushes: 50, Loads: 50}
	if len(got) != 2 || got[0].Name != "new" || got[0].Increments != 60 || got[1].Tally != old {
		t.Errorf("after a half-life: %+v", got)
	}
	tick(24 * time.Hour)
	if got := o.Top(2); len(got) != 0 {
		t.Errorf("after a day: %+v", got)
	}
	if got := o.Sums()[0].Increments; got != 160 {
		t.Errorf("the sum is %d, want 160: it does not fade", got)
	}
}

func TestCommandsOverWholeDatabases(t *testing.T) {
	o, tick := atRest(Options{FlushInterval: time.Hour, AllowedLag: time.Hour})
	see := func() {
		for _, db := range []int{0, 1, 16, 17} {
			o.See(db, Increment, []byte("k"))
			tick(time.Millisecond)
		}
	}
	o.SeeAll(0) // nothing is known yet
	see()
	o.SeeAll(0)
	o.SeeAll(0)
	o.SeeAll(16)
	see()
	holds := map[int]uint64{0: 2, 1: 0, 16: 1, 17: 1} // from 16 on they are one
	for _, k := range o.Top(10) {
		loads := uint64(1)
		if holds[k.DB] > 0 {
			loads = 2
		}
		if k.Holds != holds[k.DB] || k.Loads != loads {
			t.Errorf("database %d: %d holds and %d loads, want %d and %d", k.DB, k.Holds, k.Loads, holds[k.DB], loads)
		}
	}
	o.SeeAll(1)
	if got := o.Top(4); !slices.ContainsFunc(got, func(k Key) bool { return k.DB == 1 && k.Holds == 1 }) {
		t.Errorf("a hold that nothing has followed is not told: %+v", got)
	}
	if got := o.Sums()[0].Holds; got != 5 {
		t.Errorf("%d holds in all, want 5", got)
	}
	o.SeeEverything()
	for _, k := range o.Top(4) {
		holds[1] = 1
		if k.Holds != holds[k.DB]+1 {
			t.Errorf("database %d: %d holds, want one more than %d", k.DB, k.Holds, holds[k.DB])
		}
	}
}

func TestKeysThatAreNotLookedAt(t *testing.T) {
	o, _ := atRest(Options{})
	o.See(0, Increment, []byte("distkit:lax:flush:a:b"), []byte(strings.Repeat("x", MaxKey+1)))
	if got := o.Sums()[0].Tally; got != (Tally{}) {
		t.Errorf("%+v", got)
	}
	o.See(0, Increment, []byte("distkit"), []byte(strings.Repeat("x", MaxKey)), nil)
	if got := len(o.Top(5)); got != 3 {
		t.Errorf("%d keys, want 3", got)
	}
}

func TestNobodyObserves(t *testing.T) {
	var o *Observer
	o.See(0, Increment, []byte("k"))
	o.SeeAll(0)
	o.SeeEverything()
	if o.Top(10) != nil || o.Sums() != nil {
		t.Error("something was seen")
	}
}

func TestKeysAreNotKept(t *testing.T) {
	o, _ := atRest(Options{})
	key := []byte("mine")
	o.See(0, Increment, key)
	copy(key, "your")
	if got := o.Top(1)[0].Name; got != "mine" {
		t.Errorf("got %s", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	o := New(Options{HalfLife: time.Hour, Match: match, Patterns: []Pattern{{Glob: "1*"}}})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 5))
			for range 5000 {
				o.See(0, Increment, fmt.Append(nil, rnd.IntN(200)))
				o.See(0, Class(rnd.IntN(3)), fmt.Append(nil, rnd.IntN(200)), []byte("both"))
				if rnd.IntN(100) == 0 {
					o.SeeAll(0)
					o.Top(5)
					o.Sums()
				}
			}
		})
	}
	all.Wait()
	var seen uint64
	for _, s := range o.Sums() {
		seen += s.Increments + s.Reads
	}
	if seen < 4*5000 || seen > 4*15000 {
		t.Errorf("%d commands", seen)
	}
}

func TestNoAllocationForKnownKeys(t *testing.T) {
	o := New(Options{})
	key, other := []byte("counter:1"), []byte("not known")
	o.See(0, Increment, key)
	for class := Increment; class <= Hold; class++ {
		if n := testing.AllocsPerRun(1000, func() { o.See(0, class, key, other) }); n != 0 {
			t.Errorf("class %d: %v allocations", class, n)
		}
	}
}

func BenchmarkSee(b *testing.B) {
	keys := make([][]byte, 1_000_000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "counter:%012d", i)
	}
	for _, n := range []int{1, 1000, len(keys)} {
		for _, patterns := range [][]Pattern{nil, {{Glob: "page:*"}, {Glob: "counter:*"}}} {
			b.Run(fmt.Sprintf("keys=%d/patterns=%d", n, len(patterns)), func(b *testing.B) {
				o := New(Options{Match: match, Patterns: patterns})
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					rnd := rand.New(rand.NewPCG(rand.Uint64(), 6))
					for pb.Next() {
						o.See(0, Increment, keys[rnd.IntN(n)])
					}
				})
			})
		}
	}
}

// atRest is an observer whose time passes only by tick.
func atRest(opts Options) (o *Observer, tick func(time.Duration)) {
	o = New(opts)
	now := time.Duration(1)
	o.now = func() time.Duration { return now }
	return o, func(d time.Duration) { now += d }
}

func match(glob string, key []byte) bool {
	ok, err := path.Match(glob, string(key))
	return ok && err == nil
}
