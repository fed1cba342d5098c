package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

func TestStopUnderLoadLosesNothing(t *testing.T) {
	for range 3 {
		r := startRedis(t)
		p := join(t, r, "DK.", "me", engine.Options{DeadAfter: 30 * time.Second})
		l := startLoad(t, p, "DK.", "DKC.")
		l.more(500)
		l.leave.Store(true)
		start := time.Now()
		if lost := p.stop(5 * time.Second); len(lost) > 0 {
			t.Errorf("lost: %+v", lost)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the stop took %v", took)
		}
		l.stop()
		l.check(r)
	}
}

// Under a slow link the last flush needs several round trips.
func TestStopWaitsForASlowRedis(t *testing.T) {
	r := startRedis(t)
	p := join(t, r, "DKC.", "me", engine.Options{DeadAfter: 30 * time.Second})
	p.link.Set(func(f *loopback.Faults) { f.Delay = 100 * time.Millisecond })
	incMany(p, 1200, 3)
	if lost := p.stop(10 * time.Second); len(lost) > 0 {
		t.Errorf("%d counters are lost", len(lost))
	}
	b := openBooks(t, r, "DKC.")
	totals := b.hash(b.totalsKey())
	for i := range 1200 {
		if name := fmt.Sprint("c", i); totals[name] != 3 {
			t.Fatalf("%s is %d, want 3", name, totals[name])
		}
	}
}

// Redis comes back while the proxy is stopping.
func TestStopWaitsForRedisToComeBack(t *testing.T) {
	r := startRedis(t)
	p := join(t, r, "DKC.", "me", engine.Options{DeadAfter: 30 * time.Second})
	p.ints("INC", "x", 1)
	p.flushed()
	p.link.Down()
	p.ints("INC", "x", 2)
	back := time.AfterFunc(500*time.Millisecond, p.link.Up)
	defer back.Stop()
	if lost := p.stop(10 * time.Second); len(lost) > 0 {
		t.Errorf("lost: %+v", lost)
	}
	if got := openBooks(t, r, "DKC.").total("x"); got != 3 {
		t.Errorf("Redis has %d, want 3", got)
	}
}

func TestStopListsWhatIsLost(t *testing.T) {
	r := startRedis(t)
	p := join(t, r, "DK.", "me", engine.Options{DeadAfter: 30 * time.Second})
	p.ints("MINC", "a", 1, "b", 1, "clean", 1)
	if err := p.c.Do(context.Background(), "DKC.INC", "page:home", 1).Err(); err != nil {
		t.Fatal(err)
	}
	p.flushed()
	p.link.Down()
	p.ints("INC", "a", 3)
	p.ints("DEC", "a", 1)
	p.ints("SETI", "b", 7)
	p.ints("INC", "b", 2)
	if err := p.c.Do(context.Background(), "DKC.INC", "page:home", 5).Err(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	lost := p.stop(300 * time.Millisecond)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the stop took %v", took)
	}
	got := make(map[string]engine.Lost)
	for _, l := range lost {
		if l.Reason == "" {
			t.Errorf("no reason: %+v", l)
		}
		l.Reason = ""
		got[l.Counter] = l
	}
	want := map[string]engine.Lost{
		"a":    {Namespace: "distkit", Family: engine.LaxInstance, Counter: "a", Delta: 2},
		"b":    {Namespace: "distkit", Family: engine.LaxInstance, Counter: "b", Delta: 2, Slice: true, Value: 7},
		"home": {Namespace: "page", Family: engine.LaxPlain, Counter: "home", Delta: 5},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("lost is %+v, want %+v", got, want)
	}
}

// A change that Redis refuses is lost with its own reason, and the rest is
// flushed none the less.
func TestStopListsWhatIsRefused(t *testing.T) {
	r := startRedis(t)
	b := openBooks(t, r, "DKC.")
	p := join(t, r, "DKC.", "me", engine.Options{DeadAfter: 30 * time.Second})
	p.ints("INC", "full", 1)
	p.flushed()
	p.link.Down()
	p.ints("INC", "full", 5)
	if err := b.c.HSet(context.Background(), b.totalsKey(), "full", int64(math.MaxInt64-1)).Err(); err != nil {
		t.Fatal(err)
	}
	p.link.Up()
	eventually(t, 10*time.Second, func() error {
		if err := p.do("GET", "full").Err(); err == nil || !strings.Contains(err.Error(), "overflow") {
			return fmt.Errorf("GET: %v, want an overflow", err)
		}
		return nil
	})
	p.ints("INC", "other", 4)
	lost := p.stop(3 * time.Second)
	if len(lost) != 1 || lost[0].Counter != "full" || lost[0].Delta != 5 || !strings.Contains(lost[0].Reason, "overflow") {
		t.Errorf("lost: %+v, want full with 5 for an overflow", lost)
	}
	if got := b.total("other"); got != 4 {
		t.Errorf("another counter is %d, want 4", got)
	}
}

// TestProgram is about the program itself: the binary, its signals and exit code.
func TestProgram(t *testing.T) {
	bin := buildProgram(t)
	t.Run("SIGTERM under load", func(t *testing.T) { signalUnderLoad(t, bin, syscall.SIGTERM) })
	t.Run("SIGINT under load", func(t *testing.T) { signalUnderLoad(t, bin, syscall.SIGINT) })
	for _, fault := range shutdownFaults {
		t.Run("Redis "+fault.name, func(t *testing.T) { signalInAFault(t, bin, fault) })
	}
	t.Run("drain held up", func(t *testing.T) { drainHeldUp(t, bin) })
}

// runningProgram is the proxy's binary at work.
type runningProgram struct {
	addr string
	cmd  *exec.Cmd
	log  *bytes.Buffer // read it after exit
	done chan error
}

// buildProgram builds the binary.
func buildProgram(t *testing.T) string {
	t.Helper()
	bin, err := servers.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// startProgram runs the binary in front of a Redis and waits until it answers.
func startProgram(t *testing.T, bin string, r *redisServer, args ...string) *runningProgram {
	t.Helper()
	p := &runningProgram{addr: freeAddr(t), log: new(bytes.Buffer), done: make(chan error, 1)}
	p.cmd = exec.Command(bin, append([]string{"--listen", p.addr, "--redis", r.url(), "--instance-id", "me"}, args...)...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	c := client(t, p.addr)
	eventually(t, 20*time.Second, func() error { return c.Do(context.Background(), "DKC.GET", "a").Err() })
	return p
}

// exit waits for the program's end and returns its exit code.
func (p *runningProgram) exit(t *testing.T, limit time.Duration) int {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-p.done:
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return p.cmd.ProcessState.ExitCode()
	case <-timer.C:
		t.Fatalf("still running after %v", limit)
		return -1
	}
}

func signalUnderLoad(t *testing.T, bin string, signal syscall.Signal) {
	r := startRedis(t)
	prog := startProgram(t, bin, r)
	p := &party{testProxy: &testProxy{t: t, addr: prog.addr, id: "me"}, c: client(t, prog.addr), prefix: "DK."}
	l := startLoad(t, p, "DK.", "DKC.")
	l.more(500)
	l.leave.Store(true)
	prog.cmd.Process.Signal(signal)
	if code := prog.exit(t, 10*time.Second); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, prog.log)
	}
	l.stop()
	l.check(r)
}

// shutdownFault keeps Redis from taking a last flush.
type shutdownFault struct {
	name string
	conf []string
	// happens returns when the fault is there; what it starts ends with Redis.
	happens func(t *testing.T, r *redisServer, link *loopback.Link)
}

var shutdownFaults = []shutdownFault{
	{name: "gone", happens: func(_ *testing.T, r *redisServer, _ *loopback.Link) { r.kill() }},
	{name: "blackholed", happens: func(_ *testing.T, _ *redisServer, link *loopback.Link) {
		link.Set(func(f *loopback.Faults) { f.Void, f.Hole = true, true })
	}},
	{name: "frozen", happens: func(_ *testing.T, r *redisServer, _ *loopback.Link) { r.signal(syscall.SIGSTOP) }},
	{name: "busy", conf: []string{"busy-reply-threshold 20"}, happens: func(t *testing.T, r *redisServer, _ *loopback.Link) {
		endless := client(t, r.addr)
		done := make(chan error, 1)
		go func() { done <- endless.Eval(context.Background(), "while true do end", nil).Err() }()
		t.Cleanup(func() {
			r.kill()
			<-done
		})
		eventually(t, 10*time.Second, func() error {
			if err := client(t, r.addr).Ping(context.Background()).Err(); err == nil || !strings.HasPrefix(err.Error(), "BUSY") {
				return fmt.Errorf("PING: %v, want BUSY", err)
			}
			return nil
		})
	}},
	{name: "out of memory", happens: func(t *testing.T, r *redisServer, _ *loopback.Link) {
		if err := client(t, r.addr).ConfigSet(context.Background(), "maxmemory", "1").Err(); err != nil {
			t.Fatal(err)
		}
	}},
}

// signalInAFault stops the program while Redis cannot take what it holds: it ends
// in time, says so by its exit code, and lists what is lost.
func signalInAFault(t *testing.T, bin string, fault shutdownFault) {
	r := startRedis(t, fault.conf...)
	link := startLink(t, r.addr)
	const limit = time.Second
	prog := startProgram(t, bin, &redisServer{addr: link.Addr()}, "--shutdown-timeout", limit.String())
	c := client(t, prog.addr)
	ctx := context.Background()
	before, during := []any{"DKC.MINC"}, []any{"DKC.MINC"}
	for i := range 5 {
		before = append(before, fmt.Sprint("c", i), 1)
		during = append(during, fmt.Sprint("c", i), 10+i)
	}
	if err := c.Do(ctx, before...).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error { return c.Do(ctx, "DK.FLUSH").Err() })
	fault.happens(t, r, link)
	if reply := raw(t, c, during...); fmt.Sprint(reply) != "[11 12 13 14 15]" {
		t.Fatalf("MINC: %v", reply)
	}
	start := time.Now()
	prog.cmd.Process.Signal(syscall.SIGTERM)
	if code := prog.exit(t, limit+5*time.Second); code == 0 {
		t.Error("exit code 0 though increments are lost")
	}
	if took := time.Since(start); took > limit+2*time.Second {
		t.Errorf("the exit took %v, the limit is %v", took, limit)
	}
	for i := range 5 {
		found := false
		for line := range strings.Lines(prog.log.String()) {
			found = found || strings.Contains(line, "lost") && strings.Contains(line, fmt.Sprintf("counter=c%d delta=%d ", i, 10+i))
		}
		if !found {
			t.Errorf("no line about c%d in:\n%s", i, prog.log)
		}
	}
}
