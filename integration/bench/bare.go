package main

import (
	"context"
	"os"
	"os/exec"
	"sync"

	"github.com/tidwall/redcon"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// bareServer is a program of its own within this one: a server of the library that
// the proxy is built on, which does nothing but count. It shows what reading and
// writing sockets in Go costs by itself, and so how near to that the proxy is.
func bareServer(addr string) error {
	var mu sync.Mutex
	counts := make(map[string]int64)
	return redcon.ListenAndServe(addr, func(conn redcon.Conn, cmd redcon.Command) {
		if len(cmd.Args) != 2 || string(cmd.Args[0]) != "INCR" {
			conn.WriteString("PONG")
			return
		}
		mu.Lock()
		n := counts[string(cmd.Args[1])] + 1
		counts[string(cmd.Args[1])] = n
		mu.Unlock()
		conn.WriteInt64(n)
	}, nil, nil)
}

// bareFlag is the flag by which the program is started as one.
const bareFlag = "bare-server"

func (bed *testbed) bare(ctx context.Context) (*server, error) {
	addr, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return bed.start(ctx, "bare", addr, func() *exec.Cmd { return exec.Command(self, "-"+bareFlag, addr) })
}
