package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// servers are what is measured: a redis-server and a proxy in front of it.
type servers struct {
	dir                  string
	redisAddr, proxyAddr string
	redisCmd, proxyCmd   *exec.Cmd
	redis, proxy         *redis.Client
}

// startServers builds the proxy and starts both; stop ends them.
func startServers(ctx context.Context) (*servers, error) {
	dir, err := os.MkdirTemp("", "distkit-bench")
	if err != nil {
		return nil, err
	}
	s := &servers{dir: dir}
	if err := s.start(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *servers) start(ctx context.Context) error {
	binary := filepath.Join(s.dir, "distkit-proxy")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/distkit-proxy").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	var err error
	if s.redisAddr, err = freeAddr(); err != nil {
		return err
	}
	if s.proxyAddr, err = freeAddr(); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(s.redisAddr)
	s.redisCmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.proxyCmd = exec.Command(binary, "--listen", s.proxyAddr, "--redis", "redis://"+s.redisAddr, "--log-level", "warn")
	s.proxyCmd.Stderr = os.Stderr
	s.redis = redis.NewClient(&redis.Options{Addr: s.redisAddr, Protocol: 2, DisableIdentity: true})
	s.proxy = redis.NewClient(&redis.Options{Addr: s.proxyAddr, Protocol: 2, DisableIdentity: true})
	for _, part := range []struct {
		cmd    *exec.Cmd
		client *redis.Client
	}{{s.redisCmd, s.redis}, {s.proxyCmd, s.proxy}} {
		part.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := part.cmd.Start(); err != nil {
			return err
		}
		if err := answers(ctx, part.client); err != nil {
			return fmt.Errorf("%s: %w", part.cmd.Path, err)
		}
	}
	return nil
}

// answers waits until a server answers.
func answers(ctx context.Context, client *redis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// stop ends what was started and removes what was made.
func (s *servers) stop() {
	for _, client := range []*redis.Client{s.proxy, s.redis} {
		if client != nil {
			client.Close()
		}
	}
	for _, cmd := range []*exec.Cmd{s.proxyCmd, s.redisCmd} {
		if cmd != nil && cmd.Process != nil {
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		}
	}
	os.RemoveAll(s.dir)
}

func (s *servers) machine() string {
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

func (s *servers) versions() string {
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

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
