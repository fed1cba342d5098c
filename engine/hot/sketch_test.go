package hot

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The invariants hold, and every figure is within its bound, whatever comes.
func TestSketchAgainstAPlainModel(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var s sketch
		increments := map[uint64]uint64{}
		total := uint64(0)
		for range 5000 {
			hash := uint64(60 * rnd.Float64() * rnd.Float64())
			name := []byte(fmt.Sprint("key", hash))
			at := s.find(hash, 0, name)
			if at < 0 {
				at = s.admit(hash, 0, name)
			}
			s.note(at, Tally{Increments: 1})
			increments[hash]++
			total++
		}
		for i, e := range s.entries {
			if n := increments[s.hashes[i]]; n < e.Increments || n > s.bounds[i] || string(e.name) != fmt.Sprint("key", s.hashes[i]) {
				t.Errorf("seed %d: key %d has %d increments, and %s is said to have %d to %d", seed, s.hashes[i], n, e.name, e.Increments, s.bounds[i])
			}
		}
		least := s.bounds[s.least()]
		if s.used != places || least > total/places {
			t.Errorf("seed %d: %d of %d places, the least bound is %d of %d", seed, s.used, places, least, total)
		}
		for hash, n := range increments {
			if s.find(hash, 0, fmt.Append(nil, "key", hash)) < 0 && n > least {
				t.Errorf("seed %d: key %d with %d increments is not known, and %d are", seed, hash, n, least)
			}
		}
	}
}

func TestTwoKeysOfOneHash(t *testing.T) {
	var s sketch
	a := s.admit(1, 0, []byte("a"))
	for _, other := range []struct {
		db   int
		name string
	}{{0, "b"}, {1, "a"}} {
		if e := s.find(1, other.db, []byte(other.name)); e >= 0 {
			t.Errorf("%s of database %d is taken for another key", other.name, other.db)
		}
		if e := s.admit(1, other.db, []byte(other.name)); s.find(1, other.db, []byte(other.name)) != e {
			t.Errorf("%s of database %d is not found", other.name, other.db)
		}
	}
	if s.find(1, 0, []byte("a")) != a {
		t.Error("the first is not found any more")
	}
}

func TestHalvingKeepsTheBounds(t *testing.T) {
	var s sketch
	for i, figures := range [][2]uint64{{5, 0}, {0, 5}, {3, 3}} {
		at := s.admit(uint64(i), 0, nil)
		s.note(at, Tally{Increments: figures[0]})
		s.bounds[at] += figures[1]
	}
	s.halve(1)
	for i, want := range [][2]uint64{{2, 0}, {0, 3}, {1, 2}} {
		if got := [2]uint64{s.entries[i].Increments, s.missed(i)}; got != want {
			t.Errorf("key %d: %v and missed, want %v", i, got, want)
		}
	}
}
