package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is what it was measured on.
func machine() string {
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
		load = "; load average before: " + load
	}
	return fmt.Sprintf("%s, %d cores, %s/%s; load generator, proxies and Redis share them%s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, load)
}

// versions are those of all that is measured.
func versions(ctx context.Context) string {
	list := []string{"Redis " + version(ctx, "v=", "redis-server", "--version"), runtime.Version()}
	if have("nutcracker") {
		list = append(list, "twemproxy "+version(ctx, "nutcracker-", "nutcracker", "--version"))
	}
	if have("haproxy") {
		list = append(list, "HAProxy "+version(ctx, "version ", "haproxy", "-v"))
	}
	return strings.Join(list, ", ")
}

// version is the word behind a mark in what a program says of itself.
func version(ctx context.Context, mark, name string, args ...string) string {
	out, _ := exec.CommandContext(ctx, name, args...).CombinedOutput()
	_, rest, _ := strings.Cut(string(out), mark)
	if fields := strings.Fields(rest); len(fields) > 0 {
		return fields[0]
	}
	return "of unknown version"
}

// have tells whether a program is on the PATH.
func have(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
