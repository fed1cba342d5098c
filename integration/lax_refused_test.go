package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// An increment that Redis refuses, because somebody else has put a list in the
// key's place, goes with that list when a client overwrites the key, in whatever
// form, and stays when the command overwrites nothing.
func TestRefusedIncrementsGoWithWhatIsOverwritten(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	direct := client(t, r.addr)
	big := strings.Repeat("9", 1<<20)
	for i, test := range []struct {
		lines string // commands, one a line; K stands for the key
		gone  bool
	}{
		{"SET K 5", true},
		{"SET K " + big, true},
		{"DEL K", true},
		{"DEL other", false},
		{"SET K 5 NX", false},
		{"SETNX K 5", false},
		{"SET K 5 XX", true},
		{"SET K 5 GET", false}, // WRONGTYPE
		{"MSET other 1 K 2", true},
		{"EXPIRE K 100", false},
		{"MULTI|SET K 5|EXEC", true},
		{"MULTI|SET other 1|DEL K|EXEC", true},
		{"MULTI|SET K 5 NX|EXEC", false},
		{"MULTI|GETSET K 5|EXEC", false}, // WRONGTYPE
		{"MULTI|EXPIRE K 100|EXEC", false},
		{"MULTI|DEL K|DISCARD", false},
		{"MULTI|DEL K|NOSUCHCOMMAND|EXEC", false},
		{"FLUSHDB", true},
	} {
		name := test.lines
		if len(name) > 40 {
			name = name[:10] + "…"
		}
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, realBackend(r.addr), engine.Options{
				Lax:           []engine.Pattern{{Glob: "*"}},
				FlushInterval: time.Hour, AllowedLag: time.Hour,
				CommandTimeout: 10 * time.Second, // on a busy machine Redis takes its time to refuse
			})
			ctx, key := t.Context(), fmt.Sprint("refused", i)
			c := client(t, p.addr)
			if err := c.Get(ctx, key).Err(); err != redis.Nil { // it is in memory from now on
				t.Fatal(err)
			}
			if err := c.Incr(ctx, key).Err(); err != nil {
				t.Fatal(err)
			}
			if err := direct.RPush(ctx, key, "x").Err(); err != nil {
				t.Fatal(err)
			}
			if err := c.Do(ctx, "DK.FLUSH").Err(); err == nil {
				t.Fatal("Redis takes an increment of a list")
			}
			if n := p.engine.Stats().Refused; n != 1 {
				t.Fatalf("%d keys with a refused increment, want one", n)
			}
			l := dialLines(t, p.addr)
			for _, line := range strings.Split(test.lines, "|") {
				words := strings.Fields(line)
				for i, word := range words {
					if word == "K" {
						words[i] = key
					}
				}
				l.ask(command(words...))
			}
			if gone := p.engine.Stats().Pending == 0; gone != test.gone {
				t.Errorf("the refused increment is gone: %v, want %v", gone, test.gone)
			}
			if err := direct.Del(ctx, key).Err(); err != nil { // so that the proxy can stop with nothing lost
				t.Fatal(err)
			}
		})
	}
}
