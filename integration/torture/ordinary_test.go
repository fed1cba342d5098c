package main

import (
	"math/rand/v2"
	"testing"
)

func TestOrdinaryOps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]int)
	for i := range 2000 {
		o := ordinaryOp(random, i%2 == 0)
		verb := o.words[0].(string)
		seen[verb]++
		for _, it := range o.items {
			if !isOrdinary(it.counter) || !shared(it.counter) || rising(it.counter) && it.delta < 0 && !it.read {
				t.Fatalf("%v: %+v", o.words, it)
			}
		}
		if verb == "MGET" && (i%2 != 0 || len(o.items) != len(o.words)-1) {
			t.Fatalf("%v: %d items", o.words, len(o.items))
		}
	}
	if len(seen) != 7 {
		t.Errorf("commands: %v", seen)
	}
}

func TestReadNumber(t *testing.T) {
	for _, tc := range []struct {
		value any
		want  int64
		ok    bool
	}{{int64(5), 5, true}, {"-7", -7, true}, {nil, 0, true}, {"", 0, true}, {"x", 0, false}, {[]any{}, 0, false}} {
		if got, err := readNumber(tc.value); (err == nil) != tc.ok || got.total != tc.want {
			t.Errorf("%v is read as %+v, %v", tc.value, got, err)
		}
	}
}
