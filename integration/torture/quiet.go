package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// quietLimit is how long everything may take to become quiet once every fault
// is undone and nobody asks for anything: longer is a violation. A burial has
// to wait for dead_after twice, if all were cut off.
const quietLimit = time.Minute

// namespaces are all that are used.
func (t *torture) namespaces() []string {
	all := []string{"distkit", "page", "solo"}
	for _, p := range t.field.proxies {
		all = append(all, fmt.Sprintf("cleared%d", p.place))
	}
	return all
}

// alive are the ids of the instances.
func (t *torture) alive() (ids []string) {
	for _, p := range t.field.proxies {
		ids = append(ids, p.instance())
	}
	return ids
}

// quiet waits until everything has come to rest, all faults undone, and returns
// what lies in Redis then. An error says what did not come to rest.
func (t *torture) quiet(ctx context.Context) (b books, err error) {
	// What was asked for by clients that are gone by now has to be over.
	for _, p := range t.field.proxies {
		err := poll(ctx, quietLimit, func() error {
			n, err := p.info(ctx, "clients_connected")
			if err == nil && n > int64(p.admin.PoolStats().TotalConns) {
				err = fmt.Errorf("%s has %d clients", p.name, n)
			}
			return err
		})
		if err != nil {
			return b, err
		}
	}
	if err := t.field.fence(ctx); err != nil {
		return b, err
	}
	for _, p := range t.field.proxies {
		err := poll(ctx, quietLimit, func() error {
			if err := t.drained(ctx, p); err != nil {
				return err
			}
			if err := t.flush(p); err != nil {
				return fmt.Errorf("DK.FLUSH of %s: %w", p.name, err)
			}
			n, err := p.info(ctx, "pending_counters")
			if err == nil && n > 0 {
				err = fmt.Errorf("%s has %d pending counters", p.name, n)
			}
			return err
		})
		if err != nil {
			return b, err
		}
	}
	t.note("everything is flushed")
	was := ""
	err = poll(ctx, quietLimit, func() error {
		b, err = t.converged(ctx)
		if err != nil && err.Error() != was {
			was = err.Error()
			t.note("%s", was)
		}
		return err
	})
	return b, err
}

// drained makes sure that no operation of unknown outcome is still repeated by a
// proxy, a CLEAR for one, which no flush waits for: an operation behind it in
// the same partition is answered only after it.
func (t *torture) drained(ctx context.Context, p *proxyServer) error {
	for _, namespace := range t.namespaces() {
		for _, f := range families {
			if !lax(f.prefix) {
				continue
			}
			if err := p.admin.Do(ctx, f.prefix+"DEL", namespace+":none").Err(); err != nil {
				return fmt.Errorf("%sDEL in %s by %s: %w", f.prefix, namespace, p.name, err)
			}
		}
	}
	return p.drainedOrdinary(ctx)
}

// converged reads Redis and compares it with itself and with what the proxies
// say: the dead are buried, the living have everything back, totals are the
// sums of slices, and all proxies read what lies in Redis.
func (t *torture) converged(ctx context.Context) (b books, err error) {
	master, err := t.field.master(ctx)
	if err != nil {
		return b, err
	}
	if b, err = readBooks(ctx, master, t.namespaces(), t.alive()); err != nil {
		return b, err
	}
	var different error
	for _, p := range t.field.proxies { // all of them, as this is what makes them bury
		different = errors.Join(different, t.agrees(ctx, p, b))
	}
	buried, err := b.buried(ctx, master, t.namespaces(), t.alive())
	switch {
	case err != nil:
		return b, err
	case len(b.others) > 0:
		return b, fmt.Errorf("not buried yet: %v", b.others)
	case len(buried) > 0:
		return b, fmt.Errorf("not moved back yet: %v", buried)
	}
	if uneven := b.uneven(); len(uneven) > 0 {
		a := uneven[0]
		different = errors.Join(different, fmt.Errorf("%d totals are not the sum of the slices; %s%s is %d", len(uneven), a.family, a.counter, b.totals[a]))
	}
	return b, different
}

// agrees compares what a proxy reads with what lies in Redis. It asks for every
// counter there is and, to touch every namespace, one that there is not.
func (t *torture) agrees(ctx context.Context, p *proxyServer, b books) error {
	c := &plainConn{addr: p.addr}
	defer c.close()
	for _, f := range families {
		var counters []string
		for a := range b.totals {
			if a.family == f.prefix {
				counters = append(counters, a.counter)
			}
		}
		for _, namespace := range t.namespaces() {
			counters = append(counters, namespace+":none")
		}
		slices.Sort(counters)
		words := []any{f.prefix + "MGET"}
		for _, counter := range counters {
			words = append(words, counter)
		}
		reply := c.do(ctx, [][]any{words})[0]
		values, ok := reply.value.([]any)
		if reply.err != nil || !ok || len(values) != len(counters) {
			return fmt.Errorf("%s: %sMGET: %v, %w", p.name, f.prefix, reply.value, reply.err)
		}
		for i, counter := range counters {
			got, err := readReply(f.prefix, false, values[i])
			if err != nil {
				return fmt.Errorf("%s: %s%s: %w", p.name, f.prefix, counter, err)
			}
			total := b.totals[account{family: f.prefix, counter: counter}]
			mine := b.slices[account{p.instance(), f.prefix, counter}]
			if got.total != total || got.mine != mine {
				return fmt.Errorf("%s reads %s%s as %d, mine %d; Redis has %d, %d", p.name, f.prefix, counter, got.total, got.mine, total, mine)
			}
		}
	}
	return p.agreesOnOrdinary(ctx, b)
}
