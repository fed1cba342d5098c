//go:build !unix

package certs

import "io/fs"

// id tells a file from one that has taken its name, where that is known.
func id(fs.FileInfo) uint64 { return 0 }
