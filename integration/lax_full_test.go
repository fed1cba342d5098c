package integration

import (
	"strings"
	"testing"
)

// While Redis is out of memory keys go on being counted, and what has to see them
// is told why it cannot. Nothing is lost.
func TestLaxWhileRedisIsFull(t *testing.T) {
	p := startLax(t)
	direct := client(t, p.redis.addr)
	if got := p.client.Incr(t.Context(), "k").Val(); got != 1 { // in Redis, and in memory from now on
		t.Fatalf("incr: %d", got)
	}
	if err := direct.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if got := p.client.Incr(t.Context(), "k").Val(); got != 2 {
		t.Fatalf("incr: %d", got)
	}
	for range 3 {
		err := p.client.Expire(t.Context(), "k", 1000e9).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "OOM distkit: ") {
			t.Fatalf("expire: %v, want OOM", err)
		}
	}
	if got, err := p.client.Incr(t.Context(), "k").Result(); err != nil || got != 3 {
		t.Fatalf("incr: %d, %v, want 3", got, err)
	}
	if err := direct.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for p.client.Expire(t.Context(), "k", 1000e9).Err() != nil {
		if t.Context().Err() != nil {
			t.Fatal("expire is refused for ever")
		}
	}
	if got := direct.Get(t.Context(), "k").Val(); got != "3" {
		t.Errorf("Redis has %s, want 3", got)
	}
}
