package rawio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const patience = 10 * time.Second

// pair returns the two ends of a connection, ours by New.
func pair(t *testing.T, network string) (ours, theirs net.Conn) {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	ours = New(conn)
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	for _, c := range []net.Conn{ours, theirs} {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := ours.(*Conn); !ok {
		t.Fatalf("%T is left as it is", ours)
	}
	return ours, theirs
}

func TestConn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		ours, theirs := pair(t, network)
		much := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // more than the sockets hold
		echoed := make(chan error, 1)
		go func() {
			all := make([]byte, len(much))
			_, err := io.ReadFull(theirs, all)
			if err == nil {
				_, err = theirs.Write(all)
			}
			theirs.(interface{ CloseWrite() error }).CloseWrite()
			echoed <- err
		}()
		if n, err := ours.Write(much); n != len(much) || err != nil {
			t.Fatalf("%s: %d bytes written of %d: %v", network, n, len(much), err)
		}
		got, err := io.ReadAll(ours)
		if err != nil || !bytes.Equal(got, much) {
			t.Errorf("%s: %d bytes read (%v), want the %d written", network, len(got), err, len(much))
		}
		if err := <-echoed; err != nil {
			t.Errorf("%s: the other side: %v", network, err)
		}
		if n, err := ours.Read(nil); n != 0 || err != nil {
			t.Errorf("%s: nothing read is %d, %v", network, n, err)
		}
		if n, err := ours.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: at the end %d, %v", network, n, err)
		}
	}
}

func TestConnErrors(t *testing.T) {
	ours, theirs := pair(t, "tcp")
	if err := ours.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	_, err := ours.Read(make([]byte, 1))
	if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past a deadline: %v", err)
	}
	ours.SetReadDeadline(time.Now().Add(patience))
	theirs.(*net.TCPConn).SetLinger(0)
	theirs.Close()
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("of a connection that is reset: %v", err)
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("to a connection that is reset: %v", err)
	}
	ours.Close()
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("of a closed connection: %v", err)
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("to a closed connection: %v", err)
	}
}

// Who looks at an idle connection sees nothing of it, and sees what there is otherwise.
func TestSyscallConnOfIdle(t *testing.T) {
	ours, theirs := pair(t, "tcp")
	looks := func() (looked bool) {
		raw, err := ours.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Read(func(uintptr) bool { looked = true; return true }); err != nil {
			t.Fatal(err)
		}
		return looked
	}
	if looks() {
		t.Error("looked at while idle")
	}
	theirs.Write([]byte("x"))
	if !arrives(t, ours) || !looks() {
		t.Error("not looked at with a byte to read")
	}
	if _, err := ours.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if !arrives(t, ours) || !looks() {
		t.Error("not looked at when it has ended")
	}
}

// arrives waits until there is something to read, the end included.
func arrives(t *testing.T, conn net.Conn) bool {
	t.Helper()
	raw, err := conn.(*Conn).Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw.Read(func(fd uintptr) bool { return !Quiet(fd) }) == nil
}

func TestNewLeavesOthersAlone(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if New(a) != a {
		t.Error("a pipe is no socket")
	}
}

func TestQuiet(t *testing.T) {
	ours, theirs := pair(t, "unix")
	quiet := func() (q bool) {
		raw, err := ours.(*Conn).Conn.(syscall.Conn).SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { q = Quiet(fd) })
		}
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	if !quiet() {
		t.Error("nothing is something")
	}
	theirs.Close()
	if !arrives(t, ours) || quiet() {
		t.Error("an end is nothing")
	}
}
