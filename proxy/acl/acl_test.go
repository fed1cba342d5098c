package acl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// fakeRedis answers after a second.
type fakeRedis struct {
	asked atomic.Int64
	may   func(engine.Use) (engine.Permit, error)

	mu     sync.Mutex // guards the following fields
	rights engine.Permit
	err    error
}

func (f *fakeRedis) says(rights engine.Permit, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rights, f.err = rights, err
}

var errAway = errors.New("away")

func (f *fakeRedis) UserRights(context.Context, string) (engine.Permit, error) {
	f.asked.Add(1)
	time.Sleep(time.Second)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rights, f.err
}

func (f *fakeRedis) UserMay(_ context.Context, _ string, use engine.Use) (engine.Permit, error) {
	f.asked.Add(1)
	time.Sleep(time.Second)
	return f.may(use)
}

// inBubble runs a test with a Book in a time of its own; its answers live 10 s.
func inBubble(t *testing.T, opts Options, run func(t *testing.T, f *fakeRedis, b *Book)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{rights: engine.PermitAll}
		var wg sync.WaitGroup
		defer wg.Wait()
		opts.Redis, opts.Context, opts.Go, opts.Age = f, t.Context(), wg.Go, 10*time.Second
		run(t, f, New(opts))
	})
}

func (f *fakeRedis) wantAsked(t *testing.T, want int64) {
	t.Helper()
	synctest.Wait()
	if got := f.asked.Load(); got != want {
		t.Errorf("asked %d times, want %d", got, want)
	}
}

func TestManyWaitForOneQuestion(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, f *fakeRedis, b *Book) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if p := b.User("u").Rights(t.Context(), nil); p != engine.PermitAll {
					t.Errorf("%v", p)
				}
			})
		}
		wg.Wait()
		f.wantAsked(t, 1)
		if !b.User("u").All() {
			t.Error("not known")
		}
	})
}

// An answer in use is renewed behind the back of who uses it.
func TestAnswerInUseIsRenewed(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, f *fakeRedis, b *Book) {
		u := b.User("u")
		u.Rights(t.Context(), nil)
		time.Sleep(5 * time.Second)
		f.says(engine.PermitSome, nil)
		wait := func() bool { t.Error("waits"); return true }
		if p := u.Rights(t.Context(), wait); p != engine.PermitAll {
			t.Errorf("meanwhile %v", p)
		}
		time.Sleep(2 * time.Second)
		if p := u.Rights(t.Context(), wait); p != engine.PermitSome || u.All() {
			t.Errorf("then %v", p)
		}
		f.wantAsked(t, 2)
	})
}

// One that nobody has used for its life is waited for, unless the client is gone.
func TestOldAnswerIsWaitedFor(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, f *fakeRedis, b *Book) {
		u := b.User("u")
		u.Rights(t.Context(), nil)
		time.Sleep(time.Minute)
		f.says(engine.PermitGone, nil)
		waited := false
		if p := u.Rights(t.Context(), func() bool { waited = true; return true }); p != engine.PermitGone || !waited {
			t.Errorf("%v, waited %v", p, waited)
		}
		time.Sleep(time.Minute)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		u.Rights(gone, nil)
		if u.Rights(t.Context(), func() bool { return false }); time.Since(begun) > 0 {
			t.Error("waited for who is gone")
		}
	})
}

// While Redis does not answer its last answer stands, and nobody waits twice.
func TestLastAnswerStandsWhileRedisIsAway(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, f *fakeRedis, b *Book) {
		u, never := b.User("u"), b.User("never")
		u.Rights(t.Context(), nil)
		f.says(engine.PermitUnknown, errAway)
		time.Sleep(time.Hour)
		begun := time.Now()
		for range 5 {
			if p := u.Rights(t.Context(), nil); p != engine.PermitAll {
				t.Errorf("known: %v", p)
			}
			if p := never.Rights(t.Context(), nil); p != engine.PermitUnknown {
				t.Errorf("never known: %v", p)
			}
		}
		if waited := time.Since(begun); waited != 2*time.Second {
			t.Errorf("waited %v, want once for each", waited)
		}
		f.says(engine.PermitSome, nil)
		time.Sleep(time.Minute)
		u.Rights(t.Context(), nil)
		time.Sleep(2 * time.Second)
		if p := u.Rights(t.Context(), nil); p != engine.PermitSome {
			t.Errorf("back: %v", p)
		}
	})
}

func TestUsesHaveTheirOwnAnswers(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, f *fakeRedis, b *Book) {
		f.says(engine.PermitSome, nil)
		f.may = func(use engine.Use) (engine.Permit, error) {
			if use == (engine.Use{Family: engine.LaxPlain, Namespace: "a", Write: true}) {
				return engine.PermitYes, nil
			}
			return engine.PermitNoKey, nil
		}
		u := b.User("u")
		may := func(f engine.Family, ns string, write bool) engine.Permit {
			return u.May(t.Context(), f, []byte(ns), write, nil, nil)
		}
		for range 2 {
			if p := may(engine.LaxPlain, "a", true); p != engine.PermitYes {
				t.Errorf("%v", p)
			}
			for _, p := range []engine.Permit{may(engine.LaxPlain, "a", false), may(engine.LaxPlain, "b", true), may(engine.LaxInstance, "a", true)} {
				if p != engine.PermitNoKey {
					t.Errorf("%v", p)
				}
			}
		}
		f.wantAsked(t, 4)
		if !u.Known(engine.LaxPlain, []byte("a"), true) || u.Known(engine.LaxPlain, []byte("b"), true) || u.Known(engine.LaxPlain, []byte("c"), true) {
			t.Error("known wrongly")
		}
	})
}

func TestWhereRedisDoesNotTell(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, f *fakeRedis, b *Book) {
		f.may = func(engine.Use) (engine.Permit, error) { return engine.PermitUnknown, engine.ErrUntold }
		try := func(p engine.Permit, err error) Tryout {
			return func(context.Context, engine.Use) (engine.Permit, error) { return p, err }
		}
		for i, tc := range []struct {
			try  Tryout
			want engine.Permit
		}{
			{nil, engine.PermitSome},
			{try(engine.PermitNoKey, nil), engine.PermitNoKey},
			{try(engine.PermitUnknown, engine.ErrUntold), engine.PermitSome},
			{try(engine.PermitUnknown, errAway), engine.PermitUnknown},
		} {
			if p := b.User(fmt.Sprint(i)).May(t.Context(), 0, []byte("a"), false, nil, tc.try); p != tc.want {
				t.Errorf("%d: %v, want %v", i, p, tc.want)
			}
		}
	})
}

func TestNotMoreThanSoMuchIsRemembered(t *testing.T) {
	inBubble(t, Options{Users: 3, Spaces: 4}, func(t *testing.T, f *fakeRedis, b *Book) {
		f.may = func(engine.Use) (engine.Permit, error) { return engine.PermitYes, nil }
		first := b.User("0")
		for i := range 20 {
			b.User(fmt.Sprint(i))
			if p := first.May(t.Context(), 0, []byte(fmt.Sprint(i)), false, nil, nil); p != engine.PermitYes {
				t.Errorf("%v", p)
			}
		}
		if len(b.users) != 3 || len(first.uses) != 4 {
			t.Errorf("%d users, %d uses", len(b.users), len(first.uses))
		}
	})
}

func TestAllAllocatesNothing(t *testing.T) {
	b := New(Options{Redis: &fakeRedis{}, Context: t.Context(), Go: func(f func()) { f() }})
	u := b.User("u")
	u.rights.last.Store(&dated{engine.PermitAll, time.Now().Add(time.Hour)})
	if n := testing.AllocsPerRun(100, func() {
		if !u.All() {
			t.Error("not all")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
