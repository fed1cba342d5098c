package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// throughput compares lax increments through the proxy with INCR straight to
// the same Redis.
func throughput(ctx context.Context, s *testbed, rounds, requests, clients int) error {
	fmt.Println("Increments per second: DK.INC through the proxy beside INCR straight to Redis, 1,000 keys")
	fmt.Printf("%8s  %-31s  %-31s  %s\n", "pipeline", "INCR direct", "DK.INC proxy", "ratio")
	for _, pipeline := range []int{1, 16, 64} {
		n := requests
		if pipeline == 1 {
			n /= 5
		}
		var direct, proxied, ratio []float64
		for range rounds {
			d, err := benchmark(ctx, s.redisAddr, n, clients, pipeline, 1000, "INCR", "k__rand_int__")
			if err != nil {
				return err
			}
			p, err := benchmark(ctx, s.proxyAddr, n, clients, pipeline, 1000, "DK.INC", "k__rand_int__")
			if err != nil {
				return err
			}
			direct, proxied, ratio = append(direct, d), append(proxied, p), append(ratio, p/d)
		}
		fmt.Printf("%8d  %-31s  %-31s  %s\n", pipeline, spread(direct, "%.0f"), spread(proxied, "%.0f"), spread(ratio, "%.2f"))
	}
	fmt.Println()
	return nil
}

// spared counts what Redis executes per million increments on ten keys.
func spared(ctx context.Context, s *testbed, rounds, requests, clients int) error {
	fmt.Println("Redis per million increments on 10 keys, pipeline 16")
	fmt.Printf("%-14s  %-26s  %s\n", "", "commands sent to Redis", "Redis' CPU seconds")
	for _, row := range []struct{ name, addr, command string }{
		{"INCR direct", s.redisAddr, "INCR"},
		{"DK.INC proxy", s.proxyAddr, "DK.INC"},
	} {
		var commands, cpu []float64
		for range rounds {
			if err := s.redis.ConfigResetStat(ctx).Err(); err != nil {
				return err
			}
			before, err := cpuSeconds(s.redisCmd)
			if err != nil {
				return err
			}
			if _, err := benchmark(ctx, row.addr, requests, clients, 16, 10, row.command, "ten__rand_int__"); err != nil {
				return err
			}
			after, err := cpuSeconds(s.redisCmd)
			if err != nil {
				return err
			}
			sent, err := s.executed(ctx)
			if err != nil {
				return err
			}
			million := 1e6 / float64(requests)
			commands, cpu = append(commands, sent*million), append(cpu, (after-before)*million)
		}
		fmt.Printf("%-14s  %-26s  %s\n", row.name, spread(commands, "%.0f"), spread(cpu, "%.2f"))
	}
	fmt.Println()
	return nil
}

// executed is the number of commands that clients sent to Redis since its
// statistics were reset; those inside scripts are left out.
func (s *testbed) executed(ctx context.Context) (float64, error) {
	info, err := s.redis.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, err
	}
	var total float64
	for line := range strings.Lines(info) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !ok || !sentByClients(name) {
			continue
		}
		calls, _, _ := strings.Cut(rest, ",")
		n, err := strconv.ParseFloat(calls, 64)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// sentByClients tells the commands of the measured traffic from those that only
// scripts and this program send.
func sentByClients(name string) bool {
	return name == "incr" || name == "evalsha" || name == "script|load"
}

// idle measures the proxy's CPU with 10,000 counters in memory and no traffic.
func idle(ctx context.Context, s *testbed, rounds, _, _ int) error {
	pipe := s.proxy.Pipeline()
	for i := range 10_000 {
		pipe.Do(ctx, "DK.INC", "idle"+strconv.Itoa(i))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	if err := s.proxy.Do(ctx, "DK.FLUSH").Err(); err != nil {
		return err
	}
	const window = 4 * time.Second
	var share []float64
	for range rounds {
		before, err := cpuSeconds(s.proxyCmd)
		if err != nil {
			return err
		}
		select {
		case <-time.After(window):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := cpuSeconds(s.proxyCmd)
		if err != nil {
			return err
		}
		share = append(share, (after-before)/window.Seconds()*100)
	}
	fmt.Printf("The proxy's CPU when idle, 10,000 counters in memory: %s %% of a core (resolution %.2f)\n",
		spread(share, "%.2f"), 1/window.Seconds())
	return nil
}

// benchmark runs redis-benchmark once and returns its requests per second.
func benchmark(ctx context.Context, addr string, requests, clients, pipeline, keys int, command ...string) (float64, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	args := append([]string{
		"-h", host, "-p", port, "-n", strconv.Itoa(requests), "-c", strconv.Itoa(clients),
		"-P", strconv.Itoa(pipeline), "-r", strconv.Itoa(keys), "--csv",
	}, command...)
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).Output()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark %s: %w", strings.Join(args, " "), err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	fields := strings.Split(lines[len(lines)-1], ",")
	if len(fields) < 2 {
		return 0, fmt.Errorf("redis-benchmark printed %q", out)
	}
	return strconv.ParseFloat(strings.Trim(fields[1], `"`), 64)
}

// spread is the median of values, and their range.
func spread(values []float64, format string) string {
	sorted := slices.Sorted(slices.Values(values))
	return fmt.Sprintf(format+" ("+format+" to "+format+")", sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1])
}
