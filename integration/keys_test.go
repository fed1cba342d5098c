package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

func TestKeysThatBreakTheRules(t *testing.T) {
	long := strings.Repeat("k", 256)
	bad := []struct{ key, rule string }{
		{"", "must not be empty"},
		{long, "longer than 255 bytes"},
		{"ns:" + long[:253], "longer than 255 bytes"},
		{"a:b:c", "one ':'"},
		{"a::b", "one ':'"},
		{":b", "may be empty"},
		{"a:", "may be empty"},
		{":", "may be empty"},
		{"{a}:b", "must not contain '{' or '}'"},
	}
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		refused := func(rule string, words ...any) {
			t.Helper()
			words[0] = u.f.prefix + words[0].(string)
			got := raw(t, u.c, words...)
			if e, ok := got.(failure); !ok || !strings.HasPrefix(string(e), "ERR invalid counter key") || !strings.Contains(string(e), rule) {
				t.Errorf("%q: %v, want an error with %q", words, got, rule)
			}
		}
		u.want("INC good 1", u.f.own(1))
		for _, b := range bad {
			refused(b.rule, "INC", b.key, 5)
			refused(b.rule, "DEC", b.key)
			refused(b.rule, "GET", b.key)
			refused(b.rule, "SET", b.key, 5)
			refused(b.rule, "DEL", b.key)
			refused(b.rule, "MGET", "good", b.key)
			refused(b.rule, "MINC", "good", 5, b.key, 6)
			refused(b.rule, "MSET", "good", 5, b.key, 6)
			refused(b.rule, "FLUSH", "good", b.key)
			if u.f.aware {
				refused(b.rule, "SETI", b.key, 5)
				refused(b.rule, "DELI", b.key)
				refused(b.rule, "MGETI", "good", b.key)
				refused(b.rule, "MSETI", "good", 5, b.key, 6)
			}
		}
		u.want("GET good", u.f.own(1))
		u.flush()
		same(t, "totals in Redis", raw(t, r.redis, "HGETALL", u.f.totals("distkit")), []any{"good", "1"})
	})
}

func TestNamespacesThatBreakTheRules(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		bad := failure("ERR invalid namespace: it must be 1 to 255 bytes without ':', '{' or '}'")
		for _, ns := range []string{"a:b", "{a}", ":", strings.Repeat("n", 256)} {
			u.want("CLEAR "+ns, bad)
			u.want("SCAN 0 NS "+ns, bad)
			if u.f.aware {
				u.want("CLEARI "+ns, bad)
				u.want("INSTANCES "+ns, bad)
			}
		}
		same(t, "an empty one", raw(t, u.c, u.f.prefix+"CLEAR", ""), bad)
	})
}

func TestLongestKeys(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		u, other := r.users[0], r.users[1]
		for _, key := range []string{strings.Repeat("k", 255), "n:" + strings.Repeat("k", 253), strings.Repeat("n", 253) + ":k"} {
			u.act("INC "+key+" 5", 5, 5)
			other.sees(key, 5, 0)
		}
	})
}

// Namespaces that were only read do not count, and the default one always has room.
func TestNamespacesOnlyReadLeaveRoom(t *testing.T) {
	onRigs(t, 1, laxFamilies, func(t *testing.T, r *rig) {
		p := startProxy(t, r.b, engine.Options{MaxNamespaces: 2})
		c := client(t, p.addr)
		for i := range 10 {
			key := fmt.Sprintf("read%d:x", i)
			eventually(t, 5*time.Second, func() error { return c.Do(t.Context(), r.f.prefix+"GET", key).Err() })
		}
		if err := c.Do(t.Context(), r.f.prefix+"INC", "in-the-default-one", 1).Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestTooManyNamespaces(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		for _, f := range everyFamily {
			t.Run(f.prefix, func(t *testing.T) {
				r := newRig(t, b, engine.Options{MaxNamespaces: 3}).in(t, f)
				u := r.users[0]
				space := func(i int) string { return fmt.Sprintf("%s%d", f.container, i) }
				for i := range 3 {
					u.want("INC "+space(i)+":x 5", f.own(5))
				}
				if f == strictPlain { // holds nothing in memory, so gives way
					u.want("INC more:x 5", f.own(5))
					u.want("GET "+space(0)+":x", f.own(5))
					u.want("DEL more:x", f.own(5))
					return
				}
				for _, line := range []string{"INC more:x 5", "GET more:x", "SET more:x 5", "DEL more:x", "CLEAR more"} {
					e, _ := u.do(line).(failure)
					if !strings.HasPrefix(string(e), "ERR distkit: 3 namespaces are in use") || !strings.Contains(string(e), "--max-namespaces") {
						t.Errorf("%s: %q", line, e)
					}
				}
				for i := range 3 {
					u.want("GET "+space(i)+":x", f.own(5))
				}
				same(t, "containers of the refused one", raw(t, r.redis, "KEYS", "more:*"), []any{})
			})
		}
	})
}
