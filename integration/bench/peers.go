package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// haproxyClients is how many HAProxy is told to take: each needs two files, and
// it refuses to start where ulimit -n has no room for all.
const haproxyClients = 4000

const haproxyName = "HAProxy"

// absentPeers names those that are not on the PATH.
func absentPeers() string {
	var absent []string
	for _, program := range []string{"nutcracker", "haproxy"} {
		if !have(program) {
			absent = append(absent, program)
		}
	}
	if absent == nil {
		return "All peers are there."
	}
	return "Not found, and left out: " + strings.Join(absent, ", ") + "."
}

// peers starts those that are there, each with its defaults.
func (bed *testbed) peers(ctx context.Context) (peers []*server, err error) {
	for _, peer := range []struct {
		program string
		start   func(context.Context) (*server, error)
	}{{"nutcracker", bed.twemproxy}, {"haproxy", bed.haproxy}} {
		if !have(peer.program) {
			continue
		}
		s, err := peer.start(ctx)
		if err != nil {
			return nil, err
		}
		peers = append(peers, s)
	}
	return peers, nil
}

func (bed *testbed) twemproxy(ctx context.Context) (*server, error) {
	stats, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	_, statsPort, err := net.SplitHostPort(stats)
	if err != nil {
		return nil, err
	}
	return bed.peer(ctx, "twemproxy", `bench:
  listen: %s
  redis: true
  backlog: 4096
  servers:
    - %s:1
`, func(config string) *exec.Cmd {
		return exec.Command("nutcracker", "-c", config, "-a", "127.0.0.1", "-s", statsPort,
			"-v", "0", "-o", config+".log", "-p", config+".pid")
	})
}

func (bed *testbed) haproxy(ctx context.Context) (*server, error) {
	return bed.peer(ctx, haproxyName, fmt.Sprintf(`global
    maxconn %d
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen bench
    bind %%s
    server redis %%s
`, haproxyClients), func(config string) *exec.Cmd {
		return exec.Command("haproxy", "-q", "-db", "-f", config)
	})
}

// peer starts a peer before Redis. The template of its configuration has places
// for its own address and that of Redis.
func (bed *testbed) peer(ctx context.Context, name, template string, command func(config string) *exec.Cmd) (*server, error) {
	addr, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(bed.b.dir, name+".conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, template, addr, bed.redis.addr), 0o600); err != nil {
		return nil, err
	}
	return bed.start(ctx, name, addr, func() *exec.Cmd { return command(config) })
}
