package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// contender is a row of each shape: what is sent where. The first of several is
// what the others are compared to.
type contender struct {
	name string
	to   *server
	// behind is the Redis whose CPU and commands are counted.
	behind *server
	load   load
	most   int  // clients that it takes; 0: any number
	hot    bool // it answers from memory
}

// load sends what a shape says to an address.
type load func(ctx context.Context, addr string, s shape) (outcome, error)

// sending is a load of redis-benchmark, of one command.
func sending(command ...string) load {
	return func(ctx context.Context, addr string, s shape) (outcome, error) {
		return redisBenchmark(ctx, addr, s, command...)
	}
}

// sample is one measurement. What is per million is per million commands of the
// load, and includes what is written to Redis after its end.
type sample struct {
	outcome
	proxyCPU, redisCPU float64 // seconds per million
	sent               float64 // commands to Redis, per million; a script is one
	executed           float64 // by Redis, per million; those inside scripts count
}

// compare measures contenders in turns, a shape after the other, and hands the
// samples of each shape to report: those of a contender by round. Who begins
// changes from round to round. A load that fails leaves its contender without
// samples, is told, and does not keep others from being measured.
func (bed *testbed) compare(ctx context.Context, shapes []shape, contenders []contender, report func(shape, [][]sample)) error {
	for _, s := range shapes {
		if bed.b.quick && !s.quick {
			continue
		}
		s.requests = max(int(float64(s.requests)*bed.b.scale), s.clients*s.pipeline, 100)
		samples := make([][]sample, len(contenders))
		out := make([]bool, len(contenders))
		for i, c := range contenders {
			out[i] = c.most > 0 && s.clients > c.most
		}
		for round := range bed.b.rounds {
			for i := range contenders {
				i := (i + round) % len(contenders)
				if out[i] {
					continue
				}
				one, err := bed.measure(ctx, contenders[i].shape(s), contenders[i])
				switch {
				case err == nil:
					samples[i] = append(samples[i], one)
				case ctx.Err() != nil:
					return ctx.Err()
				default:
					bed.b.failures++
					fmt.Fprintf(os.Stderr, "bench: %s: %v\n", contenders[i].name, err)
					samples[i], out[i] = nil, true
				}
			}
		}
		report(s, samples)
	}
	return nil
}

// shape is what the contender's clients do where others' do s.
func (c contender) shape(s shape) shape {
	if c.hot {
		s.requests *= max(1, s.hot)
	}
	return s
}

// measure has one contender's load carried out.
func (bed *testbed) measure(ctx context.Context, s shape, c contender) (sample, error) {
	if s.cold {
		if err := bed.cool(ctx, c); err != nil {
			return sample{}, err
		}
	}
	before, err := usageOf(ctx, c)
	if err != nil {
		return sample{}, err
	}
	out, err := c.load(ctx, c.to.addr, s)
	if err != nil {
		return sample{}, err
	}
	if c.to.ours {
		if err := c.to.client.Do(ctx, "DK.FLUSH").Err(); err != nil {
			return sample{}, err
		}
	}
	after, err := usageOf(ctx, c)
	if err != nil {
		return sample{}, err
	}
	million := 1e6 / float64(s.requests)
	one := sample{
		outcome:  out,
		proxyCPU: (after.proxyCPU - before.proxyCPU) * million,
		redisCPU: (after.redisCPU - before.redisCPU) * million,
		executed: (after.executed - before.executed) * million,
		sent:     (after.sent - before.sent) * million,
	}
	switch {
	case c.to.cmd == c.behind.cmd:
		one.proxyCPU, one.sent = math.NaN(), one.executed
	case !c.to.ours:
		one.sent = one.executed
	}
	return one, nil
}

// cool empties Redis, and the memory of the proxy before it.
func (bed *testbed) cool(ctx context.Context, c contender) error {
	if err := c.behind.client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	if !c.to.ours {
		return nil
	}
	return bed.restart(ctx, c.to)
}

// usage is what a contender has used up since its servers started.
type usage struct{ proxyCPU, redisCPU, sent, executed float64 }

func usageOf(ctx context.Context, c contender) (u usage, err error) {
	if u.proxyCPU, err = cpuSeconds(c.to.pid()); err != nil {
		return u, err
	}
	info, err := infoOf(ctx, c.behind.client, "cpu", "commandstats")
	if err != nil {
		return u, err
	}
	u.redisCPU = info.number("used_cpu_user") + info.number("used_cpu_sys")
	u.executed = info.calls()
	if !c.to.ours {
		return u, nil
	}
	if info, err = infoOf(ctx, c.to.client, "distkit"); err != nil {
		return u, err
	}
	u.sent = info.number("redis_commands") + info.number("commands_forwarded")
	return u, nil
}

// info are the lines of INFO.
type info map[string]string

func infoOf(ctx context.Context, client *redis.Client, sections ...string) (info, error) {
	lines := make(info)
	for _, section := range sections {
		text, err := client.Info(ctx, section).Result()
		if err != nil {
			return nil, err
		}
		lines.add(text)
	}
	return lines, nil
}

func (in info) add(text string) {
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			in[name] = value
		}
	}
}

func (in info) number(name string) float64 { return float(in[name]) }

// calls are all commands that Redis has executed, those inside scripts included,
// but for what this program and redis-benchmark ask about the server.
func (in info) calls() (total float64) {
	for name, value := range in {
		name, found := strings.CutPrefix(name, "cmdstat_")
		if !found || name == "info" || strings.HasPrefix(name, "config") {
			continue
		}
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		total += float(calls)
	}
	return total
}
