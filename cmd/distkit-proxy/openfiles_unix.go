//go:build unix

package main

import (
	"log/slog"
	"syscall"
)

// reservedFiles are the file descriptors kept for the engine's connections, the
// listeners, the admin server and what else a process opens: twice as many as Redis keeps,
// but no more than half of all.
const reservedFiles = 64

// maxSockets is how many connections, to clients and to Redis, the limit of
// open files leaves room for; 0 without a limit. It warns where these are fewer
// than the clients allowed.
func maxSockets(maxClients int, log *slog.Logger) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		log.Warn("cannot tell the limit of open files", "error", err.Error())
		return 0
	}
	files := uint64(limit.Cur) // signed on some systems
	if files > 1<<30 {         // as good as none
		return 0
	}
	sockets := max(int(files)-reservedFiles, int(files)/2)
	if sockets < maxClients {
		log.Warn("the limit of open files leaves room for fewer clients than --max-clients; raise it (ulimit -n)",
			"open_files", files, "room_for", sockets, "max_clients", maxClients)
	}
	return sockets
}
