package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/hot"
)

// While it only observes, the proxy does all in Redis and tells what it would have
// saved.
func TestObserveFirst(t *testing.T) {
	r := startRedis(t)
	p := startProxy(t, backend{name: "redis", redis: &redis.Options{Addr: r.addr}}, engine.Options{Observer: engine.NewObserver(hot.Options{
		Patterns: []hot.Pattern{{Glob: "counter:*"}},
	})})
	c, direct := client(t, p.addr), client(t, r.addr)
	const n = 50
	for i := range n {
		if got := c.Incr(t.Context(), "counter:1").Val(); got != int64(i+1) {
			t.Fatalf("incr: %d, want %d", got, i+1)
		}
		if got := direct.Get(t.Context(), "counter:1").Val(); got != fmt.Sprint(i+1) {
			t.Fatalf("Redis has %s, want %d at once", got, i+1)
		}
	}
	for range 5 {
		c.Incr(t.Context(), "limit:1")
		c.Expire(t.Context(), "limit:1", time.Minute)
	}
	rows, err := c.Do(t.Context(), "DK.HOT", 10).Slice()
	if err != nil || len(rows) != 2 {
		t.Fatalf("DK.HOT: %v, %v", rows, err)
	}
	for i, want := range []string{"[0 counter:1 50 0 0 ", "[0 limit:1 5 0 5 "} {
		if got := fmt.Sprint(rows[i]); !strings.HasPrefix(got, want) {
			t.Errorf("row %d is %s, want %s…", i, got, want)
		}
	}
	info := c.Info(t.Context(), "distkit").Val()
	if !strings.Contains(info, "observing:1\r\n") || !strings.Contains(info, "observed_lax_1:increments=50,reads=0,holds=0") {
		t.Errorf("INFO says %s", info)
	}
	if err := client(t, startProxy(t, backend{name: "redis", redis: &redis.Options{Addr: r.addr}}, engine.Options{}).addr).Do(t.Context(), "DK.HOT").Err(); err == nil || !strings.Contains(err.Error(), "observe") {
		t.Errorf("DK.HOT without observing: %v", err)
	}
}
