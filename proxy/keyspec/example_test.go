package keyspec_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

func ExampleSource() {
	src := keyspec.New(func(context.Context) ([]any, error) {
		// A client's Do(ctx, "COMMAND").Slice().
		return []any{
			[]any{"mset", int64(-3), []any{"write"}, int64(1), int64(-1), int64(2)},
			[]any{"scan", int64(-2), []any{"readonly"}, int64(0), int64(0), int64(0)},
		}, nil
	})
	var keys [][]byte // reused
	for _, line := range []string{"MSET a 1 b 2", "SCAN 0", "EVAL return 0"} {
		answer, err := src.Touched(context.Background(), bytes.Fields([]byte(line)), keys)
		if err != nil {
			fmt.Println(err)
			return
		}
		keys = answer.Keys
		fmt.Printf("%s: keys %s, whole %v, loose %v\n", line, answer.Keys, answer.Whole, answer.Loose)
	}
	// Output:
	// MSET a 1 b 2: keys [a b], whole nowhere, loose nowhere
	// SCAN 0: keys [], whole here, loose nowhere
	// EVAL return 0: keys [], whole nowhere, loose everywhere
}
