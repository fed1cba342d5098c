package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// unconfirmed is the error of what Redis has carried out while fewer replicas
// than asked for said in time that they have it. To whoever sent it, it is as
// good as unanswered: should a replica become the master, it may be gone.
type unconfirmed struct {
	have int64
	want int
	err  error // why Redis did not even count them, or nil
}

func (u *unconfirmed) Error() string {
	if u.err != nil {
		return "engine: no answer to WAIT: " + u.err.Error()
	}
	return fmt.Sprintf("engine: %d of %d replicas have it", u.have, u.want)
}

// waitReplicas are the calls to stand right behind a script whose writes must
// not be lost with the master: none without Options.WaitReplicas.
func (e *Engine) waitReplicas() []lua.Call {
	if e.opts.WaitReplicas == 0 {
		return nil
	}
	return []lua.Call{lua.Command("wait", e.opts.WaitReplicas, e.waitTimeout().Milliseconds())}
}

// waitTimeout ends while there is time left for the answer: a WAIT that hears of
// too few replicas must not look like a Redis that hangs. It is never 0, which
// would be for ever.
func (e *Engine) waitTimeout() time.Duration {
	return max(e.opts.CommandTimeout/2, time.Millisecond)
}

// confirmed reads the answers to waitReplicas and returns nil when enough
// replicas have what was written. Not even an error of Redis' is a refusal: the
// script before it was carried out.
func (e *Engine) confirmed(replies []lua.Reply) error {
	if e.opts.WaitReplicas == 0 {
		return nil
	}
	reply := replies[0]
	have, _ := reply.Value.(int64)
	if reply.Err == nil && have >= int64(e.opts.WaitReplicas) {
		if e.lacking.CompareAndSwap(true, false) {
			e.log.Info("enough replicas confirm again", "replicas", have, "wait_replicas", e.opts.WaitReplicas)
		}
		return nil
	}
	return &unconfirmed{have, e.opts.WaitReplicas, reply.Err}
}

// undone notes why something did not get through: Redis was not reached, or did
// not answer, or too few of its replicas have it.
func (e *Engine) undone(err error) {
	var u *unconfirmed
	if !errors.As(err, &u) {
		e.unreachable(err)
		return
	}
	if u.err != nil && redisError(u.err) == nil {
		e.unreachable(u.err)
		return
	}
	e.reachable()
	e.stats.replicaWaits.Add(1)
	if e.lacking.CompareAndSwap(false, true) {
		log := e.log.With("replicas", u.have, "wait_replicas", u.want)
		if u.err != nil {
			log = log.With("error", u.err)
		}
		log.Warn("too few replicas confirm; what is flushed counts as unanswered until they do")
	}
}
