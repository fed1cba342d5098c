//go:build unix && (race || !linux)

package proxy

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sysRead, sysWrite and sysPoll are those of package syscall, which tell the race
// detector what is before what.
func sysRead(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

func sysWrite(fd uintptr, p []byte) (int, error) { return syscall.Write(int(fd), p) }

func sysPoll(fds []unix.PollFd) error {
	_, err := unix.Poll(fds, 0)
	return err
}
