package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

// testbed is what is measured: a redis-server and a proxy in front of it.
type testbed struct {
	dir                  string
	redisAddr, proxyAddr string
	redisCmd, proxyCmd   *exec.Cmd
	redis, proxy         *redis.Client
}

// startServers builds the proxy and starts both; stop ends them.
func startServers(ctx context.Context) (*testbed, error) {
	dir, err := os.MkdirTemp("", "distkit-bench")
	if err != nil {
		return nil, err
	}
	s := &testbed{dir: dir}
	if err := s.start(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *testbed) start(ctx context.Context) error {
	binary, err := servers.Build(ctx, s.dir)
	if err != nil {
		return err
	}
	if s.redisAddr, err = loopback.FreeAddr(); err != nil {
		return err
	}
	if s.proxyAddr, err = loopback.FreeAddr(); err != nil {
		return err
	}
	s.redisCmd = servers.Redis(s.redisAddr, s.dir)
	s.proxyCmd = exec.Command(binary, "--listen", s.proxyAddr, "--redis", "redis://"+s.redisAddr, "--log-level", "warn")
	s.proxyCmd.Stderr = os.Stderr
	s.redis = redis.NewClient(&redis.Options{Addr: s.redisAddr, Protocol: 2, DisableIdentity: true})
	s.proxy = redis.NewClient(&redis.Options{Addr: s.proxyAddr, Protocol: 2, DisableIdentity: true})
	if err := servers.Start(ctx, s.redisCmd, s.redisAddr); err != nil {
		return err
	}
	return servers.Start(ctx, s.proxyCmd, s.proxyAddr)
}

// stop ends what was started and removes what was made.
func (s *testbed) stop() {
	for _, client := range []*redis.Client{s.proxy, s.redis} {
		if client != nil {
			client.Close()
		}
	}
	_ = servers.Stop(s.proxyCmd) // nothing is left to be told
	_ = servers.Stop(s.redisCmd)
	os.RemoveAll(s.dir)
}

func (s *testbed) machine() string {
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s; load generator, proxy and Redis share them", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

func (s *testbed) versions() string {
	out, _ := exec.Command("redis-server", "--version").Output()
	fields := strings.Fields(string(out))
	version := "redis-server"
	if len(fields) > 2 {
		version = "Redis " + strings.TrimPrefix(fields[2], "v=")
	}
	return version + ", " + runtime.Version()
}

// cpuSeconds is the CPU time a process has used.
func cpuSeconds(cmd *exec.Cmd) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may contain spaces; utime and stime are the 12th
	// and 13th fields behind it, in ticks of 10 ms.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system float64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return (user + system) / 100, nil
}
