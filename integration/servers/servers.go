// Package servers starts what the programs beside the tests drive: a
// redis-server and the proxy, each a process of its own on a free port of
// 127.0.0.1.
package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// startLimit is how long a server may take until it answers.
const startLimit = 20 * time.Second

// Build builds the proxy into dir, with more flags of go build if there are any,
// and returns the binary's path. It has to run in the module.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	binary := filepath.Join(dir, "distkit-proxy")
	args := slices.Concat([]string{"build", "-o", binary}, flags, []string{"github.com/distkit/distkit-proxy/cmd/distkit-proxy"})
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// Redis is a redis-server that keeps its data in memory and its files in dir.
func Redis(addr, dir string) *exec.Cmd {
	host, port, _ := net.SplitHostPort(addr) // as of loopback.FreeAddr
	return exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", dir)
}

// Start starts a server and waits until it answers PING at addr.
func Start(ctx context.Context, cmd *exec.Cmd, addr string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is ours
	if err := cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ping(addr)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", cmd.Path, errors.Join(err, ctx.Err()))
		}
	}
}

// ping asks a server whether it serves. A client library would send more, which
// not every proxy for Redis takes.
func ping(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nPING\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("the reply to PING is %q", line)
	}
	return err
}

// Stop ends a server as SIGTERM does and waits for it; nil and what never
// started are none.
func Stop(cmd *exec.Cmd) error {
	if cmd == nil || cmd.Process == nil {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended, which Wait tells
	return cmd.Wait()
}
