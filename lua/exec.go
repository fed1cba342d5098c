package lua

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Call is one command for Redis: a script with keys and arguments, or any
// other command when Script is nil.
type Call struct {
	Script *Script
	Args   []any // EVALSHA's own words included
}

// Begin begins a call of the script with so many keys and, about, arguments: the caller
// appends them, keys first. Pointers to strings and to int64 may stand for these, for
// as long as the call may be sent: a million of them need no memory of their own.
func (s *Script) Begin(keys, args int) Call {
	words := make([]any, 0, 3+keys+args)
	return Call{Script: s, Args: append(words, "evalsha", s.SHA, keys)}
}

// Call builds a call of the script.
func (s *Script) Call(keys []string, args ...any) Call {
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, "evalsha", s.SHA, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	return Call{Script: s, Args: append(words, args...)}
}

// Command builds a call of an ordinary command.
func Command(words ...any) Call { return Call{Args: words} }

// Reply is Redis' answer to a Call. A nil Err means that Value is the answer.
// An Err that is a redis.Error is Redis' own: the call was executed and
// refused. Any other Err means that the outcome is unknown or, where
// NotSent(Err) holds, that the call never left.
type Reply struct {
	Value any
	Err   error
}

// Executor runs calls on a go-redis client. Safe for concurrent use.
type Executor struct {
	client redis.UniversalClient
}

// NewExecutor returns an executor on client, which must have retries switched
// off: only the caller knows whether a call may be repeated.
func NewExecutor(client redis.UniversalClient) *Executor { return &Executor{client} }

// Run sends the calls in one pipeline on one connection and returns a reply for
// each. A script that Redis does not have is loaded, and the calls from there
// on are sent again: nothing of a call answered with NOSCRIPT was executed. The
// calls after it were executed, so only what may be repeated, reads and WAIT, may
// stand behind a script. Script and call travel together: another connection may
// lead to another server, after a failover.
func (e *Executor) Run(ctx context.Context, calls []Call) []Reply {
	replies := e.send(ctx, calls)
	if i := forgotten(replies); i >= 0 {
		calls = calls[i:]
		replies = append(replies[:i], e.reload(ctx, calls)...)
	}
	if i := forgotten(replies); i >= 0 { // flushed between the load and the call
		again := e.send(ctx, whole(calls[len(calls)-(len(replies)-i):]))
		replies = append(replies[:i], again...)
	}
	return replies
}

// reload loads the scripts of the calls and sends the calls.
func (e *Executor) reload(ctx context.Context, calls []Call) []Reply {
	loads := loadsOf(calls)
	replies := e.send(ctx, append(loads, calls...))
	loaded, replies := replies[:len(loads)], replies[len(loads):]
	for _, load := range loaded {
		if load.Err != nil && isNoScript(replies[0].Err) {
			replies[0].Err = load.Err
		}
	}
	return replies
}

// forgotten is the first call whose script Redis does not have, or -1.
func forgotten(replies []Reply) int {
	return slices.IndexFunc(replies, func(r Reply) bool { return isNoScript(r.Err) })
}

// whole are the calls with the scripts' text in the place of their hash: nothing
// can be forgotten between text and call.
func whole(calls []Call) []Call {
	calls = slices.Clone(calls)
	for i, call := range calls {
		if call.Script != nil {
			calls[i].Args = append([]any{"eval", call.Script.Source}, call.Args[2:]...)
		}
	}
	return calls
}

func (e *Executor) send(ctx context.Context, calls []Call) []Reply {
	replies := make([]Reply, len(calls))
	if len(calls) == 1 {
		replies[0].Value, replies[0].Err = e.client.Do(ctx, calls[0].Args...).Result()
		return replies
	}
	pipe := e.client.Pipeline()
	for _, call := range calls {
		pipe.Do(ctx, call.Args...)
	}
	commands, err := pipe.Exec(ctx)
	for i := range replies {
		if i >= len(commands) {
			replies[i].Err = err
			continue
		}
		replies[i].Value, replies[i].Err = commands[i].(*redis.Cmd).Result()
	}
	return replies
}

// loadsOf are the commands that load the scripts of the calls.
func loadsOf(calls []Call) (loads []Call) {
	loaded := make(map[*Script]bool)
	for _, call := range calls {
		if call.Script != nil && !loaded[call.Script] {
			loaded[call.Script] = true
			loads = append(loads, Command("script", "load", call.Script.Source))
		}
	}
	return loads
}

func isNoScript(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT")
}

// NotSent reports whether err says that a call never left for Redis, so that it
// was certainly not executed.
func NotSent(err error) bool {
	if errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrClosed) {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
