package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

// field is what is tortured: one or more Redis servers and the proxies before them.
type field struct {
	dir       string
	redis     []*redisServer
	sentinels []*redisServer
	proxies   []*proxyServer
	clock     *clock // nil: it cannot be set
	noClock   error  // why
	// canLose: Redis may go back on what it has shown, by a failover.
	canLose bool
}

// setups are the set-ups by name.
var setups = map[string]func(ctx context.Context, f *field, binary string, proxies int) error{
	"standalone": standalone,
	"sentinel":   sentinel,
}

// newField builds the proxy and starts a set-up; stop ends it, in any case.
func newField(ctx context.Context, dir, setup string, proxies int, race, journal bool) (*field, error) {
	var flags []string
	if race {
		flags = append(flags, "-race")
	}
	binary, err := servers.Build(ctx, dir, flags...)
	if err != nil {
		return nil, err
	}
	f := &field{dir: dir}
	f.clock, f.noClock = newClock(dir)
	if err := setups[setup](ctx, f, binary, proxies); err != nil {
		f.stop()
		return nil, err
	}
	for _, p := range f.proxies {
		if p.journaled = journal; journal {
			p.args = append(p.args, "--journal", filepath.Join(dir, p.name+".journal"))
		}
		if err := p.start(ctx); err != nil {
			f.stop()
			return nil, err
		}
	}
	return f, nil
}

// standalone is one Redis, and a faulty link from each proxy to it.
func standalone(ctx context.Context, f *field, binary string, proxies int) error {
	r, err := newRedis(ctx, f.dir, "redis", f.clock)
	if r != nil {
		f.redis = append(f.redis, r)
	}
	if err != nil {
		return err
	}
	for place := range proxies {
		link, err := loopback.NewLink(r.addr)
		if err != nil {
			return err
		}
		p, err := newProxy(f.dir, binary, place, link, "--redis", "redis://"+link.Addr())
		if err != nil {
			return err
		}
		f.proxies = append(f.proxies, p)
	}
	return nil
}

// stop ends all servers.
func (f *field) stop() {
	for _, p := range f.proxies {
		p.kill()
		p.admin.Close()
		if p.link != nil {
			p.link.Close()
		}
	}
	for _, r := range append(f.sentinels, f.redis...) {
		r.kill()
		r.admin.Close()
	}
}

// master is the Redis that takes writes.
func (f *field) master(ctx context.Context) (*redisServer, error) {
	if len(f.sentinels) == 0 {
		return f.redis[0], nil
	}
	return f.elected(ctx)
}

// heal undoes every fault, whatever is left of it.
func (f *field) heal(ctx context.Context) error {
	for _, p := range f.proxies {
		if p.link != nil {
			p.link.Set(func(l *loopback.Faults) { *l = loopback.Faults{} })
		}
		p.resume()
	}
	for _, r := range append(f.sentinels, f.redis...) {
		r.resume()
		if !r.running() {
			if err := r.start(ctx); err != nil {
				return err
			}
		}
	}
	for _, r := range f.redis {
		r.admin.Do(ctx, "SCRIPT", "KILL") // there may be none
		for _, words := range [][]any{{"CLIENT", "UNPAUSE"}, {"CONFIG", "SET", "maxmemory", "0"}} {
			if err := r.do(ctx, words...); err != nil {
				return fmt.Errorf("%s: %v: %w", r.name, words, err)
			}
		}
	}
	if len(f.sentinels) == 0 {
		if err := f.redis[0].do(ctx, "REPLICAOF", "NO", "ONE"); err != nil {
			return err
		}
	} else if err := f.settled(ctx); err != nil {
		return err
	}
	for _, p := range f.proxies {
		if p.running() {
			continue
		}
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fence makes sure that nothing a proxy has sent to Redis is still on its way:
// their connections are cut, and Redis has looked at what had arrived.
func (f *field) fence(ctx context.Context) error {
	for _, p := range f.proxies {
		if p.link == nil {
			continue
		}
		p.link.Cut()
	}
	for range 5 {
		for _, r := range f.redis {
			if err := r.do(ctx, "PING"); err != nil {
				return err
			}
		}
		<-time.After(10 * time.Millisecond)
	}
	return nil
}
