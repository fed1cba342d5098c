package engine

import (
	"context"

	"github.com/distkit/distkit-proxy/lua"
)

// runStrict carries out operations of a strict partition in one atomic script,
// which is sent once: a lost reply is ErrUnknown, never a retry.
func (p *partition) runStrict(ctx context.Context, ops []*opReq) []Result {
	if err := p.space.agree(ctx, true); err != nil {
		return sameFailure(len(ops), p.e.strictError(err, false))
	}
	r := &round{ops: ops}
	if ops[0].kind >= opClear {
		r.clear, r.ops = ops[0], nil
	}
	graves := burySteps
	for range 1000 {
		p.presence.Lock()
		var call lua.Call
		if r.clear != nil {
			call = p.clearCall(r.clear.kind, "0")
		} else {
			call = p.applyCall("0", graves > 0, nil, ops)
		}
		p.presence.Unlock()
		reply := p.e.call(ctx, call)[0]
		out := p.parseBatch(r, reply)
		if out.err != nil {
			return sameFailure(len(ops), p.e.strictError(out.err, true))
		}
		p.e.reachable()
		// Every status but ok says that nothing was done yet.
		var err error
		switch out.status {
		case "ok":
			return p.strictResults(r, out)
		case "buried":
			err = p.restoreStrict(ctx)
		case "dead":
			graves, err = p.buryStrict(ctx, out.dead, graves)
		case "ids":
			p.presence.Lock()
			p.others = without(out.ids, p.e.opts.InstanceID)
			p.presence.Unlock()
		}
		if err != nil {
			return sameFailure(len(ops), p.e.strictError(err, false))
		}
	}
	return sameFailure(len(ops), ErrUnavailable)
}

func (p *partition) strictResults(r *round, out answer) []Result {
	if p.family.InstanceAware() {
		p.alive.Store(out.alive)
		if r.clear == nil && p.beatAt.Load() == 0 && writesSlices(r.ops) {
			p.beaten(p.e.now())
			p.kick()
		}
	}
	if r.clear != nil {
		return make([]Result, 1)
	}
	results := make([]Result, len(r.ops))
	for i := range results {
		results[i] = out.results[i].Result
	}
	return results
}

// writesSlices reports whether any of the operations may leave a slice behind.
func writesSlices(ops []*opReq) bool {
	for _, op := range ops {
		if op.kind != opGet && op.kind != opDel && op.kind != opDelI {
			return true
		}
	}
	return false
}

func (p *partition) restoreStrict(ctx context.Context) error {
	p.presence.Lock()
	defer p.presence.Unlock()
	return p.restore(ctx)
}

// buryStrict buries an instance as far as the given number of steps goes, and
// returns how many are left; the flusher does what remains.
func (p *partition) buryStrict(ctx context.Context, id string, steps int) (int, error) {
	b := burial{id: id, cursor: "0"}
	for b.id != "" {
		if steps--; steps <= 0 {
			p.presence.Lock()
			p.burial = b
			p.presence.Unlock()
			p.kick()
			return 0, nil
		}
		if err := p.buryStep(ctx, &b); err != nil {
			return steps, err
		}
	}
	return steps, nil
}

// strictError is what a client is told when a strict command failed; sent says
// whether the command itself may have left.
func (e *Engine) strictError(err error, sent bool) error {
	if refusal := asRefusal(err); refusal != nil {
		return refusal
	}
	e.unreachable(err)
	if code := redisError(err); code != nil {
		return code // Redis refused it: nothing was done
	}
	if sent && !lua.NotSent(err) {
		return ErrUnknown
	}
	return ErrUnavailable
}
