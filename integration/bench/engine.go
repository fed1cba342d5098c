package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// engineRounds bounds the rounds: most of one is spent on loading millions.
const engineRounds = 3

// engine runs the engine's own benchmarks, without network and Redis.
func (b *bench) engine(ctx context.Context, _ *testbed) error {
	binary := filepath.Join(b.dir, "engine.test")
	const pkg = "github.com/distkit/distkit-proxy/engine"
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, pkg).CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	pattern, last := "^BenchmarkMemory$", "200ms"
	if b.quick {
		pattern, last = "^BenchmarkMemory$/./^(1|1000)$/INC", "50ms"
	}
	var order []string
	found := make(map[string][]goBenchmark)
	for range min(b.rounds, engineRounds) {
		cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", last)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("engine's benchmarks: %w\n%s", err, out)
		}
		for _, one := range parseGoBenchmarks(string(out)) {
			if found[one.name] == nil {
				order = append(order, one.name)
			}
			found[one.name] = append(found[one.name], one)
		}
	}
	table := newTable(os.Stdout, "keys|9", "counters|9", "operation|9", "goroutines|10", "ns each|28", "allocations", "bytes")
	for _, name := range order {
		var ns, allocations, bytes figures
		for _, one := range found[name] {
			ns, allocations, bytes = append(ns, one.ns), append(allocations, one.allocations), append(bytes, one.bytes)
		}
		cells := strings.Split(strings.TrimPrefix(name, "Memory/"), "/")
		cells = append(cells, make([]string, 4)...)[:4]
		table.row(append(cells, spread(ns, 1), number(allocations.median(), 0), number(bytes.median(), 0))...)
	}
	return nil
}

// goBenchmark is a line of go test -bench.
type goBenchmark struct {
	name                   string // without Benchmark and the number of processors
	ns, bytes, allocations float64
}

var goBenchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.e+]+) ns/op(?:\s+(\d+) B/op\s+(\d+) allocs/op)?`)

func parseGoBenchmarks(text string) (all []goBenchmark) {
	for _, m := range goBenchmarkLine.FindAllStringSubmatch(text, -1) {
		all = append(all, goBenchmark{name: m[1], ns: float(m[2]), bytes: float(m[3]), allocations: float(m[4])})
	}
	return all
}
