//go:build linux && !race

package proxy

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysRead and sysWrite are syscall.Read and syscall.Write for sockets that do not
// block: the scheduler is not told of the call. Else it takes the processor away from
// a thread that seems to be in one for more than 20 microseconds. On a machine where clients,
// proxy and Redis share the cores such a thread was just preempted, and what follows
// costs more than the call.
func sysRead(fd uintptr, p []byte) (int, error) { return sysIO(syscall.SYS_READ, fd, p) }

func sysWrite(fd uintptr, p []byte) (int, error) { return sysIO(syscall.SYS_WRITE, fd, p) }

func sysIO(trap, fd uintptr, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// sysPoll is unix.Poll that does not wait, likewise.
func sysPoll(fds []unix.PollFd) error {
	var now unix.Timespec
	_, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
