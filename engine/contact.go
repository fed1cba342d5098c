package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// Ping asks Redis once whether it answers.
func (e *Engine) Ping(ctx context.Context) error {
	reply := e.call(ctx, lua.Command("ping"))[0]
	if e.isStopped() { // a closed client says nothing of Redis
		return ErrClosed
	}
	if reply.Err != nil {
		e.unreachable(reply.Err)
		return reply.Err
	}
	e.reachable()
	return nil
}

// errAway is what a flusher that tries to reach Redis has to say.
var errAway = errors.New("engine: Redis did not answer the last attempt to flush or load, or does not serve; retrying")

// Reach tells whether Redis can be reached, and asks it unless a flusher is
// trying anyway: a Redis may answer PING and take no writes, and a PING's word
// would then contradict the flusher's. Nobody else asks while nothing is in
// memory, so that an error may stay until Reach is called again. At most
// command-timeout.
func (e *Engine) Reach(ctx context.Context) error {
	for _, p := range e.live() {
		if p.away.Load() && p.cells.Load() > 0 {
			return errAway
		}
	}
	return e.Ping(ctx)
}

// CheckRecorded compares this engine's settings with those recorded in Redis
// for any namespace; a difference is an error that says so.
func (e *Engine) CheckRecorded(ctx context.Context) error {
	reply := e.call(ctx, lua.Command("hgetall", lua.ConfigKey))[0]
	if reply.Err != nil {
		return reply.Err
	}
	recorded := make(map[string]string)
	for words := list(reply.Value); len(words) >= 2; words = words[2:] {
		recorded[word(words, 0)] = word(words, 1)
	}
	own := e.settings()
	for name := range recorded {
		namespace, _, _ := strings.Cut(name, ":")
		theirs := [2]string{recorded[namespace+":partitions"], recorded[namespace+":dead_after"]}
		if err := disagreement(namespace, own, theirs); err != nil {
			return err
		}
	}
	return nil
}

// unreachable notes that Redis did not answer, and says so once.
func (e *Engine) unreachable(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	e.stats.failures.Add(1)
	if redisError(err) == nil && !lua.NotSent(err) {
		e.opts.links.distrust()
	}
	now := e.now()
	// It may have been away since the last contact, which an idle proxy has only
	// with its heartbeats.
	since := max(e.lastContact.Load(), now-int64(min(maxBeat, e.opts.DeadAfter/2)), 1)
	if e.downSince.CompareAndSwap(0, since) {
		if code := redisError(err); code != nil {
			e.log.Warn("Redis answers and does not serve; retrying", "error", err)
		} else {
			e.log.Warn("Redis cannot be reached; retrying", "error", err)
		}
	}
}

// silence is for how long Redis has not been reached.
func (e *Engine) silence(now int64) time.Duration {
	if since := e.downSince.Load(); since != 0 {
		return time.Duration(now - since)
	}
	return 0
}

// meet tries to reach Redis until it does, and then does what has to be done
// once: it compares settings, warns of an eviction policy, and takes over what an earlier process
// with this instance's id has left.
func (e *Engine) meet() {
	for pause := minBackoff; ; pause = min(2*pause, maxBackoff) {
		if e.Ping(e.ctx) == nil {
			break
		}
		select {
		case <-time.After(pause):
		case <-e.ctx.Done():
			return
		}
	}
	if err := e.CheckRecorded(e.ctx); errors.Is(err, ErrSettings) {
		e.log.Error("other proxies have other settings; the namespace is refused", "error", err)
	}
	e.warnOfEviction()
	for pause := minBackoff; !e.takeOver(); pause = min(2*pause, maxBackoff) {
		select {
		case <-time.After(pause):
		case <-e.ctx.Done():
			return
		}
	}
}

// takeOver keeps alive, or has moved back, the slices that an earlier process
// with this instance's id has left in any recorded namespace. False: Redis did
// not answer, try again.
func (e *Engine) takeOver() bool {
	reply := e.call(e.ctx, lua.Command("hkeys", lua.ConfigKey))[0]
	if reply.Err != nil {
		return asRefusal(reply.Err) != nil
	}
	for _, field := range list(reply.Value) {
		text, _ := field.(string)
		namespace, found := strings.CutSuffix(text, ":partitions")
		if !found {
			continue
		}
		for _, f := range []Family{LaxInstance, StrictInstance} {
			for i := range e.opts.Partitions {
				keys := lua.NewKeys(namespace, f.Container(), i, e.opts.Partitions)
				reply := e.call(e.ctx, lua.Command("exists", keys.Slices(e.opts.InstanceID), keys.Buried(e.opts.InstanceID)))[0]
				if reply.Err != nil && asRefusal(reply.Err) == nil {
					return false
				}
				if n, _ := reply.Value.(int64); n == 0 {
					continue
				}
				parts, err := e.partitions(f, []byte(namespace))
				if err != nil {
					e.log.Warn("slices of an earlier process are not taken over", "namespace", namespace, "error", err)
					continue
				}
				parts[i].beatAt.Store(e.now())
				parts[i].kick()
			}
		}
	}
	return true
}

// reachable notes that Redis answered. After a long silence others may seem
// dead that only were as cut off as this proxy: nobody is buried for a while.
func (e *Engine) reachable() {
	e.met.Store(true)
	e.lastContact.Store(e.now())
	since := e.downSince.Load()
	if since == 0 || !e.downSince.CompareAndSwap(since, 0) {
		return
	}
	now := e.now()
	silence := time.Duration(now - since)
	if silence >= e.opts.DeadAfter/2 {
		e.noBurialBefore.Store(now + int64(e.opts.DeadAfter))
	}
	e.askAgain() // it may have lost what was recorded
	e.hear()
	e.log.Info("Redis is back", "after", silence.Round(time.Millisecond))
}

// Heard notes that Redis has answered somebody else who shares it with the
// engine. While Redis is away the next attempt to reach it is made at once, and
// what needs Redis waits for that: a client that Redis has just answered is not
// told that Redis cannot be reached.
func (e *Engine) Heard() {
	if e.downSince.Load() != 0 {
		e.hear()
	}
}

func (e *Engine) hear() {
	for _, p := range e.live() {
		p.hear()
	}
}

// warnOfEviction says that exactly once cannot be promised where Redis may
// evict batch records.
func (e *Engine) warnOfEviction() {
	reply := e.call(e.ctx, lua.Command("info", "memory"))[0]
	text, _ := reply.Value.(string)
	_, policy, found := strings.Cut(text, "maxmemory_policy:")
	if policy, _, _ = strings.Cut(policy, "\r"); found && policy != "noeviction" {
		e.log.Warn("Redis may evict keys, so counters and the records that keep them exact can vanish; set maxmemory-policy noeviction",
			"maxmemory_policy", policy)
	}
}
