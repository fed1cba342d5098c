package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Policy is when the disk is waited for.
type Policy uint8

const (
	// Interval has what was written synced after Options.Every, and at Sync.
	Interval Policy = iota
	// Always has it synced before Commit returns.
	Always
	// Never leaves it to the system, but where segments are removed.
	Never
)

// ParsePolicy reads "interval", "always" or "never".
func ParsePolicy(text string) (Policy, error) {
	for p := Interval; p <= Never; p++ {
		if text == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("journal: policy %q: interval, always and never are allowed", text)
}

// String is the policy's name.
func (p Policy) String() string { return [...]string{"interval", "always", "never"}[p] }

// Options say where a log lies. The zero value of a field means its default.
type Options struct {
	// Dir is made if it is not there. Required.
	Dir string
	// Sync is when the disk is waited for. Default Interval.
	Sync Policy
	// Every is how long what was written may be unsynced. Default 100 ms.
	Every time.Duration

	// Create makes a segment's file, which must not be there yet. Default: in the
	// system's way.
	Create func(path string) (File, error)
}

// File is what a Log needs of a segment's file. A Write that fails may have written
// a part.
type File interface {
	io.WriteCloser
	Sync() error
}

func createFile(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// ErrLocked is returned by Open while another process, or another Log of this
// one, has the directory.
var ErrLocked = errors.New("it is in use by another process")

// ErrClosed is returned once Close was called.
var ErrClosed = errors.New("journal: closed")
