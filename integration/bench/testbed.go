package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

// server is what a load can be pointed at.
type server struct {
	name, addr string
	make       func() *exec.Cmd // to start it, and to start it again
	cmd        *exec.Cmd
	client     *redis.Client
	ours       bool // it is the proxy, and has counters to flush
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// testbed are the servers of one question: a Redis and what stands before it.
// All of them are stopped with it.
type testbed struct {
	b       *bench
	redis   *server
	started []*server
	links   []*delayedLink
}

// dialLimit is how long a proxy's connection to Redis may take: where all of ten
// thousand clients come at once, the last waits for more than a moment.
const dialLimit = "20s"

// answerLimit is how long a server may take for a command: a flush of a million
// counters, or to let go of them, takes seconds where others use the machine too.
const answerLimit = time.Minute

// newTestbed starts a Redis.
func (b *bench) newTestbed(ctx context.Context) (*testbed, error) {
	bed := &testbed{b: b}
	addr, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	bed.redis, err = bed.start(ctx, "Redis", addr, func() *exec.Cmd {
		cmd := servers.Redis(addr, b.dir)
		cmd.Args = append(cmd.Args, "--maxclients", strconv.Itoa(openFiles()-100), "--tcp-backlog", "4096")
		return cmd
	})
	return bed, err
}

// proxy starts the proxy before the Redis of the testbed, or before what stands
// at the address to, with further flags.
func (bed *testbed) proxy(ctx context.Context, name, to string, flags ...string) (*server, error) {
	addr, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	s, err := bed.start(ctx, name, addr, func() *exec.Cmd {
		args := append([]string{"--listen", addr, "--redis", "redis://" + to + "?dial_timeout=" + dialLimit, "--log-level", "error", "--max-clients", strconv.Itoa(openFiles())}, flags...)
		cmd := exec.Command(bed.b.binary, args...)
		cmd.Stderr = os.Stderr
		return cmd
	})
	if err != nil {
		return nil, err
	}
	s.ours = true
	return s, nil
}

// start starts a server and waits until it answers at addr; where it does not,
// all that was started is stopped.
func (bed *testbed) start(ctx context.Context, name, addr string, command func() *exec.Cmd) (*server, error) {
	s := &server{name: name, addr: addr, make: command}
	s.client = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1, PoolSize: 4, ReadTimeout: answerLimit})
	s.cmd = s.make()
	bed.started = append(bed.started, s)
	if err := servers.Start(ctx, s.cmd, addr); err != nil {
		bed.stop()
		return nil, err
	}
	return s, nil
}

// restart makes a proxy forget everything.
func (bed *testbed) restart(ctx context.Context, s *server) error {
	if err := servers.Stop(s.cmd); err != nil {
		return err
	}
	s.cmd = s.make()
	return servers.Start(ctx, s.cmd, s.addr)
}

// stop ends what was started, the last first: a proxy flushes before its Redis
// goes. It may be called again.
func (bed *testbed) stop() {
	for i := len(bed.started) - 1; i >= 0; i-- {
		bed.started[i].client.Close()
		_ = servers.Stop(bed.started[i].cmd) // nothing is left to be told
	}
	for _, link := range bed.links {
		link.close()
	}
	bed.started, bed.links = nil, nil
}

// openFiles is how many files a process may have open: ulimit -n.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<20))
}

// retire stops a proxy that has done its part, and empties Redis.
func (bed *testbed) retire(ctx context.Context, s *server) error {
	bed.started = slices.DeleteFunc(bed.started, func(other *server) bool { return other == s })
	s.client.Close()
	return errors.Join(servers.Stop(s.cmd), bed.redis.client.FlushAll(ctx).Err())
}
