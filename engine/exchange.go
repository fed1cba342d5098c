package engine

import (
	"context"
	"strconv"
	"time"

	"github.com/distkit/distkit-proxy/lua"
	"github.com/google/uuid"
)

// recordTTL is how long Redis keeps a run's batch record after its last use. It
// outlives whatever may be repeated; a batch that is repeated later than that
// finds no record.
const recordTTL = 7 * 24 * time.Hour

// ttl is the record's time to live in ms.
func (p *partition) ttl() int64 {
	return max(recordTTL, 2*p.e.opts.MaxPendingAge).Milliseconds()
}

// exchange sends a round and reads its answers.
func (p *partition) exchange(ctx context.Context, r *round) answer {
	var calls []lua.Call
	wait := p.e.waitReplicas()
	if r.unsure {
		p.forgetLeft(r)
	}
	if r.write {
		if j := p.e.journal; j != nil {
			j.sending(p, r, p.applied+1)
		}
		calls = append(calls, p.batchCall(r))
		calls = append(calls, wait...)
		p.e.stats.scripts.Add(1)
		p.e.stats.carried.Add(uint64(len(r.carried)))
	}
	for at := 0; at < len(r.reads); at += readPiece {
		calls = append(calls, p.readCall(r.reads[at:min(at+readPiece, len(r.reads))]))
	}
	r.sentAt = p.e.now()
	replies := p.call(ctx, calls...)
	answered := replies[len(replies)-1].Err == nil

	var out answer
	if r.write {
		out = p.parseBatch(r, replies[0])
		p.clock.hear(r.sentAt, p.e.now(), out.clock)
		if out.err == nil && out.rests() {
			if err := p.e.confirmed(replies[1:]); err != nil {
				return answer{err: err}
			}
		}
		replies = replies[1+len(wait):]
	}
	if answered {
		p.timed(r)
	}
	if r.write && (out.err != nil || !out.done()) {
		return out
	}
	for i, reply := range replies {
		n := min(readPiece, len(r.reads)-i*readPiece)
		part := p.parseRead(n, reply)
		p.clock.hear(r.sentAt, p.e.now(), part.clock)
		if part.err != nil || part.status != "ok" {
			if !r.write {
				return part
			}
			out.readErr = part.err
			if part.err == nil { // buried between batch and read: ask again
				out.readErr = ErrLoading
			}
			return out
		}
		out.reads = append(out.reads, part.reads...)
		out.status, out.dead = cmpOr(out.status, part.status), cmpOr(part.dead, out.dead)
		out.mark, out.alive = part.mark, part.alive
	}
	return out
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// timed notes how long a round took. The longest counts, and fades: were it the
// last one, a base from a long round would be too old after a short one.
func (p *partition) timed(r *round) {
	took := p.e.now() - r.sentAt
	p.rtt.Store(max(took, p.rtt.Load()*7/8))
	if r.write {
		p.e.stats.noteLatency(took)
	}
}

// batchCall is the round's numbered batch.
func (p *partition) batchCall(r *round) lua.Call {
	send := sending{number: strconv.FormatUint(p.applied+1, 10)}
	if !r.unsure {
		send.first = 1
	}
	if r.clear != nil {
		return p.clearCall(r.clear.kind, send)
	}
	return p.applyCall(send, r.carried, r.ops)
}

// sending is how a script that changes counters is sent.
type sending struct {
	number    string // the batch's; "0" for a strict command
	first     int    // 1: no late copy of it can be about
	checkDead bool   // stop where there is a dead instance to bury
}

// strictly is how strict commands are sent: once, and without a number.
var strictly = sending{number: "0", first: 1}

// applyCall changes counters.
func (p *partition) applyCall(send sending, incs []carried, ops []*opReq) lua.Call {
	if p.family == Ordinary {
		return p.stringsCall(send, incs, ops)
	}
	if !p.family.InstanceAware() {
		call := lua.PlainApply.Begin(2, 4+2*len(incs)+5*len(ops))
		args := append(call.Args, p.keys.Totals(), p.record(), send.number, p.ttl(), send.first, len(incs))
		for i := range incs {
			args = append(args, &incs[i].c.name, &incs[i].ch.d)
		}
		for _, op := range ops {
			args = append(args, op.name, op.kind.String(), op.n, op.cond.Op.String(), op.cond.Operand)
		}
		call.Args = args
		return call
	}
	var others []string
	for _, op := range ops {
		if op.kind.voids() {
			others = p.others
			break
		}
	}
	check := 0
	if send.checkDead && p.e.mayBury() {
		check = 1
	}
	call := lua.InstApply.Begin(7+2*len(others), 9+len(others)+5*len(incs)+7*len(ops))
	args := call.Args
	for _, key := range append(append(p.ownKeys(), p.record()), p.othersKeys(others)...) {
		args = append(args, key)
	}
	args = append(args, send.number, p.ttl(), send.first, p.e.opts.InstanceID, p.deadMillis(), uuid.NewString(), check, len(others), len(incs))
	for _, id := range others {
		args = append(args, id)
	}
	for i := range incs {
		item := &incs[i]
		var set any = ""
		if item.ch.set {
			set = &item.ch.v
		}
		args = append(args, &item.c.name, &item.ch.d, set, &item.epoch, &item.slice)
	}
	for _, op := range ops {
		epoch, slice := p.remembered(op.name)
		args = append(args, op.name, op.kind.String(), op.n, op.cond.Op.String(), op.cond.Operand, epoch, slice)
	}
	call.Args = args
	return call
}

// remembered is the epoch and slice under which this proxy knows a counter, or
// "" and "" when it is not in memory.
func (p *partition) remembered(name string) (epoch, slice any) {
	s := p.shardOf(hash([]byte(name)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.named(name); c != nil && c.loaded {
		return c.epoch, c.base.Mine
	}
	return "", ""
}

// clearCall is CLEAR or CLEARI.
func (p *partition) clearCall(kind opKind, send sending) lua.Call {
	me := p.e.opts.InstanceID
	switch {
	case !p.family.InstanceAware():
		return lua.PlainClear.Call([]string{p.keys.Totals(), p.record()}, send.number, p.ttl(), send.first)
	case kind == opClearI:
		return lua.InstClearI.Call([]string{
			p.keys.Cumulative(), p.keys.Slices(me), p.keys.Instances(), p.keys.Epochs(), p.keys.Buried(me), p.record(),
		}, send.number, p.ttl(), send.first, me)
	}
	args := []any{send.number, p.ttl(), send.first, me, uuid.NewString()}
	for _, id := range p.others {
		args = append(args, id)
	}
	keys := append(p.ownKeys(), p.record())
	return lua.InstClear.Call(append(keys, p.othersKeys(p.others)...), args...)
}

// readCall reads counters and writes nothing.
func (p *partition) readCall(cells []*cell) lua.Call {
	if p.family == Ordinary {
		return stringsRead(cells)
	}
	if !p.family.InstanceAware() {
		words := make([]any, 0, 2+len(cells))
		words = append(words, "hmget", p.keys.Totals())
		for _, c := range cells {
			words = append(words, &c.name)
		}
		return lua.Command(words...)
	}
	me := p.e.opts.InstanceID
	args := make([]any, 0, 2+len(cells))
	args = append(args, me, p.deadMillis())
	for _, c := range cells {
		args = append(args, &c.name)
	}
	return lua.InstRead.Call([]string{
		p.keys.Cumulative(), p.keys.Slices(me), p.keys.Instances(), p.keys.Epochs(), p.keys.Buried(me),
	}, args...)
}

// ownKeys are the containers that most scripts begin with.
func (p *partition) ownKeys() []string {
	me := p.e.opts.InstanceID
	return []string{
		p.keys.Cumulative(), p.keys.Slices(me), p.keys.Instances(), p.keys.InUse(), p.keys.Epochs(), p.keys.Buried(me),
	}
}

// othersKeys are what SET, DEL and CLEAR touch of other instances.
func (p *partition) othersKeys(ids []string) []string {
	keys := make([]string, 0, 2*len(ids))
	for _, id := range ids {
		keys = append(keys, p.keys.Slices(id), p.keys.Buried(id))
	}
	return keys
}

func (p *partition) record() string {
	if p.family == Ordinary {
		return lua.StringRecord(p.e.opts.InstanceID, p.run)
	}
	return p.keys.Record(p.e.opts.InstanceID, p.run)
}

func (p *partition) deadMillis() int64 { return p.e.opts.DeadAfter.Milliseconds() }
