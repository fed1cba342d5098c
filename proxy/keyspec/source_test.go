package keyspec

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeRedis takes a second to reply to COMMAND.
type fakeRedis struct {
	asked, overlap atomic.Int64

	mu    sync.Mutex // guards the following fields
	reply []any
	err   error
}

func (f *fakeRedis) says(reply []any, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reply, f.err = reply, err
}

func (f *fakeRedis) ask(ctx context.Context) ([]any, error) {
	f.asked.Add(1)
	if f.overlap.Add(1) != 1 {
		panic("asked twice at once")
	}
	defer f.overlap.Add(-1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reply, f.err
}

var errAway = errors.New("away")

// has is a table of commands of one key each.
func has(names ...string) []any {
	var reply []any
	for _, name := range names {
		reply = append(reply, []any{name, int64(-2), []any{}, int64(1), int64(1), int64(1)})
	}
	return reply
}

func TestSourceAsksOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeRedis)
		f.says(has("get"), nil)
		s := New(f.ask)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if a, err := s.Touched(t.Context(), line("GET k"), nil); err != nil || told(a) != "k" {
					t.Errorf("%s, %v", told(a), err)
				}
			})
		}
		wg.Wait()
		if n := f.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		s.Refresh()
		for range 2 {
			if _, err := s.Table(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := f.asked.Load(); n != 2 {
			t.Errorf("asked %d times after Refresh", n)
		}
	})
}

// Refresh while the question is under way counts: the reply may be older.
func TestSourceRefreshedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeRedis)
		f.says(has("get"), nil)
		s := New(f.ask)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.Table(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		s.Refresh()
		wg.Wait()
		f.says(has("get", "set"), nil)
		if a, err := s.Touched(t.Context(), line("SET k v"), nil); err != nil || told(a) != "k" {
			t.Errorf("%s, %v", told(a), err)
		}
	})
}

// A command that is not known is looked for again, once a second.
func TestSourceMeetsNewCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeRedis)
		f.says(has("get"), nil)
		s := New(f.ask)
		touched := func(want string) {
			t.Helper()
			if a, err := s.Touched(t.Context(), line("M.NEW k"), nil); err != nil || told(a) != want {
				t.Errorf("%s, %v, want %s", told(a), err, want)
			}
		}
		for range 10 {
			touched("+loose-everywhere +unknown")
		}
		if n := f.asked.Load(); n != 1 {
			t.Errorf("asked %d times at once", n)
		}
		time.Sleep(unknownPause)
		f.says(nil, errAway)
		touched("+loose-everywhere +unknown")
		f.says(has("get", "m.new"), nil)
		time.Sleep(unknownPause)
		touched("k")
		touched("k")
		if n := f.asked.Load(); n != 3 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Without a table everything is loose; the last one stands while Redis is away.
func TestSourceWhileRedisIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeRedis)
		f.says(nil, errAway)
		s := New(f.ask)
		for range 3 {
			a, err := s.Touched(t.Context(), line("GET k"), nil)
			if !errors.Is(err, errAway) || told(a) != "+loose-everywhere +unknown" {
				t.Errorf("%s, %v", told(a), err)
			}
		}
		if n := f.asked.Load(); n != 1 {
			t.Errorf("asked %d times at once", n)
		}
		time.Sleep(failurePause)
		f.says([]any{"nonsense"}, nil)
		if _, err := s.Table(t.Context()); !errors.Is(err, ErrNoTable) {
			t.Error(err)
		}
		time.Sleep(failurePause)
		f.says(has("get"), nil)
		if _, err := s.Table(t.Context()); err != nil {
			t.Error(err)
		}
		f.says(nil, errAway)
		s.Refresh()
		if a, err := s.Touched(t.Context(), line("GET k"), nil); err != nil || told(a) != "k" {
			t.Errorf("%s, %v", told(a), err)
		}
	})
}

// Who gives up leaves nothing behind, and says nothing about Redis.
func TestSourceGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeRedis)
		f.says(has("get"), nil)
		s := New(f.ask)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for range 2 { // one asks, one waits for it
			wg.Go(func() {
				if _, err := s.Table(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, err := s.Table(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
