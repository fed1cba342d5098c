package main

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// A pooled connection stays in the column "to Redis" when it is reset, and with it
// leaves the kernel's table.
func TestResetConnectionsCountAsToRedis(t *testing.T) {
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skip("no /proc here")
	}
	redis, other := listen(t), listen(t)
	port := fmt.Sprintf(":%04X", redis.Addr().(*net.TCPAddr).Port)
	before, err := socketsToRedis(os.Getpid(), port)
	if err != nil {
		t.Fatal(err)
	}
	counts := func(want float64) {
		t.Helper()
		deadline := time.Now().Add(5 * time.Second)
		for {
			n, err := socketsToRedis(os.Getpid(), port)
			if err != nil {
				t.Fatal(err)
			}
			if n-before == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%.0f sockets to Redis, want %.0f", n-before, want)
			}
			time.Sleep(time.Millisecond)
		}
	}
	_, far := connect(t, redis)
	connect(t, redis)
	connect(t, other)
	counts(2)
	if err := far.SetLinger(0); err != nil { // a reset instead of a last word
		t.Fatal(err)
	}
	far.Close()
	counts(2)
}

func listen(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func connect(t *testing.T, ln net.Listener) (near net.Conn, far *net.TCPConn) {
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); accepted.Close() })
	return near, accepted.(*net.TCPConn)
}
