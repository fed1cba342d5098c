package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// Settings of the proxies, short so that much happens in a run.
const (
	deadAfter       = 3 * time.Second
	commandTimeout  = 400 * time.Millisecond
	shutdownTimeout = 4 * time.Second
)

// proxyServer is the proxy of one place: a process after the other, at one address.
type proxyServer struct {
	process
	place  int
	addr   string
	binary string
	args   []string       // how it reaches Redis
	link   *loopback.Link // between it and Redis; nil: none
	admin  *redis.Client  // the checker's own
	// journaled: what it has acknowledged outlives it, under the same id.
	journaled bool

	mu sync.Mutex
	// mu guards the following fields.
	id      string // of the instance
	ids     int    // how many ids the place has had
	logFrom int64  // where the present process' log begins
	// life counts the processes: what one has in memory is gone with it.
	life atomic.Int64
}

func newProxy(dir, binary string, place int, link *loopback.Link, args ...string) (*proxyServer, error) {
	addr, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("proxy%d", place)
	p := &proxyServer{
		process: process{name: name, logPath: filepath.Join(dir, name+".log")},
		place:   place, addr: addr, binary: binary, args: args, link: link,
		admin: newClient(addr, 3*time.Second),
	}
	p.rename()
	return p, nil
}

// rename gives the place's next process an id of its own.
func (p *proxyServer) rename() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids++
	p.id = fmt.Sprintf("p%d.%d", p.place, p.ids)
}

// instance is the id of the instance.
func (p *proxyServer) instance() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id
}

// start starts a process and waits until it answers.
func (p *proxyServer) start(ctx context.Context) error {
	p.mu.Lock()
	if info, err := os.Stat(p.logPath); err == nil {
		p.logFrom = info.Size()
	}
	id := p.id
	p.mu.Unlock()
	args := append([]string{
		"--listen", p.addr, "--instance-id", id, "--log-format", "json",
		"--dead-after", deadAfter.String(), "--command-timeout", commandTimeout.String(),
		"--shutdown-timeout", shutdownTimeout.String(), "--lax", ordinaryGlob,
	}, p.args...)
	p.life.Add(1)
	if err := p.process.startIn(nil, p.binary, args...); err != nil {
		return err
	}
	return poll(ctx, 20*time.Second, func() error {
		if !p.running() {
			return fmt.Errorf("%s has ended, see %s", p.name, p.logPath)
		}
		return p.admin.Do(ctx, "DK.ID").Err()
	})
}

// info is a number of INFO distkit.
func (p *proxyServer) info(ctx context.Context, field string) (n int64, err error) {
	text, err := p.admin.Info(ctx, "distkit").Result()
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(text, "\n"+field+":")
	if !found {
		return 0, fmt.Errorf("INFO distkit of %s has no %s", p.name, field)
	}
	_, err = fmt.Sscan(rest, &n)
	return n, err
}

// lostLine is the log line of a counter at a stop that did not flush everything.
type lostLine struct {
	Msg, Namespace, Family, Counter string
	Delta                           int64
	SliceSetTo                      *int64 `json:"slice_set_to"`
}

// lostLines are those that the present process has logged.
func (p *proxyServer) lostLines() (lost []lostLine, err error) {
	log, err := os.ReadFile(p.logPath)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	log = log[p.logFrom:]
	p.mu.Unlock()
	for line := range bytes.Lines(log) {
		var l lostLine
		if json.Unmarshal(line, &l) == nil && l.Msg == "lost" {
			lost = append(lost, l)
		}
	}
	return lost, nil
}

// alarms are signs of a fault of the program itself in all of the place's logs.
func (p *proxyServer) alarms() (found []string) {
	log, _ := os.ReadFile(p.logPath)
	for _, sign := range []string{"WARNING: DATA RACE", "panic", "fatal error"} {
		if bytes.Contains(log, []byte(sign)) {
			found = append(found, fmt.Sprintf("%q in %s", sign, p.logPath))
		}
	}
	return found
}
