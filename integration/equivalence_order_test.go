package integration

import (
	"context"
	"fmt"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

// Who sees what a pipeline does after an INCR sees the INCR, too.
func TestPipelinesOfCountedKeysKeepTheirOrder(t *testing.T) {
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{Lax: []engine.Pattern{{Glob: "c:*"}}, RareFrom: 1})
	ctx := context.Background()
	direct, writer, reader := client(t, r.addr), client(t, p.addr), client(t, p.addr)
	for i := range 100 {
		key := fmt.Sprint("c:", i)
		seen := make(chan string, 1)
		go func() {
			if err := direct.BLPop(ctx, 0, "done").Err(); err != nil {
				seen <- err.Error()
				return
			}
			n, err := reader.Get(ctx, key).Result()
			seen <- fmt.Sprint(n, err)
		}()
		pipe := writer.Pipeline()
		pipe.Incr(ctx, key)
		pipe.RPush(ctx, "done", "x")
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != "1<nil>" {
			t.Fatalf("pipeline %d: behind its end the key reads %s", i, got)
		}
	}
}
