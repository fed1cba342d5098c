//go:build unix

package proxy

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/distkit/distkit-proxy/internal/rawio"
)

// sockReader reads from a connection and holds no buffer while it waits for
// bytes, so that thousands of idle connections cost no buffers. One goroutine
// may read at a time, and one beside it write.
type sockReader struct {
	// Fixed after newSockReader.
	conn    net.Conn
	raw     syscall.RawConn       // nil for what is no plain socket, such as TLS
	space   func() []byte         // lends room for bytes
	release func()                // takes it back if nothing is held
	try     func(fd uintptr) bool // these three are tryRead, tryWrite and tryPeek
	put     func(fd uintptr) bool
	look    func(fd uintptr)

	n    int // of the reading goroutine: what try and look have found
	err  error
	peer peerState

	out    []byte // of the writing goroutine: what put writes, and how far it came
	wrote  int
	outErr error
}

func newSockReader(conn net.Conn, space func() []byte, release func()) *sockReader {
	r := &sockReader{conn: conn, space: space, release: release}
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			r.raw, r.try, r.put, r.look = raw, r.tryRead, r.tryWrite, r.tryPeek
		}
	}
	return r
}

// read reads once into space and returns the number of bytes.
func (r *sockReader) read() (int, error) {
	if r.raw == nil {
		n, err := r.conn.Read(r.space())
		if n > 0 {
			return n, nil
		}
		return 0, err
	}
	r.n, r.err = 0, nil
	if err := r.raw.Read(r.try); err != nil {
		r.release()
		return 0, err
	}
	switch {
	case r.err != nil:
		return 0, os.NewSyscallError("read", r.err)
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

// tryRead reports false when there is nothing to read yet.
func (r *sockReader) tryRead(fd uintptr) bool {
	buf := r.space()
	for {
		n, err := rawio.Read(fd, buf)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			r.release()
			return false
		}
		r.n, r.err = max(n, 0), err
		return true
	}
}

// writeNow is the function of that name, for a connection with raw, and allocates nothing.
func (r *sockReader) writeNow(p []byte) (int, error) {
	r.out = p
	err := r.raw.Write(r.put)
	r.out = nil
	return noWait(r.wrote, r.outErr, err)
}

func (r *sockReader) tryWrite(fd uintptr) bool {
	r.wrote, r.outErr = rawio.Write(fd, r.out)
	return true
}

// peek is the function of that name, and allocates nothing.
func (r *sockReader) peek() peerState {
	if r.raw == nil {
		return peek(r.conn)
	}
	if err := r.raw.Control(r.look); err != nil {
		return peerGone
	}
	return r.peer
}

func (r *sockReader) tryPeek(fd uintptr) { r.peer = peekFD(int(fd)) }

// canReadNow tells that there are readNow and waitReadable.
const canReadNow = true

// waitReadable waits until there is something to read, the end included.
func waitReadable(raw syscall.RawConn) error {
	return raw.Read(func(fd uintptr) bool { return peekRecv(int(fd)) != peerQuiet })
}

// readNow reads what is there, without waiting: 0 if there is nothing yet, and
// io.EOF at the end.
func readNow(raw syscall.RawConn, p []byte) (n int, err error) {
	ctlErr := raw.Read(func(fd uintptr) bool {
		n, err = rawio.Read(fd, p)
		return true
	})
	if n == 0 && err == nil && ctlErr == nil {
		err = io.EOF
	}
	return noWait(n, err, ctlErr)
}

// writeNow writes as much as the socket takes without waiting.
func writeNow(raw syscall.RawConn, p []byte) (n int, err error) {
	ctlErr := raw.Write(func(fd uintptr) bool {
		n, err = rawio.Write(fd, p)
		return true
	})
	return noWait(n, err, ctlErr)
}

func noWait(n int, err, ctlErr error) (int, error) {
	switch {
	case ctlErr != nil:
		return 0, ctlErr
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, nil
	}
	return max(n, 0), err
}

// peerState is what is known of the other side without reading from it.
type peerState uint8

const (
	peerQuiet peerState = iota // connected, nothing to read
	peerSent                   // something to read
	peerGone                   // closed or broken, whatever it sent before
)

// peek looks at a connection without waiting and without taking anything. It is
// safe beside a reader. What it cannot look into seems quiet. A peer that has
// only ended its sending side is gone too, as it is for Redis. Where there is no
// POLLRDHUP the end does not show behind unread bytes.
func peek(conn net.Conn) peerState {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return peerQuiet
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return peerGone
	}
	state := peerQuiet
	if err := raw.Control(func(fd uintptr) { state = peekFD(int(fd)) }); err != nil {
		return peerGone
	}
	return state
}

func peekFD(fd int) peerState {
	if runtime.GOOS == "linux" {
		return peekPoll(fd)
	}
	return peekRecv(fd)
}

// pollRDHUP is Linux's POLLRDHUP: package unix does not have it everywhere.
const pollRDHUP = 0x2000

// peekPoll sees the end of the stream behind bytes that nobody has read.
func peekPoll(fd int) peerState {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | pollRDHUP}}
	if err := rawio.Poll(fds[:]); err != nil {
		return peekRecv(fd)
	}
	switch got := fds[0].Revents; {
	case got&(pollRDHUP|unix.POLLHUP|unix.POLLERR) != 0:
		return peerGone
	case got&unix.POLLIN != 0:
		return peerSent
	}
	return peerQuiet
}

// peekRecv sees the end of the stream only where it comes next.
func peekRecv(fd int) peerState {
	var b [1]byte
	n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return peerQuiet
	case err != nil || n == 0:
		return peerGone
	}
	return peerSent
}
