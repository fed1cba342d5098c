package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// socketsToRedis counts the sockets of a process whose peer is Redis: how many the
// pool of the engine's keeps depends on who met whom, up to its bound. A connection
// that was reset while it lay idle in the pool is in none of the kernel's tables
// any more, so that its peer cannot be told: those without an entry count, too.
func socketsToRedis(pid int, redisPort string) (float64, error) {
	others := make(map[string]bool)
	for _, name := range []string{"tcp", "tcp6", "unix", "udp", "udp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, name))
		if os.IsNotExist(err) { // a kernel without IPv6
			continue
		} else if err != nil {
			return 0, err
		}
		inode := 9 // sl local_address rem_address st … inode, addresses as hex host:port
		if name == "unix" {
			inode = 6
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > inode && !(name == "tcp" && strings.HasSuffix(f[2], redisPort)) {
				others["socket:["+f[inode]+"]"] = true
			}
		}
	}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return 0, err
	}
	n := 0.0
	for _, link := range links {
		to, err := os.Readlink(link) // an error: closed meanwhile
		if err == nil && strings.HasPrefix(to, "socket:") && !others[to] {
			n++
		}
	}
	return n, nil
}
