//go:build unix

package rawio

import "golang.org/x/sys/unix"

const works = true

// Quiet reports whether there is nothing to read, not even an end or an error.
func Quiet(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	return Poll(fds[:]) == nil && fds[0].Revents == 0
}
