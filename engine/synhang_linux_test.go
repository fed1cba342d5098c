package engine

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// A dial that gets no answer at all, not even a refusal, ends with the
// command-timeout: clients are told that Redis is away, and it is found when it
// takes connections again.
func TestDialThatIsNotAnswered(t *testing.T) {
	ln, addr := crowdedListener(t)
	e, err := New(Options{Redis: &redis.Options{Addr: addr}, InstanceID: "i1", CommandTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		e.Close(ctx)
	})
	for range 3 {
		if res := operateOrInc(t, e, LaxPlain, "c", 1); res.Err != ErrLoading {
			t.Errorf("INC of a cold counter: %v, want %v", res.Err, ErrLoading)
		}
		if res := operateOrInc(t, e, StrictPlain, "c", 1); res.Err != ErrUnavailable {
			t.Errorf("a strict INC: %v, want %v", res.Err, ErrUnavailable)
		}
	}
	if e.Stats().RedisUp {
		t.Error("nobody answers, and Redis is up")
	}
	m := miniredis.RunT(t)
	go serveFor(ln, m.Addr())
	eventually(t, 20*time.Second, "Redis is reached", func() bool { return operateOrInc(t, e, LaxPlain, "c", 1).Err == nil })
	flushes(t, e)
	if got := mustGet(t, e, LaxPlain, "c"); got.Total != 1 {
		t.Errorf("total is %d, want 1", got.Total)
	}
}

// crowdedListener has a full backlog: the kernel drops what asks for a connection.
func crowdedListener(t *testing.T) (net.Listener, string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	ln, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	addr := ln.Addr().String()
	for range 10 {
		conn, err := net.DialTimeout("tcp", addr, 300*time.Millisecond)
		if err != nil {
			return ln, addr
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatalf("the backlog of %s does not fill", addr)
	return nil, ""
}

// serveFor hands every connection on to another address until the listener closes.
func serveFor(ln net.Listener, to string) {
	for {
		near, err := ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			near.Close()
			continue
		}
		go func() { defer far.Close(); _, _ = io.Copy(far, near) }()
		go func() { defer near.Close(); _, _ = io.Copy(near, far) }()
	}
}
