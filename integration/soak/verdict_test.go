package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestVerdictNamesWhatHasGrown(t *testing.T) {
	rest := figures{rss: 50 * mb, heap: 10 * mb, goroutines: 30, fds: 12, namespaces: 32, toRedis: 5}
	same := rest
	same.rss, same.heap, same.toRedis = rest.rss+rssMargin, rest.heap+heapMargin, poolSize
	if grown := compare(rest, same); len(grown) > 0 {
		t.Errorf("within the margins: %v", grown)
	}
	for want, change := range map[string]func(*figures){
		"goroutines were 30 and are 31":                                     func(f *figures) { f.goroutines++ },
		"file descriptors, but for those to Redis, were 12 and are 13":      func(f *figures) { f.fds++ },
		"private connections were 0 and are 1":                              func(f *figures) { f.private++ },
		"counters in memory were 0 and are 1":                               func(f *figures) { f.counters++ },
		"heap in use was 10.0 MB and is 20.0 MB, more than 8 MB above":      func(f *figures) { f.heap = 20 * mb },
		"resident memory was 50.0 MB and is 90.0 MB, more than 32 MB above": func(f *figures) { f.rss = 90 * mb },
		"65 connections to Redis, more than the 64 of the pool":             func(f *figures) { f.toRedis = 65 },
		"2 sessions panicked":                                               func(f *figures) { f.panics = 2 },
	} {
		after := rest
		change(&after)
		if got := fmt.Sprint(compare(rest, after)); got != "["+want+"]" {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestLedgerAllowsForWhatWasNotAnswered(t *testing.T) {
	l := newLedger()
	l.note("DK.", "a", 5, true)
	l.note("DK.", "a", -2, true)
	l.note("DK.", "a", 4, false)
	l.note("DK.", "a", -1, false)
	l.note("DKC.", "b", 7, true)
	e := l.entry("DK.", "a")
	for total, want := range map[int64]bool{1: false, 2: true, 3: true, 7: true, 8: false} {
		if e.holds(total) != want {
			t.Errorf("%d of %v: %v, want %v", total, e, !want, want)
		}
	}
	if e := l.entry("DKC.", "b"); e.holds(6) || !e.holds(7) || e.holds(8) || e.String() != "7" {
		t.Errorf("b is %v, want exactly 7", e)
	}
	if keys := l.keys("DKC."); len(keys) != 1 || keys[0] != "b" {
		t.Errorf("keys %v", keys)
	}
}

func TestErrorsHaveShortKinds(t *testing.T) {
	for text, want := range map[string]string{
		"LOADING distkit: Redis cannot be reached":                         "LOADING",
		"ERR distkit: no reply from Redis in time; the outcome is unknown": "unknown",
		"read tcp 1: read: connection reset by peer":                       "closed",
		"dial tcp: connect: connection refused":                            "refused",
	} {
		if got := kind(errors.New(text)); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if got := kind(fmt.Errorf("x: %w", io.EOF)); got != "closed" {
		t.Errorf("EOF is %q", got)
	}
	w := &world{errors: map[string]int{"closed": 2, "LOADING": 7}}
	if got := w.errorsByKind(); got != "LOADING=7 closed=2" || strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
}
