package main

import "runtime"

// setThreads has n threads run Go code at once, or as many as before where n is
// zero, and returns how many they are. Before is GOMAXPROCS in the environment, or Go's
// default, which follows the cgroup's limit for as long as nobody sets a number.
func setThreads(n int) int {
	if n > 0 {
		runtime.GOMAXPROCS(n)
	}
	return runtime.GOMAXPROCS(0)
}
