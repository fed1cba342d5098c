package commands

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// What is answered in a row is what Run answers; what is not has done nothing.
func TestInRow(t *testing.T) {
	one, two := engineOnMiniredis(t), engineOnMiniredis(t)
	for _, family := range []string{"DK", "DKC", "DKS", "DKCS"} {
		inRow := 0
		for _, line := range []string{
			".INC k", ".INC k", ".inc k 5", ".DEC k", ".DEC k -3", ".GET k", ".INC k 0", ".INC ns:k", ".INC ns:k 2", ".GET ns:k", ".INC k",
			".INC k 9223372036854775807", ".DEC k -9223372036854775808", ".INC k -9223372036854775808", ".INC k 01", ".INC k +1", ".INC k x",
			".INC k IF", ".INC k IF GT 1", ".INC k 2 IF GT 1", ".INC a:b:c", ".INC :", ".INC", ".GET", ".GET k k", ".INC k 1 2", ".DEC k 1 1", ".GET k",
			".MINC k 1", ".MGET k", ".GET k",
		} {
			args := words(strings.Fields(family + line)...)
			cmd := mustLookup(t, string(args[0]))
			want := string(cmd.Run(t.Context(), one, args).AppendTo(nil))
			row := two.NewRow(0)
			got, ok := cmd.InRow(&row, two, args, []byte("before:"))
			row.Done()
			if ok {
				inRow++
			} else {
				if string(got) != "before:" {
					t.Errorf("%s: %q is appended by who does not answer", args, got)
				}
				got = cmd.Run(t.Context(), two, args).AppendTo(got)
			}
			if string(got) != "before:"+want {
				t.Errorf("%s: %q, want %q", args, got, want)
			}
		}
		if want := map[string]int{"DK": 11, "DKC": 11}[family]; inRow != want {
			t.Errorf("%s: %d answered in a row, want %d", family, inRow, want)
		}
	}
	if got, want := two.Stats().Accepted, one.Stats().Accepted; got != want {
		t.Errorf("%d increments accepted, want %d", got, want)
	}
}

// engineOnMiniredis is an engine that answers from memory for as long as a test takes.
func engineOnMiniredis(t *testing.T) *engine.Engine {
	t.Helper()
	m := miniredis.RunT(t)
	e, err := engine.New(engine.Options{Redis: &redis.Options{Addr: m.Addr()}, InstanceID: "test", AllowedLag: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		e.Close(ctx)
	})
	return e
}
