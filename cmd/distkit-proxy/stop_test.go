package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

func TestStopOrder(t *testing.T) {
	f := newFake()
	if clean := f.process().stop(); !clean {
		t.Errorf("not clean:\n%s", f.log.String())
	}
	if want := []string{"drain", "server", "engine", "master", "embedded", "admin"}; !slices.Equal(f.steps, want) {
		t.Errorf("stopped %v, want %v", f.steps, want)
	}
}

func TestHangingSessionLeavesTimeForTheFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.shutdown = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		f.close = func(ctx context.Context) ([]engine.Lost, error) {
			deadline, _ := ctx.Deadline()
			if left := time.Until(deadline); left != 4*time.Second {
				t.Errorf("the flush has %v left, want half of 8 s", left)
			}
			return nil, nil
		}
		if f.process().stop() {
			t.Error("a session that was not answered counts as clean")
		}
	})
}

func TestHangingListenerDoesNotHangTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFake().process()
		hang := make(chan struct{})
		p.serving.Go(func() { <-hang })
		begun := time.Now()
		p.stop()
		if took := time.Since(begun); took != p.shutdownTimeout {
			t.Errorf("the stop took %v, want %v", took, p.shutdownTimeout)
		}
		close(hang)
	})
}

func TestLostIncrementsAreListedUpToALimit(t *testing.T) {
	f := newFake()
	f.close = func(context.Context) ([]engine.Lost, error) {
		lost := make([]engine.Lost, maxLostLines+50)
		for i := range lost {
			lost[i] = engine.Lost{Namespace: "distkit", Family: engine.LaxPlain, Counter: fmt.Sprint("c", i), Delta: int64(i), Reason: "Redis is away"}
		}
		lost[8].Slice, lost[8].Value = true, 40
		return lost, errors.New("lost some")
	}
	if f.process().stop() {
		t.Error("lost increments count as clean")
	}
	log := f.log.String()
	if n := strings.Count(log, "msg=lost "); n != maxLostLines {
		t.Errorf("%d lines, want %d", n, maxLostLines)
	}
	for _, want := range []string{
		`msg=lost namespace=distkit family=lax_counter counter=c7 delta=7 reason="Redis is away"`,
		`msg="acknowledged increments are lost" counters=150 listed=100`,
		`msg=lost namespace=distkit family=lax_counter counter=c8 delta=8 slice_set_to=40 reason="Redis is away"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in:\n%s", want, log)
		}
	}
}

// What the journal has is not lost.
func TestKeptIncrementsAreNotLost(t *testing.T) {
	f := newFake()
	f.close = func(context.Context) ([]engine.Lost, error) {
		return []engine.Lost{{Counter: "c", Delta: 1, Reason: "Redis is away", Kept: true}}, errors.New("not all")
	}
	if f.process().stop() {
		t.Error("a stop that leaves something counts as clean")
	}
	if log := f.log.String(); strings.Contains(log, "lost") || !strings.Contains(log, "in the journal") {
		t.Error(log)
	}
}

func TestFailedFlushIsNotClean(t *testing.T) {
	f := newFake()
	f.close = func(context.Context) ([]engine.Lost, error) { return nil, errors.New("timed out") }
	if f.process().stop() {
		t.Error("a failed flush counts as clean")
	}
	if want := `msg="the last flush failed" error="timed out"`; !strings.Contains(f.log.String(), want) {
		t.Errorf("%q is not in:\n%s", want, f.log.String())
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	f := newFake()
	hang := make(chan struct{})
	f.shutdown = func(context.Context) error { <-hang; return nil }
	signals := make(chan os.Signal, 2)
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	p := f.process()
	if code := p.wait(t.Context(), signals); code != exitFailure {
		t.Errorf("exit %d, want %d", code, exitFailure)
	}
	close(hang)
}

func TestFailedListenerStops(t *testing.T) {
	f := newFake()
	p := f.process()
	p.failed <- errors.New("accept: broken")
	if code := p.wait(t.Context(), nil); code != exitFailure || len(f.steps) != 6 {
		t.Errorf("exit %d after %v, want %d after all of them", code, f.steps, exitFailure)
	}
}

// fake is a process whose parts write down that they were stopped.
type fake struct {
	log      logBuffer
	mu       sync.Mutex
	steps    []string // guarded by mu
	shutdown func(context.Context) error
	close    func(context.Context) ([]engine.Lost, error)
}

func newFake() *fake {
	return &fake{
		shutdown: func(context.Context) error { return nil },
		close:    func(context.Context) ([]engine.Lost, error) { return nil, nil },
	}
}

func (f *fake) step(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, name)
}

func (f *fake) process() *process {
	return &process{
		log:             slog.New(slog.NewTextHandler(&f.log, nil)),
		server:          fakeServer{f},
		engine:          fakeEngine{f},
		embedded:        fakeEmbedded{f},
		master:          fakeMaster{f},
		admin:           fakeAdmin{f},
		shutdownTimeout: 8 * time.Second,
		failed:          make(chan error, 1),
	}
}

type (
	fakeServer   struct{ *fake }
	fakeEngine   struct{ *fake }
	fakeEmbedded struct{ *fake }
	fakeMaster   struct{ *fake }
	fakeAdmin    struct{ *fake }
)

func (f fakeServer) Serve(net.Listener) error { return nil }
func (f fakeServer) Shutdown(ctx context.Context) error {
	f.step("server")
	return f.shutdown(ctx)
}

func (f fakeEngine) Close(ctx context.Context) ([]engine.Lost, error) {
	f.step("engine")
	return f.fake.close(ctx)
}

func (f fakeEmbedded) Close() { f.step("embedded") }
func (f fakeMaster) Close()   { f.step("master") }

func (f fakeAdmin) Drain() { f.step("drain") }
func (f fakeAdmin) Close() { f.step("admin") }
