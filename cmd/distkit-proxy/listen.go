package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/distkit/distkit-proxy/conf"
)

// listen opens all addresses or none. The errors are one line each and name
// the address.
func listen(addrs []string) ([]net.Listener, error) {
	var lns []net.Listener
	for _, addr := range addrs {
		ln, err := listenOne("listen", addr)
		if err != nil {
			closeAll(lns)
			return nil, err
		}
		lns = append(lns, ln)
	}
	return lns, nil
}

// listenOne opens one address of a setting, which errors name.
func listenOne(setting, addr string) (net.Listener, error) {
	network, address := conf.SplitAddr(addr)
	ln, err := net.Listen(network, address)
	if network == "unix" && errors.Is(err, syscall.EADDRINUSE) && stale(address) {
		if err := os.Remove(address); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s %q: a stale socket cannot be removed: %w", setting, addr, reason(err))
		}
		ln, err = net.Listen(network, address)
	}
	switch {
	case network == "unix" && errors.Is(err, syscall.EADDRINUSE) && noSocket(address):
		return nil, fmt.Errorf("%s %q: a file that is no socket is in the way; remove it, or name another path with --%[1]s", setting, addr)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %q: the address is already in use; name another with --%[1]s", setting, addr)
	case err != nil:
		return nil, fmt.Errorf("%s %q: %w", setting, addr, reason(err))
	}
	return ln, nil
}

// stale reports whether the file is a socket on which nobody answers: what a
// killed process leaves behind. Anything else, above all a file that is no
// socket, is not ours to remove.
func stale(path string) bool {
	if noSocket(path) {
		return false
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close() // it was only asked whether somebody is there
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// noSocket reports whether there is a file, and it is no socket.
func noSocket(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() != fs.ModeSocket
}

// reason is the innermost error, without the address that net and os repeat.
func reason(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		_ = ln.Close() // nothing was accepted yet
	}
}

// addresses are what the listeners really listen on, as --listen takes it.
func addresses(lns []net.Listener) (out []string) {
	for _, ln := range lns {
		addr := ln.Addr().String()
		if ln.Addr().Network() == "unix" {
			addr = "unix://" + addr
		}
		out = append(out, addr)
	}
	return out
}
