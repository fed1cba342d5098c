package integration

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// deadAfter is the dead_after of tests in which instances die.
const deadAfter = 600 * time.Millisecond

// container is the part of the names in Redis that stands for a family.
var container = map[string]string{
	"DK.":   "lax_instance_aware_counter",
	"DKS.":  "instance_aware_counter",
	"DKC.":  "lax_counter",
	"DKCS.": "strict_counter",
}

// party is a proxy with a link to Redis and a client of its own, that speaks
// one family of counters.
type party struct {
	*testProxy
	link   *loopback.Link
	c      *redis.Client
	prefix string
}

// join starts a proxy of the given id behind a link of its own.
func join(t testing.TB, r *redisServer, prefix, id string, opts engine.Options) *party {
	t.Helper()
	link := startLink(t, r.addr)
	opts.InstanceID = id
	if opts.DeadAfter == 0 {
		opts.DeadAfter = deadAfter
	}
	p := startProxy(t, realBackend(link.Addr()), opts)
	return &party{testProxy: p, link: link, c: greet(t, p.addr), prefix: prefix}
}

// greet returns a client that has a connection already.
func greet(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := client(t, addr)
	if err := c.Do(context.Background(), "DK.ID").Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// do runs a verb of the family.
func (p *party) do(verb string, args ...any) *redis.Cmd {
	return p.c.Do(context.Background(), append([]any{p.prefix + verb}, args...)...)
}

// ints runs a verb whose reply is integers, and fails the test on an error.
func (p *party) ints(verb string, args ...any) []int64 {
	p.t.Helper()
	reply, err := p.do(verb, args...).Result()
	if err != nil {
		p.t.Fatalf("%s: %s%s %v: %v", p.id, p.prefix, verb, args, err)
	}
	ns, err := asInts(reply)
	if err != nil {
		p.t.Fatalf("%s: %s%s %v: %v", p.id, p.prefix, verb, args, err)
	}
	return ns
}

// want runs a verb and compares its reply.
func (p *party) want(want []int64, verb string, args ...any) {
	p.t.Helper()
	if got := p.ints(verb, args...); fmt.Sprint(got) != fmt.Sprint(want) {
		p.t.Fatalf("%s: %s%s %v is %v, want %v", p.id, p.prefix, verb, args, got, want)
	}
}

// sees waits until the proxy reads a counter as total and mine; a plain family
// has no mine.
func (p *party) sees(counter string, want ...int64) {
	p.t.Helper()
	eventually(p.t, 10*time.Second, func() error {
		reply, err := p.do("GET", counter).Result()
		if err != nil {
			return err
		}
		if got, err := asInts(reply); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%s reads %s as %v, want %v (%v)", p.id, counter, got, want, err)
		}
		return nil
	})
}

// flushed waits until Redis has everything the proxy accepted.
func (p *party) flushed() {
	p.t.Helper()
	eventually(p.t, 20*time.Second, func() error { return p.c.Do(context.Background(), "DK.FLUSH").Err() })
}

// crash ends the proxy like kill -9: nothing more reaches Redis.
func (p *party) crash() {
	p.t.Helper()
	p.link.Down()
	p.stop(time.Millisecond)
}

// asInts takes a reply of integers, with the arrays in it unrolled.
func asInts(reply any) ([]int64, error) {
	switch v := reply.(type) {
	case int64:
		return []int64{v}, nil
	case []any:
		var ns []int64
		for _, item := range v {
			some, err := asInts(item)
			if err != nil {
				return nil, err
			}
			ns = append(ns, some...)
		}
		return ns, nil
	}
	return nil, fmt.Errorf("the reply is %v", reply)
}

// books is Redis itself, looked at past all proxies.
type books struct {
	t      testing.TB
	c      *redis.Client
	prefix string
}

func openBooks(t testing.TB, r *redisServer, prefix string) *books {
	t.Helper()
	return &books{t: t, c: client(t, r.addr), prefix: prefix}
}

// key is the name of one of the family's containers of the default namespace.
func (b *books) key(parts ...string) string {
	return strings.Join(append([]string{engine.DefaultNamespace, container[b.prefix]}, parts...), ":")
}

func (b *books) totalsKey() string {
	if b.prefix == "DKC." || b.prefix == "DKCS." {
		return b.key()
	}
	return b.key("cumulative")
}

// hash reads a hash of integers whole.
func (b *books) hash(key string) map[string]int64 {
	b.t.Helper()
	fields, err := b.c.HGetAll(context.Background(), key).Result()
	if err != nil {
		b.t.Fatal(err)
	}
	ns := make(map[string]int64, len(fields))
	for field, text := range fields {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			b.t.Fatalf("%s %s is %q", key, field, text)
		}
		ns[field] = n
	}
	return ns
}

func (b *books) total(counter string) int64 { return b.field(b.totalsKey(), counter) }

func (b *books) slice(id, counter string) int64 { return b.field(b.key("count", id), counter) }

// field reads a number of a hash; a missing one is zero.
func (b *books) field(key, field string) int64 {
	b.t.Helper()
	n, err := b.c.HGet(context.Background(), key, field).Int64()
	if err != nil && !errors.Is(err, redis.Nil) {
		b.t.Fatal(err)
	}
	return n
}

func (b *books) exists(key string) bool {
	b.t.Helper()
	n, err := b.c.Exists(context.Background(), key).Result()
	if err != nil {
		b.t.Fatal(err)
	}
	return n == 1
}

// known reports whether an instance is in the list of instances.
func (b *books) known(id string) bool {
	b.t.Helper()
	err := b.c.ZScore(context.Background(), b.key("instances"), id).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		b.t.Fatal(err)
	}
	return err == nil
}

// silence is the time since an instance's last heartbeat, by Redis' clock.
func (b *books) silence(id string) time.Duration {
	b.t.Helper()
	beat, err := b.c.ZScore(context.Background(), b.key("instances"), id).Result()
	if err != nil {
		b.t.Fatalf("heartbeat of %s: %v", id, err)
	}
	return time.Duration(b.now()-int64(beat)) * time.Millisecond
}

// now is Redis' clock in ms.
func (b *books) now() int64 {
	b.t.Helper()
	now, err := b.c.Time(context.Background()).Result()
	if err != nil {
		b.t.Fatal(err)
	}
	return now.UnixMilli()
}

// awaitDeath waits until an instance has been silent for deadAfter, or was
// buried already.
func (b *books) awaitDeath(id string) {
	b.t.Helper()
	eventually(b.t, 10*time.Second, func() error {
		beat, err := b.c.ZScore(context.Background(), b.key("instances"), id).Result()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if err != nil {
			return err
		}
		if silent := b.now() - int64(beat); silent < deadAfter.Milliseconds() {
			return fmt.Errorf("%s was heard of %d ms ago", id, silent)
		}
		return nil
	})
}

// awaitBurial has a proxy read a counter until an instance is buried.
func (b *books) awaitBurial(id string, by *party, counter string) {
	b.t.Helper()
	eventually(b.t, 10*time.Second, func() error {
		if err := by.do("GET", counter).Err(); err != nil {
			return err
		}
		if b.known(id) {
			return fmt.Errorf("%s is not buried", id)
		}
		return nil
	})
}

// onPrefixes runs a test for several families.
func onPrefixes(t *testing.T, run func(t *testing.T, prefix string), prefixes ...string) {
	for _, prefix := range prefixes {
		t.Run(strings.ToLower(strings.TrimSuffix(prefix, ".")), func(t *testing.T) { run(t, prefix) })
	}
}
