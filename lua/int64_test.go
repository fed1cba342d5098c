package lua

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// edges are where a double, a split at nine digits or the range goes wrong.
var edges = []int64{
	0, 1, -1, 9, -9, 999999999, 1000000000, 1000000001, -999999999, -1000000000,
	999999999999999, -999999999999999, 1000000000000000, 1 << 53, 1<<53 + 1, -(1 << 53) - 1,
	math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, 4611686018427387904, -4611686018427387904,
}

func TestSumIsExact(t *testing.T) {
	var triples [][3]int64
	for _, a := range edges {
		for _, b := range edges {
			triples = append(triples, [3]int64{a, b, 0}, [3]int64{0, a, b}, [3]int64{a, b, a}, [3]int64{a, b, b})
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		triples = append(triples, [3]int64{random(r), random(r), random(r)})
	}
	args := make([]any, 0, 3*len(triples))
	for _, tr := range triples {
		args = append(args, tr[0], tr[1], tr[2])
	}
	got := eval(t, `local out = {}
for i = 1, #ARGV, 3 do out[#out + 1] = sum(ARGV[i], ARGV[i + 1], ARGV[i + 2]) or 'overflow' end
return out`, args)
	for i, tr := range triples {
		exact := new(big.Int).Add(big.NewInt(tr[0]), big.NewInt(tr[1]))
		exact.Sub(exact, big.NewInt(tr[2]))
		want := "overflow"
		if exact.IsInt64() {
			want = exact.String()
		}
		if got[i] != want {
			t.Errorf("%d + %d - %d = %v, want %s", tr[0], tr[1], tr[2], got[i], want)
		}
	}
}

func TestHoldsComparesExactly(t *testing.T) {
	var args []any
	var want []any
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		a, b := random(r), random(r)
		for op, holds := range map[string]bool{"": true, "eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b} {
			args, want = append(args, a, op, b), append(want, fmt.Sprint(holds))
		}
	}
	got := eval(t, `local out = {}
for i = 1, #ARGV, 3 do out[#out + 1] = tostring(holds(ARGV[i], ARGV[i + 1], ARGV[i + 2])) end
return out`, args)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v %v %v: %v, want %v", args[3*i], args[3*i+1], args[3*i+2], got[i], want[i])
		}
	}
}

func TestIsInt64(t *testing.T) {
	good := []any{"0", "-1", "7", "9223372036854775807", "-9223372036854775808", "1000000000000000000"}
	bad := []any{"", "-", "-0", "+1", "01", "1.0", " 1", "1 ", "1e3", "abc", "9223372036854775808", "-9223372036854775809", "10000000000000000000", "0x1"}
	got := eval(t, `local out = {}
for i = 1, #ARGV do out[#out + 1] = tostring(is_int64(ARGV[i])) end
return out`, append(append([]any{}, good...), bad...))
	for i, text := range append(append([]any{}, good...), bad...) {
		if want := fmt.Sprint(i < len(good)); got[i] != want {
			t.Errorf("is_int64(%q) is %v, want %s", text, got[i], want)
		}
	}
}

// random favours the edges.
func random(r *rand.Rand) int64 {
	if r.IntN(2) == 0 {
		return edges[r.IntN(len(edges))]
	}
	return int64(r.Uint64()) >> r.IntN(63)
}

// eval runs Lua after the int64 fragment.
func eval(t *testing.T, body string, args []any) []any {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), Protocol: 2, DisableIdentity: true})
	defer client.Close()
	got, err := client.Eval(t.Context(), expand("include/int64.lua")+body, nil, args...).Slice()
	if err != nil {
		t.Fatal(err)
	}
	return got
}
