package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// shape is what clients do, whoever they do it to.
type shape struct {
	clients, pipeline int
	keys              int // of which each command takes one at random
	bytes             int // of a value
	requests          int
	hot               int  // so many times the requests for who answers from memory; 0: as many
	cold              bool // proxies are restarted and Redis is emptied before
	quick             bool // it is among those of -quick
}

// outcome is what a load saw. Latencies are in milliseconds; in a pipeline those
// of the whole batch, as the clients wait for that.
type outcome struct {
	rate            float64 // commands per second
	p50, p99, p99_9 float64
}

// redisBenchmark runs redis-benchmark once. Its listing for people is read, as
// --csv has neither p99.9 nor what it could be computed from.
func redisBenchmark(ctx context.Context, addr string, s shape, command ...string) (outcome, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return outcome{}, err
	}
	args := append([]string{
		"-h", host, "-p", port, "-n", strconv.Itoa(s.requests), "-c", strconv.Itoa(s.clients),
		"-P", strconv.Itoa(s.pipeline), "-r", strconv.Itoa(s.keys),
	}, command...)
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).CombinedOutput()
	if err == nil {
		var o outcome
		if o, err = parseOutcome(string(out)); err == nil {
			return o, nil
		}
	}
	tail := strings.TrimSpace(string(out))
	return outcome{}, fmt.Errorf("redis-benchmark -p %s -c %d -P %d %s: %w: %s",
		port, s.clients, s.pipeline, command[0], err, tail[max(0, len(tail)-200):])
}

var (
	rateLine    = regexp.MustCompile(`throughput summary: ([0-9.]+) requests per second`)
	summaryLine = regexp.MustCompile(`avg +min +p50 +p95 +p99 +max\n +[0-9.]+ +[0-9.]+ +([0-9.]+) +[0-9.]+ +([0-9.]+) +[0-9.]+`)
	percentLine = regexp.MustCompile(`(?m)^([0-9.]+)% <= ([0-9.]+) milliseconds`)
)

// parseOutcome reads the listing of redis-benchmark.
func parseOutcome(text string) (outcome, error) {
	text = strings.ReplaceAll(text, "\r", "\n")
	rate, summary := rateLine.FindStringSubmatch(text), summaryLine.FindStringSubmatch(text)
	if rate == nil || summary == nil {
		return outcome{}, errors.New("there is no summary")
	}
	o := outcome{rate: float(rate[1]), p50: float(summary[1]), p99: float(summary[2])}
	// The percentiles come closer and closer to 100: the first from 99.9 on is
	// 99.902, or, of few requests, their slowest.
	for _, line := range percentLine.FindAllStringSubmatch(text, -1) {
		if float(line[1]) >= 99.9 {
			o.p99_9 = float(line[2])
			return o, nil
		}
	}
	return outcome{}, errors.New("there are no percentiles")
}

// float is the number that a regular expression has found.
func float(text string) float64 {
	v, _ := strconv.ParseFloat(text, 64) // of digits and points
	return v
}
