package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/distkit/distkit-proxy/lua"
	"github.com/google/uuid"
)

// maxBeat is the longest time between two heartbeats.
const maxBeat = 15 * time.Second

// restorePiece is the most counters moved back by one script.
const restorePiece = 500

// beaten notes that Redis has just marked this instance alive.
func (p *partition) beaten(now int64) {
	p.beatAt.Store(now + int64(min(maxBeat, p.e.opts.DeadAfter/2)))
}

// beat sends a heartbeat, and renews the batch record. Only the flusher calls
// it, with no batch in flight.
func (p *partition) beat(ctx context.Context) {
	me := p.e.opts.InstanceID
	call := lua.InstBeat.Call([]string{
		p.keys.Instances(), p.keys.Epochs(), p.keys.Buried(me), p.keys.Slices(me), p.record(),
	}, me, p.deadMillis(), p.ttl())
	due := p.beatAt.Load()
	for {
		reply := p.e.call(ctx, call)[0]
		out := answer{err: reply.Err}
		if reply.Err == nil {
			out = p.parseHead(list(reply.Value))
		}
		if out.err == nil && out.status == "buried" {
			out.err = p.restore(ctx)
			if out.err == nil {
				continue
			}
		}
		if out.err == nil && out.status != "ok" && out.status != "none" {
			out.err = fmt.Errorf("engine: status %q to a heartbeat", out.status)
		}
		if out.err != nil {
			p.beatFailed(out.err)
			return
		}
		p.setBack()
		p.noteMark(out.mark, false)
		p.alive.Store(out.alive)
		if out.status == "none" && p.strictly.Load() == 0 {
			// Unless a strict command has left a slice meanwhile, and noted it.
			p.beatAt.CompareAndSwap(due, 0)
		} else {
			p.beaten(p.e.now())
			p.usedAt = p.e.now()
		}
		if out.dead != "" {
			p.bury(out.dead)
		}
		return
	}
}

func (p *partition) beatFailed(err error) {
	if asRefusal(err) == nil {
		p.setAway(err)
		return
	}
	p.e.log.Warn("heartbeat refused", "namespace", p.space.name, "family", p.family.String(), "error", err)
	p.beaten(p.e.now())
}

// restore moves back what a burial took while this instance was only paused or
// cut off, in numbered steps. A step without an answer is repeated, with its
// number, by the next call. The caller holds presence.
func (p *partition) restore(ctx context.Context) error {
	p.restoring = true
	for {
		number := strconv.FormatUint(p.applied+1, 10)
		if j := p.journal(); j != nil {
			j.stepping(p, p.applied+1)
		}
		keys := append(p.ownKeys(), p.record())
		step := lua.InstRestore.Call(keys, number, p.ttl(), p.e.opts.InstanceID, restorePiece)
		replies := p.e.call(ctx, append([]lua.Call{step}, p.e.waitReplicas()...)...)
		if err := replies[0].Err; err != nil {
			return err
		}
		words := list(replies[0].Value)
		if len(words) < 6 {
			return errors.New("engine: short reply to a restoring step")
		}
		if err := p.e.confirmed(replies[1:]); err != nil {
			return err
		}
		switch word(words, 0) {
		case "gap":
			if err := p.checkGap(p.applied+1, word(words, 1)); err != nil {
				return err
			}
			p.lostRecord(word(words, 1))
			continue
		case "batch":
			// A late copy of the batch that waits for this took the number: the batch
			// was applied, and is told so when it is sent again.
			p.restoring = false
			return nil
		case "ok", "seen":
			p.applied++
			p.ran()
		default:
			return fmt.Errorf("engine: status %q to a restoring step", word(words, 0))
		}
		moved, _ := words[3].(int64)
		more, _ := words[4].(int64)
		if dropped, _ := words[5].(int64); dropped > 0 {
			p.e.log.Warn("slices could not be moved back: their counters are no integers, or would overflow",
				"namespace", p.space.name, "family", p.family.String(), "counters", dropped)
		}
		p.e.stats.restored.Add(uint64(moved))
		p.noteMark(word(words, 2), false)
		if more == 0 {
			break
		}
	}
	p.restoring = false
	p.e.log.Info("was taken for dead; slices moved back", "namespace", p.space.name, "family", p.family.String())
	p.forgetAll()
	p.beaten(p.e.now())
	p.kick()
	return nil
}

// noteMark compares the partition's mark with what it was. Another one means
// that all counters were cleared or lost: what is known of them is void. own
// says that this proxy has just changed the mark itself.
func (p *partition) noteMark(mark string, own bool) {
	if mark == p.mark || !p.family.InstanceAware() {
		return
	}
	known := p.mark != ""
	p.mark = mark
	if known && !own {
		p.forgetAll()
	}
}

// forgetAll has every counter in memory loaded before it is answered again.
func (p *partition) forgetAll() {
	p.eachCell(func(_ *shard, c *cell) { c.forget() })
}

// lostRecord deals with a batch record that is not where it should be: Redis
// was flushed, restored or failed over without its last writes. The batch has
// not been applied to what is there now, so a new run sends it as its first.
func (p *partition) lostRecord(last string) {
	p.e.stats.recordsLost.Add(1)
	p.e.log.Warn("Redis has lost a batch record; starting a new run", "namespace", p.space.name,
		"family", p.family.String(), "last applied here", p.applied, "last applied in Redis", last)
	p.newRun()
	p.e.askAgain()
}

func (p *partition) newRun() {
	p.run, p.applied = uuid.NewString(), 0
	p.ran()
}

// renewRun starts a new run after a pause so long that the record may have
// expired. There must be nothing in flight.
func (p *partition) renewRun() {
	if p.applied > 0 && !p.restoring && p.e.now()-p.usedAt > int64(recordTTL/2) {
		p.newRun()
	}
}

// without is ids less one of them.
func without(ids []string, id string) []string {
	kept := make([]string, 0, len(ids))
	for _, other := range ids {
		if other != id {
			kept = append(kept, other)
		}
	}
	return kept
}
