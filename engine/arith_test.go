package engine

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestSumIsExact(t *testing.T) {
	edges := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 62, -1 << 62}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200_000 {
		pick := func() int64 {
			if i%2 == 0 {
				return edges[r.IntN(len(edges))]
			}
			return int64(r.Uint64()) >> r.IntN(64)
		}
		a, b, c := pick(), pick(), pick()
		exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		exact.Sub(exact, big.NewInt(c))
		got, ok := sum(a, b, c)
		if ok != exact.IsInt64() || ok && got != exact.Int64() {
			t.Fatalf("%d + %d - %d = %d, %v; want %v", a, b, c, got, ok, exact)
		}
	}
}
