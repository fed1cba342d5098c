package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// Out of file descriptors, the program goes on for the clients that it has, does
// not lose what they count, and reaches Redis and new clients when there are some.
func TestProgramOutOfFileDescriptors(t *testing.T) {
	bin := buildProgram(t)
	r := startRedis(t)
	b := openBooks(t, r, "DKC.")
	link := startLink(t, r.addr)
	prog := startProgram(t, bin, &redisServer{addr: link.Addr()})
	// Lowered while it runs: it keeps its connections well below the limit that it finds.
	if err := unix.Prlimit(prog.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}, nil); err != nil {
		t.Fatal(err)
	}
	c := greet(t, prog.addr)
	ctx := context.Background()
	inc := func(n int64) {
		t.Helper()
		if err := c.Do(ctx, "DKC.INC", "x", n).Err(); err != nil {
			t.Fatal(err)
		}
	}
	inc(1)
	eventually(t, 10*time.Second, func() error { return c.Do(ctx, "DK.FLUSH").Err() })
	link.Down()
	inc(1)
	eventually(t, 20*time.Second, func() error { // and lets go of the connections to Redis that it had
		if n := failures(t, c); n < 4 {
			return fmt.Errorf("%d failures", n)
		}
		return nil
	})
	crowd := fillUp(t, prog.addr, 100)
	full := 0
	eventually(t, 20*time.Second, func() error {
		if n := openFiles(t, prog.cmd.Process.Pid); n < 64 {
			full = 0
			return fmt.Errorf("%d descriptors are in use of 64", n)
		}
		if full++; full < 50 { // not for the moment of an attempt to reach Redis
			return fmt.Errorf("all descriptors were in use %d times", full)
		}
		return nil
	})
	link.Up()
	inc(20)
	tries := failures(t, c)
	eventually(t, 20*time.Second, func() error { // it tries, at growing intervals, and counts meanwhile
		inc(1)
		if n := failures(t, c); n < tries+3 {
			return fmt.Errorf("%d failures", n-tries)
		}
		return nil
	})
	tries = failures(t, c)
	start := time.Now()
	during(2*time.Second, func() { inc(1) })
	if more, most := failures(t, c)-tries, 2*uint64(time.Since(start)/(500*time.Millisecond)+2); more > most {
		t.Errorf("%d attempts in %v, want at most %d: it spins", more, time.Since(start), most)
	}
	if err := c.Do(ctx, "DKC.GET", "x").Err(); err != nil {
		t.Error(err)
	}
	for _, conn := range crowd {
		conn.Close()
	}
	eventually(t, 20*time.Second, func() error { return c.Do(ctx, "DK.FLUSH").Err() })
	want, err := c.Do(ctx, "DKC.GET", "x").Int64()
	if err != nil || want < 21 {
		t.Fatalf("GET: %d, %v", want, err)
	}
	if got := b.total("x"); got != want {
		t.Errorf("Redis has %d, want %d", got, want)
	}
	late := client(t, prog.addr)
	eventually(t, 20*time.Second, func() error { return late.Do(ctx, "DKC.GET", "x").Err() })
}

// fillUp opens connections until n were tried; those beyond what the server can
// accept stay in its backlog.
func fillUp(t *testing.T, addr string, n int) (conns []net.Conn) {
	t.Helper()
	for range n {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			break
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}

// failures is how often the program did not reach Redis, as it says itself.
func failures(t *testing.T, c *redis.Client) (n uint64) {
	t.Helper()
	text, err := c.Info(context.Background(), "distkit").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = strings.Cut(text, "redis_failures:")
	fmt.Sscan(text, &n)
	return n
}

// openFiles is how many descriptors a process has.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
