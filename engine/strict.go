package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/distkit/distkit-proxy/lua"
)

// runStrict carries out operations of a strict partition in one atomic script,
// which is sent once: a lost reply is ErrUnknown, never a retry; so is, as
// ErrUnreplicated, one that too few replicas have.
func (p *partition) runStrict(ctx context.Context, ops []*opReq) []Result {
	if err := p.space.agree(ctx, certain(ops)); err != nil {
		return sameFailure(len(ops), p.e.strictError(err, false))
	}
	r := &round{ops: ops}
	if ops[0].kind >= opClear {
		r.clear, r.ops = ops[0], nil
	}
	graves := burySteps
	for range 1000 {
		calls := []lua.Call{p.strictCall(r, graves > 0)}
		if r.clear != nil || !onlyGets(ops) {
			calls = append(calls, p.e.waitReplicas()...)
		}
		replies := p.e.call(ctx, calls...)
		out := p.parseBatch(r, replies[0])
		if out.err != nil {
			return sameFailure(len(ops), p.e.strictError(out.err, true))
		}
		p.e.reachable()
		if out.status == "ok" { // something was written: if it was the first time, say so
			if err := p.space.agree(ctx, true); err != nil {
				p.e.log.Warn("cannot record the settings of a namespace", "namespace", p.space.name, "error", err)
			}
		}
		if out.done() {
			results := p.strictResults(r, out)
			if len(calls) > 1 && out.rests() {
				if err := p.e.confirmed(replies[1:]); err != nil {
					return withdraw(results, p.e.strictError(err, true))
				}
			}
			return results
		}
		// These say that nothing was done yet.
		var err error
		switch out.status {
		case "buried":
			err = p.restoreStrict(ctx)
		case "dead":
			graves, err = p.buryStrict(ctx, out.dead, graves)
		case "ids":
			p.presence.Lock()
			p.others = without(out.ids, p.e.opts.InstanceID)
			p.presence.Unlock()
		default:
			return sameFailure(len(ops), p.e.strictError(fmt.Errorf("engine: status %q to a strict command", out.status), true))
		}
		if err != nil {
			return sameFailure(len(ops), p.e.strictError(err, false))
		}
	}
	return sameFailure(len(ops), ErrUnavailable)
}

// strictCall is the script of a strict command; checkDead: it stops where there
// is a dead instance to bury.
func (p *partition) strictCall(r *round, checkDead bool) lua.Call {
	p.presence.Lock()
	defer p.presence.Unlock()
	send := strictly
	send.checkDead = checkDead
	if r.clear != nil {
		return p.clearCall(r.clear.kind, send)
	}
	return p.applyCall(send, nil, r.ops)
}

func (p *partition) strictResults(r *round, out answer) []Result {
	if p.family.InstanceAware() {
		p.alive.Store(out.alive)
		if r.clear == nil && leavesSlices(out.results) {
			first := p.beatAt.Load() == 0
			p.beaten(p.e.now()) // always: a heartbeat under way must not end them
			if first {
				p.kick()
			}
		}
	}
	if r.clear != nil {
		p.eachCell(func(s *shard, c *cell) { // what was remembered is void
			s.dropLocked(c)
			p.gained(-1)
		})
		return make([]Result, 1)
	}
	results := make([]Result, len(r.ops))
	for i := range results {
		results[i] = out.results[i].Result
		if p.family.InstanceAware() {
			p.remember(r.ops[i], &out.results[i])
		}
	}
	return results
}

// remember keeps what a strict operation showed of this instance's slice, for a
// while: by it a slice that the distkit crate leaves behind is recognised.
func (p *partition) remember(op *opReq, res *opResult) {
	if res.Err != nil {
		return
	}
	s := p.shardOf(hash([]byte(op.name)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	c, made := s.cellLocked([]byte(op.name))
	if made {
		p.gained(1)
		p.kick() // the flusher lets go of idle ones
	}
	c.touch(p.e.now())
	wrote := res.Applied && op.kind != opGet && (op.kind != opInc || op.n != 0)
	if c.loaded && !res.epoch.swept && res.epoch.n < c.epoch {
		return // the result of an earlier command, taken later
	}
	// One that only read under a moved epoch may have seen a void slice as zero.
	if !c.loaded || wrote || res.epoch.swept || res.epoch.n == c.epoch {
		c.base, c.epoch, c.loaded = res.Value, res.epoch.n, true
	}
}

// withdraw replaces the results of what was done by err: too few replicas have
// it. What was refused stays so.
func withdraw(results []Result, err error) []Result {
	for i := range results {
		if results[i].Err == nil {
			results[i] = Result{Err: err}
		}
	}
	return results
}

// onlyGets reports whether operations change nothing whatever they find.
func onlyGets(ops []*opReq) bool {
	for _, op := range ops {
		if op.kind != opGet {
			return false
		}
	}
	return true
}

// certain reports whether operations change something whatever they find.
func certain(ops []*opReq) bool {
	for _, op := range ops {
		switch {
		case op.cond.Op != None:
		case op.kind == opSet, op.kind == opSetI, op.kind == opInc && op.n != 0:
			return true
		}
	}
	return false
}

// leavesSlices reports whether this instance has a slice of any of the counters.
func leavesSlices(results []opResult) bool {
	for _, res := range results {
		if res.Value.Mine != 0 {
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
	e.undone(err)
	var u *unconfirmed
	if sent && errors.As(err, &u) {
		return ErrUnreplicated
	}
	if code := redisError(err); code != nil {
		return code // Redis refused it: nothing was done
	}
	if sent && !lua.NotSent(err) {
		return ErrUnknown
	}
	return ErrUnavailable
}
