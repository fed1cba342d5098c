package loopback

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// TestLinkHandsOn sends a line there and back, whole and byte by byte.
func TestLinkHandsOn(t *testing.T) {
	l, dial := echoLink(t)
	for _, trickle := range []time.Duration{0, time.Microsecond} {
		l.Set(func(f *Faults) { f.Trickle = trickle })
		if line, err := ask(dial()); line != "hello\n" || err != nil {
			t.Errorf("trickle %v: %q, %v", trickle, line, err)
		}
	}
}

// TestLinkLosesReplies loses one reply with its connection; the next is there.
func TestLinkLosesReplies(t *testing.T) {
	l, dial := echoLink(t)
	l.Set(func(f *Faults) { f.Lose = 1 })
	if line, err := ask(dial()); err == nil {
		t.Errorf("the lost reply is %q", line)
	}
	if n := l.Losing(); n != 0 {
		t.Errorf("still to lose: %d", n)
	}
	if _, err := ask(dial()); err != nil {
		t.Error(err)
	}
}

// TestLinkVoid swallows what is sent and closes nothing.
func TestLinkVoid(t *testing.T) {
	l, dial := echoLink(t)
	l.Set(func(f *Faults) { f.Void = true })
	conn := dial()
	conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if line, err := ask(conn); err == nil || err == io.EOF {
		t.Errorf("a void link answers %q, %v", line, err)
	}
}

// TestLinkDown closes what is open and what comes, until it is up again.
func TestLinkDown(t *testing.T) {
	l, dial := echoLink(t)
	conn := dial()
	l.Down()
	if _, err := ask(conn); err == nil {
		t.Error("the old connection works")
	}
	if _, err := ask(dial()); err == nil {
		t.Error("a new connection works")
	}
	l.Up()
	if _, err := ask(dial()); err != nil {
		t.Error(err)
	}
}

// TestLinkRedirect leads to another server from then on.
func TestLinkRedirect(t *testing.T) {
	l, dial := echoLink(t)
	gone, err := FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	conn := dial()
	if _, err := ask(conn); err != nil {
		t.Fatal(err)
	}
	l.Redirect(gone)
	if _, err := ask(dial()); err == nil {
		t.Error("a new connection leads to the old server")
	}
	if _, err := ask(conn); err != nil {
		t.Errorf("the old connection: %v", err)
	}
}

// echoLink is a link to a server that sends everything back.
func echoLink(t *testing.T) (l *Link, dial func() net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	if l, err = NewLink(ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// ask sends a line and returns the line that comes back.
func ask(conn net.Conn) (string, error) {
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}
