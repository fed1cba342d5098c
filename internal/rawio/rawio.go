// Package rawio reads from and writes to sockets without telling the scheduler of
// the call.
//
// The sockets do not block, as those of package net: a call takes microseconds. If
// the scheduler is told, its monitor takes the processor from a thread that seems to
// be in a call for more than 20 microseconds, and looks that often for as long as
// there are calls. On a machine where clients, proxy and Redis share the cores such a
// thread was just preempted, and what follows costs more than the call.
//
// With the race detector, and on systems other than Linux, the functions are those of
// package syscall.
package rawio

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Conn is a TCP or unix socket read and written by this package. Make one with New.
type Conn struct {
	net.Conn
	raw syscall.RawConn
}

// New returns conn as one that is read and written by this package, or conn itself
// where that is not possible.
func New(conn net.Conn) net.Conn {
	var raw syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	}
	if raw == nil || err != nil || !works {
		return conn
	}
	return &Conn{Conn: conn, raw: raw}
}

// Read is net.Conn's.
func (c *Conn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	waited := c.raw.Read(func(fd uintptr) bool {
		n, err = Read(fd, p)
		return err != syscall.EAGAIN
	})
	switch {
	case waited != nil:
		return 0, waited
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write is net.Conn's.
func (c *Conn) Write(p []byte) (n int, err error) {
	waited := c.raw.Write(func(fd uintptr) bool {
		for n < len(p) {
			var k int
			if k, err = Write(fd, p[n:]); err != nil {
				return err != syscall.EAGAIN
			}
			n += k
		}
		return true
	})
	switch {
	case waited != nil:
		return n, waited
	case err != nil:
		return n, os.NewSyscallError("write", err)
	}
	return n, nil
}

// SyscallConn is that of the socket, for who looks whether it is idle: it tells
// nothing of one that is.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return idle{c.raw}, nil }

// idle is a socket whose Read does not call f if there is nothing to read, not even
// the end.
type idle struct{ syscall.RawConn }

func (i idle) Read(f func(fd uintptr) bool) error {
	quiet := false
	if err := i.Control(func(fd uintptr) { quiet = Quiet(fd) }); err != nil || quiet {
		return err
	}
	return i.RawConn.Read(f)
}
