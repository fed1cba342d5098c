package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// world is what all load goes through and writes down in.
type world struct {
	seed             uint64
	proxyAddr        string
	redisAddr        string
	counts           *ledger
	commands, faults atomic.Uint64
	fresh            atomic.Uint64 // numbers counters that nobody has used yet

	mu     sync.Mutex
	errors map[string]int // guarded by mu; by kind
	wrong  []string       // guarded by mu; replies that no fault explains
}

// actor is one user of the proxy, or one disturber: turn is called again and
// again, at most once in every period.
type actor struct {
	name   string
	period time.Duration
	turn   func(ctx context.Context, w *world, r *rand.Rand) error
	close  func()
}

// drive runs actors until ctx is done and every turn has ended.
func (w *world) drive(ctx context.Context, actors []*actor) {
	var wg sync.WaitGroup
	for i, a := range actors {
		r := rand.New(rand.NewPCG(w.seed, uint64(i)))
		wg.Go(func() {
			tick := time.NewTicker(a.period)
			defer tick.Stop()
			if a.close != nil {
				defer a.close()
			}
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				// A turn that has begun ends, so that what it counts is known.
				if err := a.turn(context.WithoutCancel(ctx), w, r); err != nil {
					w.failed(a.name, err)
				}
			}
		})
	}
	wg.Wait()
}

// failed counts an error by its kind, and time-outs by whose they are.
func (w *world) failed(name string, err error) {
	k := kind(err)
	if k == "timeout" {
		k += "(" + name + ")"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errors[k]++
}

// errorsByKind lists what was counted, the most frequent first.
func (w *world) errorsByKind() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := slices.SortedFunc(maps.Keys(w.errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(w.errors[b], w.errors[a]), strings.Compare(a, b))
	})
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%s=%d", k, w.errors[k])
	}
	return strings.Join(kinds, " ")
}

// surprised notes a reply that no fault explains.
func (w *world) surprised(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 20 {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// kind is a word or two for an error.
func kind(err error) string {
	var timeout net.Error
	text := err.Error()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), strings.Contains(text, "reset by peer"), strings.Contains(text, "broken pipe"):
		return "closed"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case strings.Contains(text, "outcome is unknown"):
		return "unknown"
	case strings.Contains(text, "namespaces"):
		return "namespaces"
	case strings.Contains(text, "refused"):
		return "refused"
	}
	word, _, _ := strings.Cut(text, " ")
	if word == "ERR" && len(text) > 40 {
		return text[:40]
	} else if word == "ERR" {
		return text
	}
	return strings.TrimSuffix(word, ":")
}

// open is a client of the proxy as libraries make one, on one connection, which
// never repeats a command.
func (w *world) open(protocol int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: w.proxyAddr, Protocol: protocol, MaxRetries: -1, PoolSize: 1, DisableIdentity: protocol == 2,
		ReadTimeout: 20 * time.Second, ContextTimeoutEnabled: true,
	})
}

// do runs one command and counts it.
func (w *world) do(ctx context.Context, c *redis.Client, words ...any) (any, error) {
	w.commands.Add(1)
	return c.Do(ctx, words...).Result()
}
