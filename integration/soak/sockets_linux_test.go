package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// A pooled connection stays in the column "to Redis" when it is reset, and with it
// leaves the kernel's table.
func TestResetConnectionsCountAsToRedis(t *testing.T) {
	redis, other := listen(t), listen(t)
	port := fmt.Sprintf(":%04X", redis.Addr().(*net.TCPAddr).Port)
	before, err := socketsToRedis(os.Getpid(), port)
	if err != nil {
		t.Fatal(err)
	}
	counts := func(want float64) {
		t.Helper()
		n, err := socketsToRedis(os.Getpid(), port)
		if err != nil {
			t.Fatal(err)
		}
		if n-before != want {
			t.Errorf("%.0f sockets to Redis, want %.0f", n-before, want)
		}
	}
	near, far := connect(t, redis)
	connect(t, redis)
	connect(t, other)
	counts(2)
	if err := far.SetLinger(0); err != nil { // a reset instead of a last word
		t.Fatal(err)
	}
	far.Close()
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) { // it has come
		t.Fatalf("read: %v, want a reset", err)
	}
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
