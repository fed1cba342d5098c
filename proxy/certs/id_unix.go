//go:build unix

package certs

import (
	"io/fs"
	"syscall"
)

// id tells a file from one that has taken its name.
func id(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}
