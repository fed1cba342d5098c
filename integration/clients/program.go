package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// deadline is how long a program may take. Each gives up by itself on what it
// waits for long before.
const deadline = 2 * time.Minute

// result is what became of a client.
type result struct {
	client           string
	library, runtime string   // with their versions, as the program says
	steps            int      // passed
	notes            []string // what it could not do as it wanted
	took             time.Duration
	err              error
	output           string // what the program and the servers said
}

// try runs one client with servers of its own.
func try(ctx context.Context, c client, dir, binary string) result {
	r := result{client: c.name}
	start := time.Now()
	p, err := startPair(ctx, dir, binary)
	if err == nil {
		err = r.run(ctx, c, p)
		if err == nil {
			err = p.deserted(ctx)
		}
		r.output += p.stop()
	}
	r.took, r.err = time.Since(start), err
	return r
}

// run runs the program and does what it says, one word per line of its output,
// with a text behind some:
//
//	library NAME VERSION   what it tests
//	runtime NAME VERSION   what runs it
//	note TEXT              what it leaves out or goes around, and why
//	passed STEP
//	restart                Redis is to be restarted; the key "restarts" counts it
func (r *result) run(ctx context.Context, c client, p *pair) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.run[0], c.run[1:]...)
	cmd.Env = append(os.Environ(), append(p.environ(), "PYTHONDONTWRITEBYTECODE=1")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the workers it starts
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var asked error
	done, last := false, "nothing"
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		word, text, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "library":
			r.library = text
		case "runtime":
			r.runtime = text
		case "note":
			if !slices.Contains(r.notes, text) {
				r.notes = append(r.notes, text)
			}
		case "passed":
			r.steps++
			last = text
		case "restart":
			asked = errors.Join(asked, p.restart(ctx))
		case "done":
			done = true
		default:
			r.output += lines.Text() + "\n"
		}
	}
	asked = errors.Join(asked, lines.Err())
	err = cmd.Wait()
	r.output += stderr.String()
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("not done within %v; passed last: %s", deadline, last)
	case err != nil:
		err = fmt.Errorf("%w; passed last: %s", err, last)
	case !done:
		err = fmt.Errorf("ended before it was done; passed last: %s", last)
	}
	return errors.Join(err, asked)
}
