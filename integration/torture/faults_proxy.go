package main

import (
	"context"
	"fmt"
	"time"
)

// stopProxy pauses a proxy for so long that the others bury it.
func stopProxy(_ context.Context, t *torture, in injection) error {
	p := t.field.proxies[in.target]
	p.pause()
	<-time.After(in.length)
	p.resume()
	return nil
}

// killProxy ends a proxy with what it has in memory; the next is the same
// instance or another.
func killProxy(ctx context.Context, t *torture, in injection) error {
	p := t.field.proxies[in.target]
	p.kill()
	t.ended(p, true, in.lot%2 == 0)
	<-time.After(in.length)
	return p.start(ctx)
}

// terminateProxy stops a proxy under load: what it acknowledged is in Redis
// then or, if it could not be, in the proxy's log.
func terminateProxy(ctx context.Context, t *torture, in injection) error {
	p := t.field.proxies[in.target]
	calm := t.calmFor(p)
	p.terminate()
	code := p.wait(shutdownTimeout + 5*time.Second)
	calm = calm && t.calmFor(p)
	where := account{id: p.instance()}
	switch {
	case p.running():
		t.violation(violation{kind: "liveness", account: where, text: fmt.Sprintf("%s has not stopped %v after SIGTERM", p.name, shutdownTimeout+5*time.Second)})
		p.kill()
		t.ended(p, true, in.lot%2 == 0)
		return p.start(ctx)
	case code != 0 && calm:
		t.violation(violation{kind: "stop", account: where, text: fmt.Sprintf("%s stopped with exit code %d and nothing was wrong, see %s", p.name, code, p.logPath)})
	case code != 0 && code != 1:
		t.violation(violation{kind: "stop", account: where, text: fmt.Sprintf("%s stopped with exit code %d, see %s", p.name, code, p.logPath)})
	}
	lost, err := p.lostLines()
	if err != nil {
		return err
	}
	if code == 0 && len(lost) > 0 {
		t.violation(violation{kind: "stop", account: where, text: fmt.Sprintf("%s lost %d counters and stopped with exit code 0", p.name, len(lost))})
	}
	if err := t.takeLost(p, lost); err != nil {
		return err
	}
	t.ended(p, false, in.lot%2 == 0)
	<-time.After(in.length)
	return p.start(ctx)
}

// takeLost enters what a proxy said at its end that it could not flush.
func (t *torture) takeLost(p *proxyServer, lost []lostLine) error {
	for _, l := range lost {
		prefix, err := prefixOf(l.Family)
		if err != nil {
			return err
		}
		counter := l.Namespace + ":" + l.Counter
		if l.Namespace == "distkit" || prefix == ordinary {
			counter = l.Counter
		}
		a := account{p.instance(), prefix, counter}
		t.stats.lostAtStop.Add(1)
		t.history.add(event{at: time.Now(), place: p.place, id: a.id, family: prefix, counter: counter,
			what: fmt.Sprintf("said to be lost at its stop: %+d", l.Delta), is: unknown})
		if !t.solos[p.place].lost(prefix, counter) {
			t.ledger.lost(a, l.Delta, rising(counter))
		}
	}
	return nil
}

// ended enters that a proxy's process is gone. lost: with what it had in
// memory. renamed: the next one is another instance.
func (t *torture) ended(p *proxyServer, lost, renamed bool) {
	if p.journaled {
		lost, renamed = false, false
	}
	end := func() { p.life.Add(1) }
	if lost {
		t.stats.doubts.Add(t.ledger.died(p.instance(), end))
	} else {
		t.ledger.stopped(p.instance(), end)
	}
	t.solos[p.place].ended(lost, renamed)
	if renamed {
		p.rename()
	}
}

// calmFor reports whether nothing is wrong that could keep a proxy from Redis.
func (t *torture) calmFor(p *proxyServer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for in := range t.active {
		if in.fault.lane == laneLink || in.fault.lane == laneProxy {
			if in.target != p.place {
				continue
			}
			if in.fault.lane == laneProxy {
				continue // this one
			}
		}
		return false
	}
	aftermath := 2 * time.Second
	if len(t.field.sentinels) > 0 {
		// Sentinel takes ten seconds to make a former master the replica that
		// flushes wait for.
		aftermath = 20 * time.Second
	}
	return time.Since(t.disturbed) > aftermath
}
