//go:build !unix

package rawio

import "errors"

const works = false

// Read, Write and Quiet are not to be had here.
func Read(uintptr, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func Write(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
func Quiet(uintptr) bool                 { return false }
