package integration

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

// Globs mean what they mean to Redis, the odd ones too.
func TestScanGlobsAreThoseOfRedis(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, seed))
	word := func(alphabet string, n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return string(out)
	}
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	c, direct := client(t, p.addr), client(t, r.addr)
	for range 300 {
		if err := c.Do(t.Context(), "DKC.INC", word("aabbc-^\\]", 1+rng.IntN(5))).Err(); err != nil {
			t.Fatal(err)
		}
	}
	matched := 0
	for range 2000 {
		glob := word("aabbc-^\\][[**?", 1+rng.IntN(8))
		var got, want []string
		for _, item := range raw(t, c, "DKC.SCAN", 0, "MATCH", glob, "COUNT", 10_000).([]any)[1].([]any) {
			got = append(got, item.([]any)[0].(string))
		}
		for i, field := range raw(t, direct, "HSCAN", "distkit:lax_counter", 0, "MATCH", glob, "COUNT", 10_000).([]any)[1].([]any) {
			if i%2 == 0 {
				want = append(want, field.(string))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %q, Redis: %q", glob, got, want)
		}
		matched += len(got)
	}
	if matched == 0 {
		t.Error("no glob matched anything")
	}
}
