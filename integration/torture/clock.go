package main

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

//go:embed testdata/clock.c
var clockSource []byte

// clock is the time of day of a Redis, which can be set. A nil clock is the
// system's.
type clock struct {
	library, file string
	offset        int64 // ns
}

// newClock builds the library that sets the clock, which needs Linux and a C
// compiler.
func newClock(dir string) (*clock, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("not on %s", runtime.GOOS)
	}
	source := filepath.Join(dir, "clock.c")
	if err := os.WriteFile(source, clockSource, 0o644); err != nil {
		return nil, err
	}
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "gcc"
	}
	c := &clock{library: filepath.Join(dir, "clock.so"), file: filepath.Join(dir, "clock")}
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-O1", "-o", c.library, source).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", compiler, err, out)
	}
	if err := os.WriteFile(c.file, make([]byte, 8), 0o644); err != nil {
		return nil, err
	}
	return c, nil
}

// jump moves the clock, forth or back.
func (c *clock) jump(by time.Duration) error {
	file, err := os.OpenFile(c.file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	c.offset += int64(by)
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(c.offset)), 0)
	return err
}

// environ is the environment of a process that has this clock.
func (c *clock) environ() []string {
	if c == nil {
		return nil
	}
	return append(os.Environ(), "LD_PRELOAD="+c.library, "TORTURE_CLOCK="+c.file)
}
