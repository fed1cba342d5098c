package main

import (
	"context"

	"github.com/distkit/distkit-proxy/engine"
)

// maxLostLines bounds the lines about lost increments at the end.
const maxLostLines = 100

// stop ends everything within the shutdown timeout and reports whether every
// client was answered and every increment reached Redis.
//
// Senders stop before receivers: listeners and sessions, so that nothing more
// is accepted; the engine, which flushes what was; then the embedded Redis, into
// which it flushes, or the connections to a master. Health checks say that it
// drains from the first moment, and answer to the last.
func (p *process) stop() bool {
	ctx, cancel := context.WithTimeout(context.Background(), p.shutdownTimeout)
	defer cancel()
	if p.admin != nil {
		p.admin.Drain()
		defer p.admin.Close()
	}

	clean := true
	// Sessions get half of the time: one that hangs must not take the flush's.
	sessions, done := context.WithTimeout(ctx, p.shutdownTimeout/2)
	defer done()
	if err := p.server.Shutdown(sessions); err != nil {
		p.log.Error("not every client was answered", "error", err.Error())
		clean = false
	}
	lost, err := p.engine.Close(ctx)
	switch {
	case len(lost) > 0 && lost[0].Kept:
		p.log.Error("not everything reached Redis; the rest is in the journal, and goes there at the next start", "counters", len(lost), "reason", lost[0].Reason)
		clean = false
	case len(lost) > 0:
		p.tellLost(lost)
		clean = false
	case err != nil:
		p.log.Error("the last flush failed", "error", err.Error())
		clean = false
	}
	// Serve returns with the last session, and the embedded Redis with its last
	// command: one that hangs must not hang the stop.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if p.master != nil {
			p.master.Close()
		}
		if p.embedded != nil {
			p.embedded.Close()
		}
		p.serving.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	if clean {
		p.log.Info("stopped; everything is flushed")
	}
	return clean
}

// tellLost logs the increments that were acknowledged and are not in Redis.
func (p *process) tellLost(lost []engine.Lost) {
	for i, l := range lost {
		if i == maxLostLines {
			break
		}
		log := p.log.With("namespace", l.Namespace, "family", l.Family.String(), "counter", l.Counter, "delta", l.Delta)
		if l.Slice {
			log = log.With("slice_set_to", l.Value)
		}
		log.Error("lost", "reason", l.Reason)
	}
	p.log.Error("acknowledged increments are lost", "counters", len(lost), "listed", min(len(lost), maxLostLines))
}
