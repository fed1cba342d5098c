//go:build unix && (race || !linux)

package rawio

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Read, Write and Poll are those of package syscall, which tell the race detector what
// is before what.
func Read(fd uintptr, p []byte) (int, error) {
	n, err := syscall.Read(int(fd), p)
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), p)
	}
	return max(n, 0), err
}

// Write is like Read.
func Write(fd uintptr, p []byte) (int, error) {
	n, err := syscall.Write(int(fd), p)
	for err == syscall.EINTR {
		n, err = syscall.Write(int(fd), p)
	}
	return max(n, 0), err
}

// Poll is unix.Poll that does not wait.
func Poll(fds []unix.PollFd) error {
	_, err := unix.Poll(fds, 0)
	return err
}
