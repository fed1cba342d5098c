package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/lua"
)

// redisSays is an error of Redis' own.
type redisSays string

func (e redisSays) Error() string { return string(e) }
func (redisSays) RedisError()     {}

// oddReplies are what no script of ours says: a broken server, or something
// between that answers for it.
var oddReplies = map[string]lua.Reply{
	"nothing":              {},
	"nil":                  {Err: redis.Nil},
	"an integer":           {Value: int64(1)},
	"a text":               {Value: "OK"},
	"no words":             {Value: []any{}},
	"an unknown status":    {Value: []any{"fine", ""}},
	"a status of a read":   {Value: []any{"none", ""}},
	"a strict status":      {Value: []any{"dead", "", "", "somebody"}},
	"too few words":        {Value: []any{"ok", "", "mark", ""}},
	"too many words":       {Value: []any{"ok", "", "mark", "", int64(1), "1", "1", "0", "1", "1", "0", "1"}},
	"words of other types": {Value: []any{"ok", int64(5), nil, []any{}, "x", nil}},
	"a strange payload":    {Value: []any{"ok", "o7=1,2,3", "mark", "", int64(1), "5", "5", "0"}},
	"another's refusal":    {Value: []any{"ok", "i2=O", "mark", "", int64(1), "5", "5", "0"}},
	"a moved slot":         {Err: redisSays("MOVED 3999 127.0.0.1:6381")},
	"an unknown code":      {Err: redisSays("UPSTREAM the server behind has gone away")},
	"a killed script":      {Err: redisSays("ERR Script killed by user with SCRIPT KILL... script: 694a, on @user_script:1.")},
	"a password to give":   {Err: redisSays("ERR Protocol error: unauthenticated multibulk length")},
	"no more clients":      {Err: redisSays("ERR max number of clients reached")},
}

// A reply of the wrong shape, or an error that says nothing about the counters,
// is no acknowledgement and no refusal, whether the batch was applied or not:
// it is sent again, and its increments arrive once. In the meantime counters are
// served from memory.
func TestOddRepliesAcknowledgeNothing(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		for name, odd := range oddReplies {
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v", name, applied), func(t *testing.T) {
					t.Parallel()
					answersOddly(t, f, odd, applied)
				})
			}
		}
	})
}

func answersOddly(t *testing.T, f Family, odd lua.Reply, applied bool) {
	m := miniredis.RunT(t)
	e, s := meddleForTest(t, m.Addr(), unhurried)
	p := partitionForTest(t, e, f, DefaultNamespace)
	mustInc(t, e, f, "x", 1)
	mustFlush(t, e)
	served := make(chan error, 1)
	met := func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
		replies := []lua.Reply{odd}
		if applied {
			redis.Run(ctx, calls[:1])
		}
		for range calls[1:] {
			replies = append(replies, odd)
		}
		return replies
	}
	s.once(callsOf(applyOf(f)), met)
	// The batch comes again: before it does, look at what clients see.
	s.once(callsOf(applyOf(f)), func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
		var res [1]Result
		e.Get(ctx, f, []Key{keyOf("x")}, res[:])
		switch {
		case res[0].Err != nil:
			served <- res[0].Err
		case res[0].Value.Total != 6 || !p.away.Load():
			served <- fmt.Errorf("total %d, away %v", res[0].Value.Total, p.away.Load())
		default:
			served <- nil
		}
		return redis.Run(ctx, calls)
	})
	mustInc(t, e, f, "x", 5)
	flushes(t, e)
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("between the odd reply and the repeat: %v, want a total of 6 and Redis away", err)
		}
	default:
		t.Fatal("the batch was not sent again")
	}
	key := booksForTest(t, m, f).totalsKey()
	if got := m.HGet(key, "x"); got != "6" {
		t.Errorf("Redis has %s, accepted were 6", got)
	}
	if got := mustGet(t, e, f, "x"); got.Total != 6 {
		t.Errorf("the total reads %d, want 6", got.Total)
	}
}

// A read that is answered oddly is asked again.
func TestOddRepliesToReadsAreAskedAgain(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		for name, odd := range oddReplies {
			if name == "a strict status" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				far, m := startForTest(t, Options{InstanceID: "far"})
				mustInc(t, far, f, "x", 7)
				mustFlush(t, far)
				e, s := meddleForTest(t, m.Addr(), unhurried)
				read := func(calls []lua.Call) bool {
					return callsOf(lua.InstRead)(calls) || calls[0].Args[0] == "hmget"
				}
				s.once(read, func(context.Context, store, []lua.Call) []lua.Reply { return []lua.Reply{odd} })
				eventually(t, 5*time.Second, "the total", func() bool {
					var res [1]Result
					e.Get(t.Context(), f, []Key{keyOf("x")}, res[:])
					if res[0].Err != nil && !strings.HasPrefix(res[0].Err.Error(), "LOADING ") {
						t.Fatalf("GET: %v", res[0].Err)
					}
					return res[0].Err == nil && res[0].Value.Total == 7
				})
				if n := s.left(); n != 0 {
					t.Error("no read was answered oddly")
				}
			})
		}
	})
}

// Of a strict command that was answered oddly the outcome is unknown, and it is
// not sent again.
func TestOddRepliesToStrictCommands(t *testing.T) {
	onFamilies(t, []Family{StrictInstance, StrictPlain}, func(t *testing.T, f Family) {
		for name, odd := range oddReplies {
			if odd.Err != nil || name == "a strict status" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := miniredis.RunT(t)
				e, s := meddleForTest(t, m.Addr(), unhurried)
				mustInc(t, e, f, "x", 1)
				s.once(callsOf(applyOf(f)), func(ctx context.Context, redis store, calls []lua.Call) []lua.Reply {
					redis.Run(ctx, calls)
					return []lua.Reply{odd}
				})
				if r := operateOn(t, e, f, opInc, "x", 5); r.Err != ErrUnknown {
					t.Errorf("INC: %v, want %v", r.Err, ErrUnknown)
				}
				if got := m.HGet(booksForTest(t, m, f).totalsKey(), "x"); got != "6" {
					t.Errorf("Redis has %s, want 6", got)
				}
			})
		}
	})
}

// applyOf is the script that changes counters of a family.
func applyOf(f Family) *lua.Script {
	if f.InstanceAware() {
		return lua.InstApply
	}
	return lua.PlainApply
}

// totalsKey is the hash of a family's totals.
func (b books) totalsKey() string {
	if b.f.InstanceAware() {
		return b.Cumulative()
	}
	return b.Totals()
}
