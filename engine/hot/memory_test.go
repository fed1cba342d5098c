package hot

import (
	"testing"
	"time"
)

// With an interval of 10 ms and a lag of 5 ms.
func TestWhatLaxWouldHaveMadeOfIt(t *testing.T) {
	const i, r, h = Increment, Read, Hold
	type step struct {
		ms    int
		class Class
	}
	for name, tc := range map[string]struct {
		steps          []step
		flushes, loads uint64
		saved          int64
	}{
		"nothing":                       {nil, 0, 0, 0},
		"one increment":                 {[]step{{1, i}}, 1, 1, -1},
		"one interval":                  {[]step{{1, i}, {2, i}, {3, i}, {9, i}}, 1, 1, 2},
		"two intervals":                 {[]step{{1, i}, {9, i}, {11, i}, {19, i}}, 2, 1, 1},
		"reads ride on the flush":       {[]step{{1, i}, {2, r}, {3, r}}, 1, 1, 1},
		"reads are kept fresh":          {[]step{{1, r}, {11, r}, {21, r}, {31, r}}, 4, 1, -1},
		"fresh for lag and interval":    {[]step{{1, i}, {16, i}}, 2, 1, -1},
		"and no longer":                 {[]step{{1, i}, {17, i}}, 2, 2, -2},
		"a hold forgets":                {[]step{{1, i}, {2, i}, {3, h}, {4, i}, {5, i}}, 2, 2, 0},
		"holds of what is not there":    {[]step{{1, h}, {2, h}, {3, i}}, 1, 1, -1},
		"increment and expire in turns": {[]step{{1, i}, {2, h}, {3, i}, {4, h}, {5, i}, {6, h}}, 3, 3, -3},
	} {
		var m memory
		var got Tally
		for _, s := range tc.steps {
			got.Add(m.play(s.class, time.Duration(s.ms)*time.Millisecond, times{interval: 10 * time.Millisecond, lag: 5 * time.Millisecond}))
		}
		if got.Flushes != tc.flushes || got.Loads != tc.loads || got.Saved() != tc.saved {
			t.Errorf("%s: %d flushes, %d loads, %d saved; want %d, %d, %d", name, got.Flushes, got.Loads, got.Saved(), tc.flushes, tc.loads, tc.saved)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, tc := range []struct {
		Tally
		want string
	}{
		{Tally{}, HeldTooOften}, // only held
		{Tally{Increments: 100, Flushes: 1, Loads: 1}, WorthIt},
		{Tally{Increments: 50, Reads: 50, Flushes: 49, Loads: 1}, WorthIt},
		{Tally{Increments: 50, Reads: 50, Flushes: 50, Loads: 1}, NotHotEnough},
		{Tally{Increments: 100, Flushes: 100, Loads: 100}, NotHotEnough},
		{Tally{Increments: 100, Holds: 24, Flushes: 27, Loads: 24}, NotHotEnough},
		{Tally{Increments: 100, Holds: 25, Flushes: 27, Loads: 25}, HeldTooOften},
		{Tally{Increments: 100, Holds: 100, Flushes: 100, Loads: 100}, HeldTooOften},
		// A burst between two holds pays for them.
		{Tally{Increments: 100, Holds: 100, Flushes: 10, Loads: 10}, WorthIt},
	} {
		if got := tc.Verdict(); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.Tally, got, tc.want)
		}
	}
}

func TestClassOf(t *testing.T) {
	for class, names := range map[Class][]string{
		Increment: {"INCR", "incrby", "Decr", "DECRBY"},
		Read:      {"GET", "mget"},
		Hold:      {"", "SET", "GETSET", "INCRBYFLOAT", "EXPIRE", "get\x00", "MGETS", "hget"},
	} {
		for _, name := range names {
			if got := ClassOf([]byte(name)); got != class {
				t.Errorf("%q is of class %d, want %d", name, got, class)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { ClassOf([]byte("INCRBY")) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
