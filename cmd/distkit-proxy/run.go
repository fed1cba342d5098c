package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/distkit/distkit-proxy/conf"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // it could not start, or not everything reached Redis at the end
	exitUsage   = 2 // a setting is wrong
)

// run is the whole program: it returns the exit code when ctx is done, on
// SIGTERM or SIGINT, or when it cannot go on. A second signal makes it return
// at once. What the program prints on demand goes to stdout, log lines and
// complaints to stderr.
func run(ctx context.Context, args []string, environ []string, stdout, stderr io.Writer) int {
	cfg, err := conf.Load(args, environ)
	switch {
	case err != nil:
		complain(stderr, err)
		return exitUsage
	case cfg.ShowHelp:
		fmt.Fprint(stdout, conf.Help())
		return exitOK
	case cfg.ShowVersion:
		fmt.Fprintln(stdout, "distkit-proxy", versionText())
		return exitOK
	case cfg.CheckOnly:
		if _, err := new(process).loadCertificates(cfg, slog.New(slog.DiscardHandler)); err != nil {
			complain(stderr, err)
			return exitUsage
		}
		fmt.Fprint(stdout, cfg.Describe(), "The configuration is valid.\n")
		return exitOK
	}

	// Before anything can be accepted: a signal that comes now waits its turn.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	log := newLogger(cfg, stderr)
	p, err := start(ctx, cfg, log, signals)
	var early interrupted
	if errors.As(err, &early) {
		log.Info("stopped while it started; nothing was accepted", "reason", early.String())
		return exitOK
	}
	if err != nil {
		complain(stderr, err)
		return exitFailure
	}
	limitMemory(memlimit.FromCgroup, log) // not before: a start that fails says why and nothing else
	p.hangups = hangups
	return p.wait(ctx, signals)
}

// wait serves until there is a reason to stop, stops, and returns the exit code.
func (p *process) wait(ctx context.Context, signals <-chan os.Signal) int {
	code := exitOK
	for running := true; running; {
		running = false
		select {
		case <-p.hangups:
			p.reload()
			running = true
		case <-ctx.Done():
			p.log.Info("stopping", "reason", context.Cause(ctx).Error())
		case s := <-signals:
			p.log.Info("stopping", "reason", s.String())
		case err := <-p.failed:
			p.log.Error("stopping: a listener failed", "error", err.Error())
			code = exitFailure
		}
	}
	stopped := make(chan bool, 1)
	go func() { stopped <- p.stop() }()
	select {
	case clean := <-stopped:
		if !clean {
			code = exitFailure
		}
	case s := <-signals:
		p.log.Error("stopped at once by a second signal; what was not flushed yet is lost", "signal", s.String())
		code = exitFailure
	}
	return code
}

// newLogger writes to w as the configuration says.
func newLogger(cfg conf.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo // Load lets nothing else pass
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// complain prints why the program does not start, one line per reason.
func complain(w io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(w, "distkit-proxy:", strings.TrimSpace(line))
	}
}
