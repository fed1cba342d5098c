package integration

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// laxUsers are users and their rules, all with the password pw; for each whether
// what it may do with counter:1 is done in memory.
var laxUsers = map[string]struct {
	rules  string
	memory bool
}{
	"full":     {"+@all ~*", true},
	"counts":   {"+incr +get +incrby ~counter:*", true},
	"careful":  {"+@all -@dangerous ~counter:* ~page:*", true},
	"reader":   {"+get +mget %R~*", false},
	"noincr":   {"+@all -incr ~*", false},
	"strange":  {"+@all ~page:*", false},
	"nothing":  {"-@all", false},
	"readkeys": {"+@all %R~*", false},
}

// A user of Redis' gets the same from the proxy as from Redis, whatever it may do;
// and what it may do is done in memory.
func TestLaxKeysNeedWhatRedisNeeds(t *testing.T) {
	plain, own := startRedis(t), startRedis(t)
	for _, r := range []*redisServer{plain, own} {
		admin := client(t, r.addr)
		for name, user := range laxUsers {
			setUser(t, admin, name, user.rules)
		}
		setUser(t, admin, "proxy", "+@all ~*")
	}
	p := startProxy(t, backend{name: "redis", redis: &redis.Options{Addr: own.addr, Username: "proxy", Password: "pw"}},
		engine.Options{Lax: []engine.Pattern{{Glob: "counter:*"}}})
	lines := []string{
		"INCR counter:1", "INCRBY counter:1 5", "DECR counter:1", "DECRBY counter:1 2", "GET counter:1",
		"MGET counter:1 counter:2", "MGET counter:1 other", "GET other", "INCR other", "SET counter:2 x", "GET counter:2",
		"INCR counter:2", "DEL counter:2", "EXPIRE counter:1 100", "PERSIST counter:1", "MULTI", "INCR counter:1", "EXEC", "FLUSHDB",
	}
	admin := client(t, own.addr)
	for name, user := range laxUsers {
		t.Run(name, func(t *testing.T) {
			want, got := as(t, plain.addr, name, lines...), as(t, p.addr, name, lines...)
			if got != want {
				t.Errorf("the proxy says %q, Redis %q", got, want)
			}
			before := commandCalls(t, admin, "incr")
			as(t, p.addr, name, strings.Repeat("INCR counter:1\r\n", 100))
			if memory := commandCalls(t, admin, "incr") == before; memory != user.memory && user.rules != "-@all" {
				t.Errorf("INCR is done in memory: %v, want %v", memory, user.memory)
			}
			for _, addr := range []string{plain.addr, p.addr} {
				client(t, addr).Do(t.Context(), "FLUSHALL")
			}
		})
	}
}

// commandCalls is how often Redis was sent a command, refused ones included.
func commandCalls(t *testing.T, admin *redis.Client, name string) string {
	t.Helper()
	text, err := admin.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "cmdstat_"+name+":")
	line, _, _ := strings.Cut(rest, "\r\n")
	var kept []string
	for field := range strings.SplitSeq(line, ",") {
		if !strings.HasPrefix(field, "usec") {
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, ",")
}
