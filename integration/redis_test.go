package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// redisServer is a real redis-server of the test's own, on a free port of
// 127.0.0.1, in memory unless its configuration says otherwise.
type redisServer struct {
	t    testing.TB
	addr string
	dir  string
	conf []string

	mu  sync.Mutex
	cmd *exec.Cmd
}

// startRedis starts a redis-server with further lines of configuration, and
// kills it when the test is over.
func startRedis(t testing.TB, conf ...string) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("these tests need a redis-server on the PATH; `make test` installs one")
	}
	r := &redisServer{t: t, addr: freeAddr(t), dir: t.TempDir(), conf: conf}
	r.start()
	t.Cleanup(r.kill)
	return r
}

// start starts the server, again after kill, and waits until it answers.
func (r *redisServer) start() {
	r.t.Helper()
	host, port, _ := net.SplitHostPort(r.addr)
	lines := append([]string{
		"bind " + host, "port " + port, "dir " + r.dir,
		`save ""`, "appendonly no", "daemonize no", "enable-debug-command yes",
	}, r.conf...)
	cmd := exec.Command("redis-server", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is ours
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.cmd = cmd
	r.mu.Unlock()
	eventually(r.t, 20*time.Second, func() error {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprint(conn, "PING\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "+PONG") && !strings.HasPrefix(line, "-NOAUTH") {
			err = fmt.Errorf("PING: %q", line)
		}
		return err
	})
}

// kill ends the server like kill -9.
func (r *redisServer) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return
	}
	r.cmd.Process.Signal(syscall.SIGCONT)
	r.cmd.Process.Kill()
	r.cmd.Wait()
	r.cmd = nil
}

// signal sends the server a signal, SIGSTOP for one.
func (r *redisServer) signal(s os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd.Process.Signal(s)
}

func (r *redisServer) url() string { return "redis://" + r.addr }

// freeAddr returns an address of 127.0.0.1 that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	addr, err := loopback.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// eventually polls until check returns nil, and fails the test after limit.
func eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %v", limit, err)
		}
	}
}
