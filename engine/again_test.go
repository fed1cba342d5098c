package engine

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/distkit/distkit-proxy/lua"
)

// meddledStore stands between an engine and Redis and does something else, once
// each, with the calls that a test names. The zero value lets all through.
type meddledStore struct {
	store
	mu     sync.Mutex
	meddle []meddling // guarded by mu
}

type meddling struct {
	which func([]lua.Call) bool
	do    func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply
}

func (s *meddledStore) Run(ctx context.Context, calls []lua.Call) []lua.Reply {
	s.mu.Lock()
	for i, m := range s.meddle {
		if m.which(calls) {
			s.meddle = append(s.meddle[:i:i], s.meddle[i+1:]...)
			s.mu.Unlock()
			return m.do(ctx, s.store, calls)
		}
	}
	s.mu.Unlock()
	return s.store.Run(ctx, calls)
}

// once has the next of the calls that which says done otherwise.
func (s *meddledStore) once(which func([]lua.Call) bool, do func(context.Context, store, []lua.Call) []lua.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meddle = append(s.meddle, meddling{which, do})
}

// left is how much of what a test wanted done has not come to pass.
func (s *meddledStore) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.meddle)
}

// pausedReply is a call that Redis has carried out and whose reply is held up.
type pausedReply struct {
	done    chan struct{} // closed once Redis has carried it out
	deliver func()        // may be called again
}

// pauseReply holds up the reply to the next call of a script, and loses it if
// lost says so.
func (s *meddledStore) pauseReply(t testing.TB, script *lua.Script, lost bool) pausedReply {
	done, delivered := make(chan struct{}), make(chan struct{})
	reply := pausedReply{done, sync.OnceFunc(func() { close(delivered) })}
	t.Cleanup(reply.deliver)
	s.once(callsOf(script), func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
		replies := redis.Run(ctx, calls)
		close(done)
		<-delivered
		if lost {
			return lostReplies(replies, 0)
		}
		return replies
	})
	return reply
}

// await waits until Redis has carried the call out.
func (r pausedReply) await(t testing.TB) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(5 * time.Second):
		t.Fatal("the call has not come to Redis within 5s")
	}
}

// unhurried has an engine flush only when told to, and answer from memory.
var unhurried = Options{FlushInterval: time.Minute, AllowedLag: time.Minute, CommandTimeout: 5 * time.Second}

// meddleForTest runs an engine with a meddledStore on the Redis at addr.
func meddleForTest(t testing.TB, addr string, opts Options) (*Engine, *meddledStore) {
	t.Helper()
	s := &meddledStore{}
	e := connectForTest(t, addr, opts, func(redis store) store {
		s.store = redis
		return s
	})
	return e, s
}

// A CLEAR that is repeated because its reply was lost tells what was true the
// first time: another proxy may have counted since.
func TestRepeatedClearIsNotNews(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		t.Parallel()
		far, m := startForTest(t, Options{InstanceID: "far"})
		near, s := meddleForTest(t, m.Addr(), unhurried)
		mustInc(t, near, f, "x", 1)
		mustFlush(t, near)
		script := lua.PlainClear
		if f.InstanceAware() {
			script = lua.InstClear
		}
		reply := s.pauseReply(t, script, true)
		cleared := make(chan error, 1)
		go func() { cleared <- near.Clear(t.Context(), f, []byte(DefaultNamespace)) }()
		reply.await(t)
		mustInc(t, far, f, "x", 100)
		mustFlush(t, far)
		reply.deliver()
		if err := <-cleared; err != nil {
			t.Fatalf("clear: %v", err)
		}
		if got := mustGet(t, near, f, "x"); got.Total != 100 {
			t.Errorf("the total is %d, want 100, which was added after the clear", got.Total)
		}
	})
}

// A batch that the network holds up may be applied between the answer "buried"
// and the restoring step that it leads to, which would have its number.
func TestLateCopyOfABatchBeforeARestore(t *testing.T) {
	f := LaxInstance
	far, m := startForTest(t, Options{InstanceID: "far"})
	b := booksForTest(t, m, f)
	e, s := meddleForTest(t, m.Addr(), unhurried)
	mustInc(t, e, f, "x", 1)
	mustFlush(t, e)
	mustInc(t, far, f, "x", 1000)
	mustFlush(t, far)
	if r := operateOn(t, far, f, opSet, "other", 3); r.Err != nil { // far knows of i1 now
		t.Fatal(r.Err)
	}
	b.bury()
	var late []lua.Call
	s.once(callsOf(lua.InstApply), func(_ context.Context, _ store, calls []lua.Call) []lua.Reply {
		late = calls
		return lostReplies(make([]lua.Reply, len(calls)), 0)
	})
	s.once(callsOf(lua.InstRestore), func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
		if err := far.Clear(t.Context(), f, []byte(DefaultNamespace)); err != nil {
			t.Errorf("clear: %v", err)
		}
		if reply := redis.Run(ctx, late)[0]; reply.Err != nil || word(list(reply.Value), 0) != "ok" {
			t.Errorf("the late copy: %v, %v, want it applied", reply.Value, reply.Err)
		}
		return redis.Run(ctx, calls)
	})
	mustInc(t, e, f, "x", 7)
	flushes(t, e)
	if n := s.left(); n != 0 {
		t.Fatalf("%d calls were not met with, want a batch and a restoring step", n)
	}
	b.want("x", "7", "7")
}

// A SET whose condition does not hold tells nothing of whether this instance's
// slice is valid: the distkit crate sets a total and leaves others' slices.
func TestSetNotAppliedKeepsASliceVoid(t *testing.T) {
	f := LaxInstance
	e, m := startForTest(t, unhurried)
	b := booksForTest(t, m, f)
	mustInc(t, e, f, "x", 10)
	mustFlush(t, e)
	crateSets(t, m, b, "x", "50")
	r := e.one(t.Context(), f, opSet, Item{Key: keyOf("x"), N: 3, Cond: Cond{Op: EQ, Operand: 999}})
	if r.Err != nil || r.Applied || r.Value.Total != 50 {
		t.Fatalf("a set that must not be applied: %+v, want a total of 50", r)
	}
	mustInc(t, e, f, "x", 1)
	mustFlush(t, e)
	b.want("x", "51", "1")
}

// crateSets sets a counter as the distkit crate does.
func crateSets(t testing.TB, m *miniredis.Miniredis, b books, counter, value string) {
	t.Helper()
	m.HSet(b.Cumulative(), counter, value)
	m.HSet(b.Slices("crate"), counter, value)
	if _, err := m.HIncr(b.Epochs(), counter, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ZAdd(b.Instances(), float64(time.Now().UnixMilli()), "crate"); err != nil {
		t.Fatal(err)
	}
}
