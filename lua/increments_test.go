package lua

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// An increment is exact over the whole range, whatever way it takes through the
// script, and one that does not fit changes nothing: alone in its batch or beside an
// operation, of short numbers and long ones.
func TestIncrementsAreExact(t *testing.T) {
	values := append([]int64{999999999999, 9999999999999, 10000000000000, 99999999999999, 100000000000000,
		-99999999999, -999999999999, -9999999999999, -10000000000000}, edges...)
	r := rand.New(rand.NewPCG(5, 6))
	for _, ops := range []int{0, 1} {
		m := miniredis.RunT(t)
		exec := runOn(t, m)
		type increment struct{ total, slice, delta int64 }
		var incs []increment
		for _, total := range values {
			for _, delta := range values {
				slice := total
				if r.IntN(2) == 0 {
					slice = values[r.IntN(len(values))]
				}
				incs = append(incs, increment{total, slice, delta})
			}
		}
		plain := []any{0, 60_000, 1, len(incs)}
		inst := []any{0, 60_000, 1, "me", 30_000, "m", 0, 0, len(incs)}
		for i, inc := range incs {
			name := strconv.Itoa(i)
			m.HSet("plain", name, strconv.FormatInt(inc.total, 10))
			m.HSet("totals", name, strconv.FormatInt(inc.total, 10))
			m.HSet("slices", name, strconv.FormatInt(inc.slice, 10))
			m.SAdd("keys", name)
			plain = append(plain, name, inc.delta)
			inst = append(inst, name, inc.delta, "", 0, 0)
		}
		if ops > 0 {
			plain = append(plain, "other", "inc", 1, "", 0)
			inst = append(inst, "other", "inc", 1, "", 0, "", "")
		}
		replies := exec.Run(t.Context(), []Call{
			PlainApply.Call([]string{"plain", "record"}, plain...),
			InstApply.Call([]string{"totals", "slices", "instances", "keys", "epochs", "buried", "record"}, inst...),
		})
		for _, family := range []struct {
			name    string
			reply   Reply
			head, n int
		}{{"plain", replies[0], 2, 1}, {"inst", replies[1], 5, 3}} {
			if family.reply.Err != nil {
				t.Fatal(family.name, family.reply.Err)
			}
			words := family.reply.Value.([]any)
			payload := " " + words[1].(string) + " "
			for i, inc := range incs {
				total, fits := fit(inc.total, inc.delta)
				slice, sliceFits := fit(inc.slice, inc.delta)
				if family.name == "inst" && !sliceFits {
					fits = false
				}
				if !fits {
					total, slice = inc.total, inc.slice
				}
				if refused := strings.Contains(payload, " i"+strconv.Itoa(i+1)+"=O "); refused == fits {
					t.Errorf("%s: %+v: refused: %v", family.name, inc, refused)
				}
				name, want := strconv.Itoa(i), strconv.FormatInt(total, 10)
				hash := map[string]string{"plain": "plain", "inst": "totals"}[family.name]
				if got, stored := words[family.head+i*family.n], m.HGet(hash, name); got != want || stored != want {
					t.Errorf("%s: %+v: told %v, stored %v, want %v", family.name, inc, got, stored, want)
				}
				if family.name == "plain" {
					continue
				}
				want = strconv.FormatInt(slice, 10)
				if got, stored := words[family.head+i*family.n+1], m.HGet("slices", name); got != want || stored != want {
					t.Errorf("slice of %+v: told %v, stored %v, want %v", inc, got, stored, want)
				}
			}
		}
	}
}

// A counter is in use once there is something of it, whoever made its total: also
// where another instance has counted before.
func TestIncrementsAreNotedAsInUse(t *testing.T) {
	m := miniredis.RunT(t)
	exec := runOn(t, m)
	m.HSet("totals", "theirs", "5")
	m.HSet("totals", "ours", "5")
	m.HSet("slices", "ours", "5")
	m.HSet("slices", "voided", "5")
	args := []any{0, 60_000, 1, "me", 30_000, "m", 0, 0, 4}
	for _, name := range []string{"new", "theirs", "ours", "voided"} {
		args = append(args, name, 1, "", 0, 0)
	}
	reply := exec.Run(t.Context(), []Call{
		InstApply.Call([]string{"totals", "slices", "instances", "keys", "epochs", "buried", "record"}, args...)})[0]
	if reply.Err != nil {
		t.Fatal(reply.Err)
	}
	for name, want := range map[string]bool{"new": true, "theirs": true, "ours": false, "voided": true} {
		if got, _ := m.SIsMember("keys", name); got != want {
			t.Errorf("%s is noted as in use: %v, want %v", name, got, want)
		}
	}
}

// fit is a sum as an int64, if it fits.
func fit(a, b int64) (int64, bool) {
	exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
	return exact.Int64(), exact.IsInt64()
}
