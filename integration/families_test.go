package integration

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// counters is a family of counters as a client knows it.
type counters struct {
	prefix    string
	container string
	aware     bool // replies have a slice beside the total
	lax       bool
}

var (
	laxAware    = counters{"DK.", "lax_instance_aware_counter", true, true}
	strictAware = counters{"DKS.", "instance_aware_counter", true, false}
	laxPlain    = counters{"DKC.", "lax_counter", false, true}
	strictPlain = counters{"DKCS.", "strict_counter", false, false}

	everyFamily   = []counters{laxAware, strictAware, laxPlain, strictPlain}
	laxFamilies   = []counters{laxAware, laxPlain}
	awareFamilies = []counters{laxAware, strictAware}
	plainFamilies = []counters{laxPlain, strictPlain}
)

// val is the reply that tells a counter's total and slice.
func (f counters) val(total, mine int64) any {
	if f.aware {
		return []any{total, mine}
	}
	return total
}

// own is val of a counter that only the asking proxy has changed.
func (f counters) own(n int64) any { return f.val(n, n) }

// cond is the reply to a conditional item.
func (f counters) cond(applied, total, mine, prevTotal, prevMine int64) any {
	if f.aware {
		return []any{applied, total, mine, prevTotal, prevMine}
	}
	return []any{applied, total, prevTotal}
}

// ownCond is cond of a counter that only the asking proxy has changed.
func (f counters) ownCond(applied, now, before int64) any {
	return f.cond(applied, now, now, before, before)
}

// totals is the name of the hash of totals in Redis.
func (f counters) totals(namespace string) string {
	if f.aware {
		return namespace + ":" + f.container + ":cumulative"
	}
	return namespace + ":" + f.container
}

// failure is an error reply, also one inside an array.
type failure string

const (
	errOverflow   = failure("ERR increment or decrement would overflow")
	errNotInteger = failure("ERR hash value is not an integer")
)

// user is a client of one proxy that speaks of one family's counters.
type user struct {
	t *testing.T
	f counters
	c *redis.Client
	p *testProxy
}

// do sends a command, given as words with spaces between them; the family's
// prefix goes before the first.
func (u user) do(line string) any {
	u.t.Helper()
	words := strings.Fields(line)
	args := make([]any, len(words))
	for i, w := range words {
		args[i] = w
	}
	args[0] = u.f.prefix + words[0]
	return raw(u.t, u.c, args...)
}

// want is do with the reply that must come.
func (u user) want(line string, reply any) {
	u.t.Helper()
	same(u.t, u.f.prefix+line, u.do(line), reply)
}

// sees waits until a counter reads as told: at once in a strict family.
func (u user) sees(key string, total, mine int64) {
	u.t.Helper()
	reply := u.f.val(total, mine)
	if !u.f.lax {
		u.want("GET "+key, reply)
		return
	}
	eventually(u.t, 5*time.Second, func() error {
		if got := u.do("GET " + key); !reflect.DeepEqual(got, reply) {
			return fmt.Errorf("%s: %sGET %s: %v, want %v", u.p.id, u.f.prefix, key, got, reply)
		}
		return nil
	})
}

// act sends a command that changes a counter, the line's second word. Its reply
// must be total and slice; a lax family may say so only after a flush.
func (u user) act(line string, total, mine int64) {
	u.t.Helper()
	if !u.f.lax {
		u.want(line, u.f.val(total, mine))
		return
	}
	if e, bad := u.do(line).(failure); bad {
		u.t.Fatalf("%s%s: %s", u.f.prefix, line, e)
	}
	u.flush()
	u.sees(strings.Fields(line)[1], total, mine)
}

// flush brings everything that the proxy holds to Redis.
func (u user) flush() {
	u.t.Helper()
	if e, bad := raw(u.t, u.c, "DK.FLUSH").(failure); bad {
		u.t.Fatalf("DK.FLUSH: %s", e)
	}
}

// rig is a Redis with proxies in front of it.
type rig struct {
	f     counters
	b     backend
	redis *redis.Client // past the proxies
	users []user
}

// onRigs runs a test on both backends with n proxies and each of the families.
// The families share them, so counters of different families never meet.
func onRigs(t *testing.T, n int, families []counters, run func(t *testing.T, r *rig)) {
	t.Helper()
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, make([]engine.Options, n)...)
		for _, f := range families {
			t.Run(f.prefix, func(t *testing.T) { run(t, r.in(t, f)) })
		}
	})
}

// newRig starts one proxy for each of opts.
func newRig(t *testing.T, b backend, opts ...engine.Options) *rig {
	t.Helper()
	r := &rig{b: b, redis: direct(t, b)}
	for _, o := range opts {
		p := startProxy(t, b, o)
		r.users = append(r.users, user{t: t, f: laxAware, c: client(t, p.addr), p: p})
	}
	return r
}

// in is the rig with users of another family, in a subtest.
func (r *rig) in(t *testing.T, f counters) *rig {
	sub := &rig{f: f, b: r.b, redis: r.redis}
	for _, u := range r.users {
		u.t, u.f = t, f
		sub.users = append(sub.users, u)
	}
	return sub
}

// direct returns a client of the Redis behind the proxies.
func direct(t testing.TB, b backend) *redis.Client {
	t.Helper()
	o := *b.redis
	o.MaxRetries, o.Protocol, o.DisableIdentity = -1, 2, true
	c := redis.NewClient(&o)
	t.Cleanup(func() { c.Close() })
	return c
}

// raw sends a command and returns its reply as nested []any of int64, string,
// nil and failure.
func raw(t testing.TB, c *redis.Client, args ...any) any {
	t.Helper()
	reply, err := c.Do(t.Context(), args...).Result()
	if err != nil {
		return plainReply(err)
	}
	return plainReply(reply)
}

func plainReply(reply any) any {
	switch v := reply.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainReply(v[i])
		}
		return out
	case error:
		if v == redis.Nil {
			return nil
		}
		return failure(v.Error())
	}
	return reply
}

// same fails the test unless got is want.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %#v\nwant %#v", what, got, want)
	}
}
