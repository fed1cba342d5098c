package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/sentinel"
)

// masterName is what the tests' Sentinels call their master.
const masterName = "counters"

// sentinelRig is a master, replicas, and Sentinels that watch them.
type sentinelRig struct {
	t         testing.TB
	servers   []*redisServer
	sentinels []string // addresses
}

// startSentinels starts a master with so many replicas, and three Sentinels of
// which two have to agree.
func startSentinels(t testing.TB, replicas int) *sentinelRig {
	t.Helper()
	rig := &sentinelRig{t: t, servers: []*redisServer{startRedis(t, feeding)}}
	for range replicas {
		rig.servers = append(rig.servers, startReplica(t, rig.servers[0].addr))
	}
	host, port, _ := net.SplitHostPort(rig.servers[0].addr)
	for range 3 {
		rig.sentinels = append(rig.sentinels, startSentinel(t,
			fmt.Sprintf("sentinel monitor %s %s %s 2", masterName, host, port),
			"sentinel down-after-milliseconds "+masterName+" 600",
			"sentinel failover-timeout "+masterName+" 5000",
			"sentinel parallel-syncs "+masterName+" 1",
		))
	}
	rig.ready(replicas)
	return rig
}

// startSentinel starts a Sentinel, and kills it when the test is over.
func startSentinel(t testing.TB, conf ...string) (addr string) {
	t.Helper()
	addr = freeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	path := filepath.Join(dir, "sentinel.conf")
	lines := append([]string{"bind " + host, "port " + port, "dir " + dir, "daemonize no"}, conf...)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", path, "--sentinel")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	}))
	return addr
}

// ask returns a client of a Sentinel.
func (r *sentinelRig) ask(addr string) *redis.SentinelClient {
	c := redis.NewSentinelClient(&redis.Options{Addr: addr, MaxRetries: -1, Protocol: 2, DisableIdentity: true})
	r.t.Cleanup(func() { c.Close() })
	return c
}

// ready waits until the Sentinels know of each other and of the replicas.
func (r *sentinelRig) ready(replicas int) {
	r.t.Helper()
	for _, addr := range r.sentinels {
		c := r.ask(addr)
		eventually(r.t, 20*time.Second, func() error {
			state, err := c.Master(context.Background(), masterName).Result()
			if err != nil {
				return err
			}
			if state["num-slaves"] != fmt.Sprint(replicas) || state["num-other-sentinels"] != "2" || state["flags"] != "master" {
				return fmt.Errorf("%s knows %s replicas, %s other Sentinels, flags %s",
					addr, state["num-slaves"], state["num-other-sentinels"], state["flags"])
			}
			return nil
		})
	}
}

// failover has the Sentinels make the replica a master, as soon as they can.
func (r *sentinelRig) failover() {
	r.t.Helper()
	c := r.ask(r.sentinels[0])
	eventually(r.t, 20*time.Second, func() error { return c.Failover(context.Background(), masterName).Err() })
}

// awaitMaster waits until all Sentinels name another master than the former
// one, and returns it.
func (r *sentinelRig) awaitMaster(former *redisServer) *redisServer {
	r.t.Helper()
	var now *redisServer
	for _, addr := range r.sentinels {
		c := r.ask(addr)
		eventually(r.t, 20*time.Second, func() error {
			words, err := c.GetMasterAddrByName(context.Background(), masterName).Result()
			if err != nil {
				return err
			}
			for _, s := range r.servers {
				if s != former && s.addr == net.JoinHostPort(words[0], words[1]) {
					now = s
					return nil
				}
			}
			return fmt.Errorf("%s names %v", addr, words)
		})
	}
	return now
}

// backend is the master as a proxy finds it.
func (r *sentinelRig) backend() backend {
	m := sentinel.New(sentinel.Options{Addrs: r.sentinels, Master: masterName})
	r.t.Cleanup(m.Close)
	return backend{name: "sentinel", redis: &redis.Options{Addr: masterName, Dialer: m.Dial}}
}

// startWaitingProxy starts a proxy that finds its Redis by Sentinel and waits
// for one replica.
func (r *sentinelRig) startWaitingProxy() *testProxy {
	r.t.Helper()
	return startProxy(r.t, r.backend(), engine.Options{WaitReplicas: 1, CommandTimeout: 500 * time.Millisecond})
}

// deserted tells what connections a server has other than that of c, which
// looks, and those of replication and of the Sentinels: nil is none.
func deserted(c *redis.Client) error {
	list, err := c.ClientList(context.Background()).Result()
	if err != nil {
		return err
	}
	var left []string
	for line := range strings.Lines(list) {
		switch {
		case strings.Contains(line, " cmd=client"), strings.Contains(line, " name=sentinel-"),
			strings.Contains(line, " flags=M"), strings.Contains(line, " flags=S"):
		default:
			left = append(left, line)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("%d connections are left: %q", len(left), left)
	}
	return nil
}
