//go:build unix

package main

import (
	"bytes"
	"log/slog"
	"strings"
	"syscall"
	"testing"
)

func TestMaxSockets(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lower := before
	lower.Cur = 1000
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}()
	for _, tt := range []struct {
		clients int
		warns   bool
	}{{900, false}, {10_000, true}} {
		var log bytes.Buffer
		if got := maxSockets(tt.clients, slog.New(slog.NewTextHandler(&log, nil))); got != 1000-reservedFiles {
			t.Errorf("%d clients: room for %d", tt.clients, got)
		}
		if warned := strings.Contains(log.String(), "limit of open files"); warned != tt.warns {
			t.Errorf("%d clients: log %q", tt.clients, log.String())
		}
	}
}
