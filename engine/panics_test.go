package engine

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A panic in a flusher ends neither the process nor the flushing: the batch is
// sent again, whether Redis had it or not, and counted once.
func TestFlusherGoesOnAfterAPanic(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		for name, applied := range map[string]bool{"before Redis had the batch": false, "after": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := miniredis.RunT(t)
				log := &syncBuffer{}
				opts := unhurried
				opts.Logger = slog.New(slog.NewTextHandler(log, nil))
				e, s := meddleForTest(t, m.Addr(), opts)
				mustInc(t, e, f, "x", 1)
				mustFlush(t, e)
				for range 3 {
					s.once(callsOf(applyOf(f)), func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
						if applied {
							redis.Run(ctx, calls)
						}
						panic("a mistake of ours")
					})
				}
				mustInc(t, e, f, "x", 5)
				mustInc(t, e, f, "y", 7)
				mustFlush(t, e) // it waits through all of that
				b := booksForTest(t, m, f)
				for counter, want := range map[string]string{"x": "6", "y": "7"} {
					if got := m.HGet(b.totalsKey(), counter); got != want {
						t.Errorf("%s is %q in Redis, want %s", counter, got, want)
					}
				}
				if n := e.Stats().Panics; n != 3 {
					t.Errorf("%d panics are counted, want 3", n)
				}
				if text := log.String(); !strings.Contains(text, "a mistake of ours") || !strings.Contains(text, "TestFlusherGoesOnAfterAPanic") {
					t.Errorf("the log has no panic with its stack:\n%s", text)
				}
				mustInc(t, e, f, "x", 1)
				if r := operateOn(t, e, f, opSet, "x", 3); r.Err != nil || r.Prev.Total != 7 {
					t.Errorf("SET afterwards: %+v, want 7 before it", r)
				}
			})
		}
	})
}

// A read that panics holds up nobody for ever.
func TestLoadsGoOnAfterAPanic(t *testing.T) {
	m := miniredis.RunT(t)
	e, s := meddleForTest(t, m.Addr(), unhurried)
	s.once(func(calls []lua.Call) bool { return calls[0].Args[0] == "hmget" },
		func(context.Context, store, []lua.Call) []lua.Reply { panic("a mistake of ours") })
	eventually(t, 5*time.Second, "a load", func() bool {
		var res [1]Result
		e.Get(t.Context(), LaxPlain, []Key{keyOf("x")}, res[:])
		return res[0].Err == nil
	})
	if n := e.Stats().Panics; n != 1 {
		t.Errorf("%d panics are counted, want 1", n)
	}
}

// A strict command that moves slices back holds up a flusher that has panicked, for
// as long as Redis takes, and does not look like a lock that is held for ever.
func TestPanicBesideAStrictRestore(t *testing.T) {
	f := StrictInstance
	m := miniredis.RunT(t)
	logged, restoring := make(chan struct{}), make(chan struct{})
	opts := unhurried
	opts.InstanceID = "i1"
	opts.Logger = slog.New(slog.NewTextHandler(onWrite(func(line string) {
		if strings.Contains(line, "msg=panic") {
			close(logged)
			<-restoring // so that the restore has the lock when the flusher looks
		}
	}), nil))
	e, s := meddleForTest(t, m.Addr(), opts)
	e.patience = 0 // before anybody can have panicked
	mustInc(t, e, f, "x", 1)
	booksForTest(t, m, f).bury()
	p := partitionForTest(t, e, f, DefaultNamespace)
	type pause struct{ reached, over chan struct{} }
	pauseAt := func(script *lua.Script, then func()) pause {
		at := pause{make(chan struct{}), make(chan struct{})}
		s.once(callsOf(script), func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
			close(at.reached)
			<-at.over
			then()
			return redis.Run(ctx, calls)
		})
		return at
	}
	apply := pauseAt(lua.InstApply, func() {})
	beat := pauseAt(lua.InstBeat, func() { panic("a mistake of ours") })
	restore := pauseAt(lua.InstRestore, func() {})
	counted := make(chan Result, 1)
	go func() { counted <- e.one(context.Background(), f, opInc, Item{Key: keyOf("x"), N: 5}) }()
	<-apply.reached
	p.beatAt.Store(e.now())
	p.kick()
	<-beat.reached // and holds presence
	close(apply.over)
	close(beat.over)
	<-logged
	<-restore.reached
	close(restoring)
	for range 50 { // others go on meanwhile
		mustInc(t, e, LaxPlain, "y", 1)
		mustFlush(t, e)
	}
	close(restore.over)
	if r := <-counted; r.Err != nil || r.Value.Mine != 6 {
		t.Errorf("inc: %+v, want a slice of 6", r)
	}
}

// onWrite is a log that calls a function with each line.
type onWrite func(string)

func (f onWrite) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

// Whatever the flusher was about when it panicked, each change is then in one
// place: in the batch that is repeated, acknowledged, or in line.
func TestMendLeavesEachChangeInOnePlace(t *testing.T) {
	names := []string{"a", "b", "c"}
	for name, tc := range map[string]struct {
		spoil func(p *partition, r *round) // what the panic left behind
		want  [3]int64                     // what is still to be sent of each
	}{
		"a round that was never sent": {func(p *partition, r *round) { p.flight = nil }, [3]int64{1, 2, 3}},
		"an answered round": {func(p *partition, r *round) {
			p.flight, r.answer = r, &answer{status: "ok"}
		}, [3]int64{}},
		"an answered round, some settled": {func(p *partition, r *round) {
			p.flight, r.answer = r, &answer{status: "ok"}
			r.carried[0].c.acknowledge()
			p.cleanedLocked(r.carried[0].c)
		}, [3]int64{}},
		"an answered round with a refusal": {func(p *partition, r *round) {
			p.flight, r.answer = r, &answer{status: "ok", refused: map[int]*Error{2: ErrOverflow}}
		}, [3]int64{0, 2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := startForTest(t, unhurried)
			f := LaxPlain
			for _, n := range names {
				mustInc(t, e, f, n, 0)
			}
			p := partitionForTest(t, e, f, DefaultNamespace)
			p.stopFlusher() // the test is the flusher now
			for i, n := range names {
				mustInc(t, e, f, n, int64(i)+1)
			}
			p.flushNow()
			r := p.build(e.now())
			if r == nil || len(r.carried) != len(names) {
				t.Fatalf("the round is %+v, want three counters", r)
			}
			order := make(map[string]int)
			for i, item := range r.carried {
				order[item.c.name] = i
			}
			tc.spoil(p, r)
			p.mend(errLost)
			for name, at := range order {
				c := r.carried[at].c
				want := tc.want[at]
				if want != 0 { // spoil counts by place in the round
					want = r.carried[at].ch.d
				}
				if got := c.pending.d; got != want || c.sent.has {
					t.Errorf("%s has %d pending (in flight: %v), want %d", name, got, c.sent.has, want)
				}
				if want != 0 && !c.queued && !c.stuck {
					t.Errorf("%s is not in line", name)
				}
			}
		})
	}
}

// What Redis has acknowledged is not missing from what is read because the flusher
// panicked before it noted that: the counter has to be loaded, though the
// partition counts as away and answers from memory.
func TestMendAnswersNothingWithoutWhatIsAcknowledged(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		for name, op := range map[string]*opReq{
			"increment": nil, "SET": {kind: opSet, name: "x", n: 9}, "CLEAR": {kind: opClear},
		} {
			t.Run(name, func(t *testing.T) {
				e, _ := startForTest(t, unhurried)
				mustInc(t, e, f, "x", 2)
				mustInc(t, e, f, "y", 5)
				mustFlush(t, e)
				p := partitionForTest(t, e, f, DefaultNamespace)
				p.stopFlusher() // the test is the flusher now
				mustInc(t, e, f, "x", 1)
				r := answeredForTest(t, p, op, nil)
				p.mend(errLost)
				s := p.shardOf(hash([]byte("x")))
				s.mu.Lock()
				defer s.mu.Unlock()
				if c := s.named("x"); c.dirty() || p.servableLocked(c, e.now(), e.now()) {
					t.Errorf("x is answered from %+v (pending: %v) after %+v", c.base, c.dirty(), r.answer)
				}
			})
		}
	})
}

// A refused increment that a SET of the same batch has made void does not come
// back because the flusher panicked in between.
func TestMendKeepsVoidWhatASetMadeVoid(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		e, _ := startForTest(t, unhurried)
		mustInc(t, e, f, "x", 2)
		mustFlush(t, e)
		p := partitionForTest(t, e, f, DefaultNamespace)
		p.stopFlusher() // the test is the flusher now
		mustInc(t, e, f, "x", 1)
		answeredForTest(t, p, &opReq{kind: opSet, name: "x", n: 9}, map[int]*Error{1: ErrOverflow})
		p.mend(errLost)
		if n := e.Stats().Pending; n != 0 {
			t.Errorf("%d counters are pending, want none", n)
		}
	})
}

// answeredForTest makes a round of all that is pending, and of op, which Redis has
// carried out and whose flusher has panicked then.
func answeredForTest(t *testing.T, p *partition, op *opReq, refused map[int]*Error) *round {
	t.Helper()
	a := &answer{status: "ok", refused: refused}
	if op != nil {
		group := newGroup()
		group.ops = []*opReq{op}
		if err := p.submit(group); err != nil {
			t.Fatal(err)
		}
		if op.kind == opSet {
			a.results = []opResult{{Result: Result{Applied: true}}}
		}
	}
	p.flushNow()
	r := p.build(p.e.now())
	if r == nil || len(r.carried)+len(r.cleared) != 1 {
		t.Fatalf("the round is %+v, want one counter", r)
	}
	r.answer, p.flight = a, r
	return r
}
