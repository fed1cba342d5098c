package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Installing asks package registries, which may be slow or fail for a moment.
const (
	installLimit = 8 * time.Minute // of one command
	installTries = 3
)

// installer puts libraries and built programs into a cache directory; nothing
// is written beside the sources.
type installer struct {
	cache   string
	sources string
}

// newInstaller returns an installer for a cache directory, which it makes. It
// has to run in the module's directory.
func newInstaller(cache string) (*installer, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, err
	}
	sources, err := filepath.Abs(filepath.Join("integration", "clients"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(sources, "python")); err != nil {
		return nil, fmt.Errorf("to be run in the module's directory: %w", err)
	}
	return &installer{cache, sources}, os.MkdirAll(cache, 0o755)
}

// at is a path in the cache, source one beside this file.
func (in *installer) at(parts ...string) string {
	return filepath.Join(append([]string{in.cache}, parts...)...)
}

func (in *installer) source(parts ...string) string {
	return filepath.Join(append([]string{in.sources}, parts...)...)
}

// install runs what the clients need, each step once.
func (in *installer) install(ctx context.Context, clients []client) error {
	done := map[string]bool{}
	for _, c := range clients {
		if done[c.needs.name] || len(c.needs.commands) == 0 {
			continue
		}
		done[c.needs.name] = true
		start := time.Now()
		for _, cmd := range c.needs.commands {
			if err := cmd.run(ctx); err != nil {
				return fmt.Errorf("installing %s: %w", c.needs.name, err)
			}
		}
		fmt.Fprintf(os.Stderr, "installed %s, %.1f s\n", c.needs.name, time.Since(start).Seconds())
	}
	return nil
}

// step is what installs one thing.
type step struct {
	name     string // of its directory in the cache; steps of one name are one
	commands []command
}

// command is one command of a step. It may be run again.
type command struct {
	dir  string // "" for the module's
	args []string
}

func do(args ...string) command { return command{"", args} }

// in returns the command as run in a directory.
func (c command) in(dir string) command { return command{dir, c.args} }

// run runs the command, again if it fails.
func (c command) run(ctx context.Context) error {
	var err error
	for range installTries {
		if err = c.try(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, err)
	}
	return fmt.Errorf("failed %d times: %w", installTries, err)
}

func (c command) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with what it starts
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.args, " "), err, out)
	}
	return nil
}
