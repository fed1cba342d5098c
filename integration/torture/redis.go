package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// busyAfter is how long a script may run before Redis says BUSY.
const busyAfter = 200 * time.Millisecond

// redisServer is a redis-server that loses nothing it has acknowledged: every
// write is on disk before its reply.
type redisServer struct {
	process
	addr, dir string
	admin     *redis.Client // the checker's own, past all links
	clock     *clock        // nil: the system's
	mode      []string      // further arguments of the program
}

// newRedis starts a server in a directory below dir, with further lines of
// configuration. They lie in a file, in which Sentinels note who is a replica.
func newRedis(ctx context.Context, dir, name string, clock *clock, extra ...string) (*redisServer, error) {
	lines := append([]string{
		`save ""`, "appendonly yes", "appendfsync always", "maxclients 1000",
		fmt.Sprint("lua-time-limit ", busyAfter.Milliseconds()),
	}, extra...)
	return newServer(ctx, dir, name, clock, lines)
}

func newServer(ctx context.Context, dir, name string, clock *clock, lines []string, mode ...string) (*redisServer, error) {
	addr, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	r := &redisServer{
		process: process{name: name, logPath: filepath.Join(dir, name+".log")},
		addr:    addr, dir: filepath.Join(dir, name), clock: clock, mode: mode,
		admin: newClient(addr, time.Second),
	}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(r.addr)
	lines = append([]string{"bind " + host, "port " + port, "dir " + r.dir}, lines...)
	if err := os.WriteFile(r.conf(), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return nil, err
	}
	return r, r.start(ctx)
}

func (r *redisServer) conf() string { return filepath.Join(r.dir, "redis.conf") }

// start starts the server, again after its end, and waits until it answers.
func (r *redisServer) start(ctx context.Context) error {
	if err := r.process.startIn(r.clock.environ(), "redis-server", append([]string{r.conf()}, r.mode...)...); err != nil {
		return err
	}
	return poll(ctx, quietLimit, func() error {
		if !r.running() {
			return fmt.Errorf("%s has ended, see %s", r.name, r.logPath)
		}
		return r.admin.Ping(ctx).Err()
	})
}

// do runs a command, again while Redis does not take it, for a while.
func (r *redisServer) do(ctx context.Context, words ...any) error {
	return poll(ctx, quietLimit, func() error { return r.admin.Do(ctx, words...).Err() })
}

// compact rewrites the append-only file, so that a restart reads it in no time
// however long the run.
func (r *redisServer) compact(ctx context.Context) error {
	if err := r.do(ctx, "BGREWRITEAOF"); err != nil {
		return err
	}
	return poll(ctx, quietLimit, func() error {
		text, err := r.admin.Info(ctx, "persistence").Result()
		if err == nil && !(strings.Contains(text, "aof_rewrite_in_progress:0") && strings.Contains(text, "aof_rewrite_scheduled:0")) {
			err = fmt.Errorf("%s is rewriting its append-only file", r.name)
		}
		return err
	})
}

// newClient returns a client that never repeats a command.
func newClient(addr string, timeout time.Duration) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, Protocol: 2, DisableIdentity: true,
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, PoolSize: 8,
		DialerRetries: 1,
	})
}

// poll calls check until it returns nil, for at most limit, and returns its
// last error.
func poll(ctx context.Context, limit time.Duration, check func() error) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("not within %v: %w", limit, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
