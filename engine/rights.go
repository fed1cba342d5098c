package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/distkit/distkit-proxy/lua"
)

// rights knows whether the proxy's Redis user may run every command that the
// scripts use. Redis does not roll a script back: one that is denied a command
// half-way leaves a batch half applied, and repeating it would count twice. So
// this is asked before the first script, and again when Redis denied something.
type rights struct {
	known atomic.Bool
	mu    sync.Mutex // one asks, the others wait
}

// needed is what the scripts run after their first write, with arguments that
// Redis accepts for each; "" stands for a key.
var needed = [][]any{
	{"hset", "", "f", "1"}, {"hsetnx", "", "f", "1"}, {"hdel", "", "f"}, {"hget", "", "f"}, {"hlen", ""},
	{"sadd", "", "m"}, {"srem", "", "m"}, {"zadd", "", "1", "m"}, {"zrem", "", "m"}, {"zcount", "", "0", "1"},
	{"set", "", "1"}, {"unlink", ""}, {"pexpire", "", "1"}, {"time"},
}

// deniedError is Redis' NOPERM, found by asking.
type deniedError string

func (e deniedError) Error() string { return "NOPERM " + string(e) }

// RedisError makes it one of Redis' own errors.
func (deniedError) RedisError() {}

// allowed returns nil when the scripts may run, as far as Redis tells: before
// 7.0 it does not.
func (e *Engine) allowed(ctx context.Context) error {
	if e.rights.known.Load() {
		return nil
	}
	e.rights.mu.Lock()
	defer e.rights.mu.Unlock()
	if e.rights.known.Load() {
		return nil
	}
	reply := e.store.Run(ctx, []lua.Call{lua.Command("acl", "whoami")})[0]
	user, named := reply.Value.(string)
	if cannotTell(reply.Err) {
		return reply.Err
	}
	if named && reply.Err == nil {
		key := lua.NewKeys(e.opts.Namespace, LaxInstance.Container(), 0, e.opts.Partitions).Cumulative()
		if err := e.dryRun(ctx, user, key); err != nil {
			return err
		}
		if err := e.mayRecord(ctx, user); err != nil {
			return err
		}
	}
	e.rights.known.Store(true)
	return nil
}

// cannotTell reports whether Redis did not answer, or is in no state to: then
// it is asked again. A Redis that does not know the question, or does not let us
// ask, is not.
func cannotTell(err error) bool {
	return err != nil && asRefusal(err) == nil && !denied(err)
}

func (e *Engine) dryRun(ctx context.Context, user, key string) error {
	return e.dryRunOf(ctx, user, key, needed)
}

// mayRecord asks for what a batch of ordinary keys writes after them. Whether they
// themselves may be changed the script finds out, one by one.
func (e *Engine) mayRecord(ctx context.Context, user string) error {
	if !e.HasLax() {
		return nil
	}
	return e.dryRunOf(ctx, user, lua.StringRecord(e.opts.InstanceID, "run"), [][]any{{"set", "", "1"}})
}

func (e *Engine) dryRunOf(ctx context.Context, user, key string, needed [][]any) error {
	if e.opts.WaitReplicas > 0 {
		needed = append(needed[:len(needed):len(needed)], []any{"wait", "1", "1"})
	}
	calls := make([]lua.Call, len(needed))
	for i, words := range needed {
		line := []any{"acl", "dryrun", user}
		for _, w := range words {
			if w == "" {
				w = key
			}
			line = append(line, w)
		}
		calls[i] = lua.Command(line...)
	}
	for _, reply := range e.store.Run(ctx, calls) {
		switch text, _ := reply.Value.(string); {
		case cannotTell(reply.Err):
			return reply.Err
		case reply.Err != nil: // this Redis cannot be asked, or not by us
			return nil
		case text != "OK" && text != "":
			return deniedError("distkit: the proxy's user in Redis lacks rights: " + text)
		}
	}
	return nil
}
