//go:build !unix

package journal

import (
	"errors"
	"os"
)

// lock is not to be had here, and without it two processes could share a log.
func lock(string) (*os.File, error) {
	return nil, errors.New("a journal is not supported on this system")
}
