package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// A user who lacks one of the commands that come late in a script would leave
// batches half applied, again with every repeat: none is sent, and all arrives
// once the user has the right.
func TestScriptsNeedAllTheirRights(t *testing.T) {
	for _, prefix := range []string{"DK.", "DKC."} {
		t.Run(prefix, func(t *testing.T) {
			r := startRedis(t)
			admin := client(t, r.addr)
			acl(t, admin, "+@all", "-set")
			opts := &redis.Options{Addr: r.addr, Username: "proxy", Password: "secret"}
			p := startProxy(t, backend{name: "redis", redis: opts}, engine.Options{InstanceID: "me"})
			c := client(t, p.addr)
			acl(t, admin, "+set")
			if err := c.Do(t.Context(), prefix+"INC", "x", 1).Err(); err != nil {
				t.Fatal(err)
			}
			if err := c.Do(t.Context(), prefix+"FLUSH").Err(); err != nil {
				t.Fatal(err)
			}
			acl(t, admin, "-set")
			if err := c.Do(t.Context(), prefix+"INC", "x", 5).Err(); err != nil {
				t.Fatal(err)
			}
			failures := p.engine.Stats().Failures
			eventually(t, 10*time.Second, func() error {
				if p.engine.Stats().Failures < failures+4 {
					return errors.New("too few attempts")
				}
				return nil
			})
			acl(t, admin, "+set")
			eventually(t, 10*time.Second, func() error { return c.Do(t.Context(), prefix+"FLUSH").Err() })
			key := "distkit:lax_counter"
			if prefix == "DK." {
				key = "distkit:lax_instance_aware_counter:cumulative"
			}
			// The attempt in which the right was missing first is half applied;
			// without asking, each of the others would add 5 more.
			if n, err := admin.HGet(t.Context(), key, "x").Int(); err != nil || n > 11 {
				t.Errorf("Redis has %d (%v), accepted were 6", n, err)
			}
		})
	}
}

// A right that is missing from the start costs nothing but time.
func TestRightsMissingFromTheStart(t *testing.T) {
	r := startRedis(t)
	admin := client(t, r.addr)
	acl(t, admin, "+@all", "-srem")
	opts := &redis.Options{Addr: r.addr, Username: "proxy", Password: "secret"}
	p := startProxy(t, backend{name: "redis", redis: opts}, engine.Options{InstanceID: "me"})
	c := client(t, p.addr)
	if err := c.Do(t.Context(), "DKS.INC", "x", 5).Err(); err == nil || !strings.Contains(err.Error(), "srem") {
		t.Errorf("a strict command: %v, want one that names the missing right", err)
	}
	acl(t, admin, "+srem")
	eventually(t, 10*time.Second, func() error { return c.Do(t.Context(), "DKS.INC", "x", 5).Err() })
	if n, err := admin.HGet(t.Context(), "distkit:instance_aware_counter:cumulative", "x").Int(); err != nil || n != 5 {
		t.Errorf("Redis has %d (%v), want 5", n, err)
	}
}

// acl changes the rights of the proxy's user.
func acl(t *testing.T, admin *redis.Client, rules ...string) {
	t.Helper()
	words := []any{"acl", "setuser", "proxy", "on", ">secret", "~*"}
	for _, rule := range rules {
		words = append(words, rule)
	}
	if err := admin.Do(context.Background(), words...).Err(); err != nil {
		t.Fatal(err)
	}
}
