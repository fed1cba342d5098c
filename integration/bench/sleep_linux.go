package main

import (
	"syscall"
	"time"
)

// sleepUntil sleeps in the system: a timer of Go's is a millisecond late when
// nothing else runs.
func sleepUntil(due time.Time) {
	for wait := time.Until(due); wait > 0; wait = time.Until(due) {
		spec := syscall.NsecToTimespec(int64(wait))
		_ = syscall.Nanosleep(&spec, nil) // a signal may end it: the loop sees to that
	}
}
