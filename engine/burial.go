package engine

import (
	"context"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

const (
	buryPiece = 500            // the most counters of a dead instance that one script moves
	burySteps = 20             // scripts that a strict command waits for; the rest follows
	buriedTTL = 24 * time.Hour // how long a buried instance may come back
)

// burial is a dead instance being buried step by step. The zero value is none.
type burial struct {
	id     string
	cursor string
}

// mayBury is false for a while after Redis could not be reached: the others
// may have been cut off just as long, and need time to be heard again.
func (e *Engine) mayBury() bool {
	now := e.now()
	return now >= e.noBurialBefore.Load() && e.silence(now) < e.opts.DeadAfter/2
}

// bury has the flusher bury an instance, unless it is busy burying another.
func (p *partition) bury(id string) {
	if p.burial.id == "" && p.e.mayBury() {
		p.burial = burial{id: id, cursor: "0"}
	}
}

// buryStep takes one step of a burial; b is the zero value when it is over.
func (p *partition) buryStep(ctx context.Context, b *burial) error {
	id := b.id
	reply := p.e.call(ctx, lua.InstBury.Call([]string{
		p.keys.Cumulative(), p.keys.Instances(), p.keys.Epochs(), p.keys.Slices(id), p.keys.Buried(id),
	}, id, p.deadMillis(), b.cursor, buryPiece, buriedTTL.Milliseconds()))[0]
	if reply.Err != nil {
		*b = burial{}
		return reply.Err
	}
	words := list(reply.Value)
	status, cursor := word(words, 0), word(words, 1)
	if len(words) >= 3 {
		moved, _ := words[2].(int64)
		p.e.stats.buried.Add(uint64(moved))
		p.logLeftAlone(id, words[3:])
	}
	if status == "more" {
		b.cursor = cursor
		return nil
	}
	if status == "done" {
		p.e.log.Info("buried a dead instance", "namespace", p.space.name, "family", p.family.String(), "instance", id)
	}
	*b = burial{}
	return nil
}

// logLeftAlone reports counters whose total stays, because taking the dead
// instance's slice away would overflow.
func (p *partition) logLeftAlone(id string, counters []any) {
	if len(counters) == 0 {
		return
	}
	p.e.stats.burialOverflows.Add(uint64(len(counters)))
	names := make([]string, 0, 10)
	for i := range min(len(counters), cap(names)) {
		names = append(names, word(counters, i))
	}
	p.e.log.Warn("counters left alone by a burial: the subtraction would overflow", "namespace", p.space.name,
		"instance", id, "counters", len(counters), "first", strings.Join(names, " "))
}
