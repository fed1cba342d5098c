package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

// outage is how long Redis is away when it restarts: long enough for a client to
// be refused a few times.
const outage = 500 * time.Millisecond

// pair is a Redis that keeps its data when it restarts, and a proxy before it,
// unless the programs are to speak to Redis itself.
type pair struct {
	dir                  string
	redisAddr, proxyAddr string // the latter is "" without a proxy
	redisCmd, proxyCmd   *exec.Cmd
	log                  bytes.Buffer // of the proxy
}

// startPair starts both in a directory below dir; no binary, no proxy.
func startPair(ctx context.Context, dir, binary string) (*pair, error) {
	dir, err := os.MkdirTemp(dir, "redis")
	if err != nil {
		return nil, err
	}
	p := &pair{dir: dir}
	if err := p.start(ctx, binary); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, p.stop())
	}
	return p, nil
}

func (p *pair) start(ctx context.Context, binary string) (err error) {
	if p.redisAddr, err = loopback.FreeAddr(); err != nil {
		return err
	}
	if err := p.startRedis(ctx); err != nil || binary == "" {
		return err
	}
	if p.proxyAddr, err = loopback.FreeAddr(); err != nil {
		return err
	}
	p.proxyCmd = exec.Command(binary, "--listen", p.proxyAddr, "--redis", "redis://"+p.redisAddr)
	p.proxyCmd.Stderr = &p.log
	return servers.Start(ctx, p.proxyCmd, p.proxyAddr)
}

func (p *pair) startRedis(ctx context.Context) error {
	p.redisCmd = servers.Redis(p.redisAddr, filepath.Clean(p.dir))
	p.redisCmd.Args = append(p.redisCmd.Args, "--appendonly", "yes", "--appendfsync", "always")
	return servers.Start(ctx, p.redisCmd, p.redisAddr)
}

// environ tells a program where to connect and whether there are counters.
func (p *pair) environ() []string {
	if p.proxyAddr == "" {
		return []string{"REDIS_URL=redis://" + p.redisAddr, "COUNTERS=no"}
	}
	return []string{"REDIS_URL=redis://" + p.proxyAddr, "COUNTERS=yes"}
}

// restart restarts Redis and counts it in the key by which a program sees that
// it has happened.
func (p *pair) restart(ctx context.Context) error {
	if err := servers.Stop(p.redisCmd); err != nil {
		return err
	}
	select {
	case <-time.After(outage):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.startRedis(ctx); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: p.redisAddr})
	defer client.Close()
	if err := p.counts(ctx); err != nil {
		return err
	}
	return client.Incr(ctx, "restarts").Err()
}

// counts waits until the proxy has found Redis again, for counters that are not
// in its memory: until then these answer LOADING, which programs take for a fault.
func (p *pair) counts(ctx context.Context) error {
	if p.proxyAddr == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: p.proxyAddr, MaxRetries: -1})
	defer client.Close()
	for {
		err := client.Do(ctx, "DKC.GET", fmt.Sprint("cold:", time.Now().UnixNano())).Err()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// deserted waits until the proxy has no connection to Redis left that belonged
// to a client.
func (p *pair) deserted(ctx context.Context) error {
	if p.proxyAddr == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := section(p.proxyAddr)
		if err == nil && strings.Contains(text, "\nclients_connected:1\r") && strings.Contains(text, "\nprivate_connections:0\r") {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the program has ended, but not its connections (%v):\n%s", err, text)
		}
	}
}

// section asks the proxy for its section of INFO, on a connection that costs
// Redis none.
func section(addr string) (string, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "INFO distkit\r\nQUIT\r\n"); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

// stop ends both and returns what the proxy has logged.
func (p *pair) stop() string {
	_ = servers.Stop(p.proxyCmd) // what it had to say is in the log
	_ = servers.Stop(p.redisCmd)
	os.RemoveAll(p.dir)
	return p.log.String()
}
