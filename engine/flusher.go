package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// flush is the partition's flusher: the goroutine that sends its batches and
// reads, one round at a time. It sleeps while there is nothing to do.
func (p *partition) flush(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := p.e.now()
		due := p.dueNext(now)
		if due <= now {
			p.work(ctx, now)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		var wait <-chan time.Time
		if due != whenever {
			timer.Reset(time.Duration(due - now))
			wait = timer.C
		}
		select {
		case <-p.wake:
		case <-wait:
		case <-ctx.Done():
			return
		}
	}
}

// whenever is a due time that never comes.
const whenever = 1<<63 - 1

func (p *partition) dueNext(now int64) int64 {
	p.presence.Lock()
	defer p.presence.Unlock()
	return p.due(now)
}

// due is when the flusher has to work next.
func (p *partition) due(now int64) int64 {
	at := int64(whenever)
	if p.flight != nil {
		at = now
	} else {
		p.mu.Lock()
		if len(p.groups)+p.loads.len()+len(p.hurry) > 0 {
			at = now
		}
		at = min(at, p.lineDueLocked())
		p.mu.Unlock()
		if len(p.stuck) > 0 {
			at = min(at, p.stuckDue())
		}
		if beat := p.beatAt.Load(); beat != 0 {
			at = min(at, beat)
		}
		if p.burial.id != "" {
			at = now
		}
	}
	if p.away.Load() && p.cells.Load() > 0 {
		at = now // what is in memory is served as it is, so find out when Redis is back
	}
	if at != whenever && (p.away.Load() || p.failed.Load() != nil) {
		at = max(at, p.tryAt.Load()) // nothing goes to Redis before the next attempt
	}
	if p.cells.Load() > 0 {
		next := now + p.sweepPause()
		if p.nextSwp == 0 || p.nextSwp > next {
			p.nextSwp = next
		}
	}
	if p.nextSwp != 0 {
		at = min(at, p.nextSwp)
	}
	return at
}

// lineDueLocked is when the queue has to be taken from: at once in the middle of
// a pass or for FLUSH, else one interval after the last pass began.
func (p *partition) lineDueLocked() int64 {
	switch {
	case len(p.queue) == 0:
		return whenever
	case p.popped < max(p.passTo, p.flushTo):
		return 0
	}
	return p.passFrom + p.interval
}

// work does whatever is due.
func (p *partition) work(ctx context.Context, now int64) {
	p.presence.Lock()
	defer p.presence.Unlock()
	if p.nextSwp != 0 && now >= p.nextSwp {
		p.sweep(now)
	}
	if (p.away.Load() || p.failed.Load() != nil) && now < p.tryAt.Load() {
		return
	}
	p.heard.Store(false)
	p.requeueStuck(now)
	p.mu.Lock()
	waiting := len(p.groups)+p.loads.len()+len(p.hurry) > 0 || p.lineDueLocked() <= now
	p.mu.Unlock()
	if p.flight != nil || waiting {
		p.round(ctx)
	} else if p.away.Load() {
		p.probe(ctx)
	}
	if beat := p.beatAt.Load(); beat != 0 && p.e.now() >= beat && p.flight == nil {
		p.beat(ctx)
	}
	if p.burial.id != "" {
		id := p.burial.id
		if err := p.buryStep(ctx, &p.burial); err != nil && asRefusal(err) == nil {
			p.setAway(err)
		} else if err != nil {
			p.e.log.Warn("a burial was refused", "namespace", p.space.name, "family", p.family.String(), "instance", id, "error", err)
		}
	}
}

// probe asks whether Redis is back, when there is nothing else to send.
func (p *partition) probe(ctx context.Context) {
	if reply := p.call(ctx, lua.Command("ping"))[0]; reply.Err != nil {
		p.setAway(reply.Err)
		return
	}
	p.setBack()
}

// round makes one exchange with Redis, or repeats the one that has not been
// answered.
func (p *partition) round(ctx context.Context) {
	r := p.flight
	if r == nil {
		p.renewRun()
		if r = p.build(p.e.now()); r == nil {
			return
		}
		p.flight = r
	} else if j := p.journal(); j != nil {
		j.keepUp(p, r)
	}
	if err := p.space.agree(ctx, len(r.carried) > 0 || certain(r.ops)); err != nil {
		p.roundFailed(r, err)
		return
	}
	if p.restoring { // a step of it is unanswered, and has the next number
		if err := p.restore(ctx); err != nil {
			p.roundFailed(r, err)
			return
		}
	}
	// Each answer other than the last brings the round a step further: a lost
	// record, a burial to undo, an instance not named.
	for range 1000 {
		out := p.exchange(ctx, r)
		if out.err != nil {
			undone := out.undone && !r.unsure
			r.unsure = r.unsure || r.write && asRefusal(out.err) == nil && !lua.NotSent(out.err)
			p.roundFailed(r, out.err)
			if p.family == Ordinary {
				p.turnAway(r, undone)
			}
			return
		}
		switch out.status {
		case "gap":
			if err := p.checkGap(p.applied+1, out.payload); err != nil {
				p.roundFailed(r, err)
				return
			}
			p.lostRecord(out.payload)
		case "buried":
			if err := p.restore(ctx); err != nil {
				p.roundFailed(r, err)
				return
			}
		case "ids":
			p.others = without(out.ids, p.e.opts.InstanceID)
		case "ok", "seen", "idle":
			if err := p.checkAnswer(r, out.status); err != nil {
				p.roundFailed(r, err)
				return
			}
			if out.status == "ok" && r.write { // something was written: if it was the first time, say so
				_ = p.space.agree(ctx, true)
			}
			p.settle(r, out)
			return
		default:
			r.unsure = r.unsure || r.write
			p.roundFailed(r, fmt.Errorf("engine: status %q to a batch of a lax family", out.status))
			return
		}
	}
	p.roundFailed(r, &Error{"ERR", "distkit: Redis keeps asking for other steps before a batch"})
}

// end tells the groups whose last operation was in the round.
func (p *partition) end(r *round) {
	p.mu.Lock()
	for _, group := range r.ends {
		close(group.done)
	}
	p.mu.Unlock()
	r.ends = nil
}
