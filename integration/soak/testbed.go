package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

// testbed is a redis-server and a proxy in front of it.
type testbed struct {
	dir                             string
	redisAddr, proxyAddr, adminAddr string
	proxy                           *exec.Cmd
	log                             proxyLog

	mu    sync.Mutex
	redis *exec.Cmd // guarded by mu
}

func startTestbed(ctx context.Context) (*testbed, error) {
	dir, err := os.MkdirTemp("", "distkit-soak")
	if err != nil {
		return nil, err
	}
	b := &testbed{dir: dir}
	if err := b.start(ctx); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *testbed) start(ctx context.Context) error {
	binary, err := servers.Build(ctx, b.dir)
	if err != nil {
		return err
	}
	for _, addr := range []*string{&b.redisAddr, &b.proxyAddr, &b.adminAddr} {
		if *addr, err = loopback.FreeAddr(); err != nil {
			return err
		}
	}
	b.redis = servers.Redis(b.redisAddr, b.dir)
	if err := servers.Start(ctx, b.redis, b.redisAddr); err != nil {
		return err
	}
	b.proxy = exec.Command(binary, "--listen", b.proxyAddr, "--admin", b.adminAddr, "--redis", "redis://"+b.redisAddr,
		"--instance-id", "soak", "--max-namespaces", strconv.Itoa(maxNamespaces), "--log-level", "warn", "--lax", ordinaryGlob)
	b.proxy.Stderr = &b.log
	return servers.Start(ctx, b.proxy, b.proxyAddr)
}

// restart ends Redis with what it holds written down, and starts it again.
func (b *testbed) restart(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := redis.NewClient(&redis.Options{Addr: b.redisAddr, Protocol: 2, DisableIdentity: true, MaxRetries: -1})
	defer c.Close()
	_ = c.ShutdownSave(ctx).Err() // the answer is a closed connection
	if err := b.redis.Wait(); err != nil {
		return fmt.Errorf("redis-server: %w", err)
	}
	b.redis = servers.Redis(b.redisAddr, b.dir)
	return servers.Start(ctx, b.redis, b.redisAddr)
}

func (b *testbed) scraper() *scraper {
	_, port, _ := net.SplitHostPort(b.redisAddr)
	n, _ := strconv.Atoi(port) // an address of FreeAddr
	return &scraper{
		url: "http://" + b.adminAddr + "/metrics", pid: b.proxy.Process.Pid, redisPort: fmt.Sprintf(":%04X", n),
		http: http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: scrapeLimit},
	}
}

// stopProxy ends the proxy with its last flush.
func (b *testbed) stopProxy() error {
	err := servers.Stop(b.proxy)
	b.proxy = nil
	return err
}

// dumpProxy ends the proxy with the stacks of all its goroutines, which it
// leaves in a file.
func (b *testbed) dumpProxy() (string, error) {
	b.log.keep()
	if err := b.proxy.Process.Signal(syscall.SIGQUIT); err != nil {
		return "", err
	}
	_ = b.proxy.Wait() // with exit code 2, as it must
	b.proxy = nil
	f, err := os.CreateTemp("", "distkit-soak-goroutines-*.txt")
	if err != nil {
		return "", err
	}
	_, err = f.Write(b.log.kept())
	return f.Name(), errors.Join(err, f.Close())
}

// stop ends what was started and removes what was made.
func (b *testbed) stop() {
	_ = servers.Stop(b.proxy) // nothing is left to be told
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = servers.Stop(b.redis)
	os.RemoveAll(b.dir)
}

// proxyLog keeps the lines of the proxy that are errors, the first ones.
type proxyLog struct {
	mu     sync.Mutex
	part   []byte   // guarded by mu; a line that has not ended
	errors []string // guarded by mu
	all    []byte   // guarded by mu; everything since keep
	keeps  bool     // guarded by mu
}

func (l *proxyLog) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keeps = true
}

func (l *proxyLog) kept() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

func (l *proxyLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keeps {
		l.all = append(l.all, p...)
	}
	l.part = append(l.part, p...)
	for {
		line, rest, found := bytes.Cut(l.part, []byte("\n"))
		if !found {
			return len(p), nil
		}
		text := string(line)
		if (!strings.Contains(text, "level=WARN") && !strings.Contains(text, "level=INFO")) && len(l.errors) < 20 {
			l.errors = append(l.errors, text)
		}
		l.part = rest
	}
}

func (l *proxyLog) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.errors...)
}
