package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Everything arrives, in order, and not before its time; many pieces are on their
// way at once.
func TestDelayedLink(t *testing.T) {
	const trip = 40 * time.Millisecond
	l, err := newDelayedLink(echo(t), trip)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	conn, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	lines := []string{"one\n", "two\n", strings.Repeat("x", 100<<10) + "\n"}
	for _, line := range lines {
		if _, err := io.WriteString(conn, line); err != nil {
			t.Fatal(err)
		}
	}
	in := bufio.NewReader(conn)
	for i, line := range lines {
		got, err := in.ReadString('\n')
		if err != nil || got != line {
			t.Fatalf("line %d: %d bytes, %v", i, len(got), err)
		}
		if took := time.Since(began); took < trip {
			t.Errorf("line %d came back after %v, before a round trip of %v", i, took, trip)
		}
	}
}

// The end of a connection arrives as well.
func TestDelayedLinkEnds(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	l, err := newDelayedLink(ln.Addr().String(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	near, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	if n, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d bytes, %v; want the end", n, err)
	}
}

// echo is a server that sends everything back.
func echo(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		conn.Close()
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}
