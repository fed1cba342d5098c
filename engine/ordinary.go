package engine

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Number is what an ordinary key reads.
type Number struct {
	N       int64
	Missing bool
	// Foreign says that it has to be asked Redis itself, by whoever wants to know: it is
	// nothing that INCR accepts, or nothing that the proxy's own user may look at.
	Foreign bool
	// Err is why there is no answer; nothing has changed then.
	Err error
}

// errForeign marks a key that is not answered from memory.
var errForeign = &Error{"ERR", "value is not an integer or out of range"}

// errHeld says that somebody holds the key.
var errHeld = errors.New("engine: the key is held")

// place is where ordinary keys of one pace lie.
type place struct{ db, pace int }

// IncrBy adds to an ordinary key that is lax, in memory or, while somebody holds
// it, in Redis: exactly once either way. Foreign: nothing was done, and the command
// is to be sent to Redis as it is.
func (e *Engine) IncrBy(ctx context.Context, db int, key []byte, delta int64) Number {
	n, done := e.IncrWarm(ctx, db, key, delta)
	if !done {
		var out [1]Number
		e.IncrTogether(ctx, db, []Add{{key, delta}}, out[:])
		n = out[0]
	}
	return n
}

// Read reads ordinary keys that are lax, those that are not in memory in one
// round trip. What keys[i] reads is in out[i].
func (e *Engine) Read(ctx context.Context, db int, keys [][]byte, out []Number) {
	came := e.now()
	if len(keys) > 1 && e.anyColdKey(db, keys, came) {
		beforeWait(ctx)
		e.AskKeys(db, keys)
	}
	var asked map[*partition]*opGroup
	for i, key := range keys {
		p, n := e.readKey(ctx, db, key, came)
		if p == nil {
			out[i] = n
			continue
		}
		if asked == nil {
			asked = make(map[*partition]*opGroup, 1)
		}
		group := asked[p]
		if group == nil {
			group = newGroup()
			asked[p] = group
		}
		group.ops = append(group.ops, &opReq{kind: opGet, name: string(key)})
		group.at = append(group.at, i)
	}
	if asked == nil {
		return
	}
	beforeWait(ctx)
	for p, group := range asked {
		for i, res := range p.runGroup(ctx, group) {
			out[group.at[i]] = readResult(res)
		}
	}
}

// AskKeys has lax ordinary keys loaded, without waiting, so that they come with
// whatever is waited for next.
func (e *Engine) AskKeys(db int, keys [][]byte) {
	for _, key := range keys { // those that are not lax are passed over
		if p, err := e.ordinary(db, key); err == nil && p.ask(key, hash(key), len(keys) > fewKeys) {
			p.kick()
		}
	}
}

// WaitsForReplicas reports whether replicas have to confirm what is flushed.
func (e *Engine) WaitsForReplicas() bool { return e.opts.WaitReplicas > 0 }

// Known is what is known of an ordinary key without asking.
type Known uint8

const (
	Unknown   Known = iota // not in memory
	IsNumber               // a number, or missing, when Redis was asked last
	IsForeign              // see Number
)

// KnownOf tells what is known of a lax ordinary key.
func (e *Engine) KnownOf(db int, key []byte) Known {
	p, err := e.ordinary(db, key)
	if err != nil {
		return IsForeign
	}
	s := p.shardOf(hash(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c := s.get(key); {
	case c == nil || !c.loaded:
		return Unknown
	case c.err() != nil:
		return IsForeign
	}
	return IsNumber
}

// anyColdKey reports whether one of the keys cannot be answered as it is.
func (e *Engine) anyColdKey(db int, keys [][]byte, came int64) bool {
	for _, key := range keys {
		p, err := e.ordinary(db, key)
		if err != nil || p.away.Load() || p.failed.Load() != nil {
			continue
		}
		s := p.shardOf(hash(key))
		s.mu.Lock()
		c := s.get(key)
		cold := c == nil || !p.servableLocked(c, came, came-p.maxAge())
		s.mu.Unlock()
		if cold {
			return true
		}
	}
	return false
}

// readKey reads a key in memory, or returns the partition that has to have Redis read
// it, in order with the numbered batches, because somebody holds the key.
func (e *Engine) readKey(ctx context.Context, db int, key []byte, came int64) (*partition, Number) {
	p, err := e.ordinary(db, key)
	if err != nil {
		return nil, numberOf(Result{Err: err})
	}
	s, c, err := p.acquire(ctx, key, hash(key), came, came-p.maxAge())
	switch {
	case err == errHeld && p.pausing(came):
		return nil, Number{Err: ErrLoading}
	case err == errHeld:
		return p, Number{}
	case err != nil:
		return nil, Number{Err: err}
	}
	defer s.mu.Unlock()
	p.touchLocked(c, came)
	return nil, numberOf(getKey(c))
}

// readResult is what a key that Redis has read reads.
func readResult(res Result) Number {
	if res.Err == wrongType || res.Err == errNoKeyRight {
		res.Err = errForeign
	}
	return numberOf(res)
}

func numberOf(res Result) Number {
	if res.Err == errForeign {
		return Number{Foreign: true}
	}
	return Number{N: res.Value.Total, Missing: !res.Applied, Err: res.Err}
}

// incKey is INCR in memory; retry: a flush has to come first. The cell's shard is locked.
func incKey(p *partition, c *cell, delta, now int64) (res Result, retry bool) {
	cur, ok := c.view()
	if c.err() != nil || c.retryAt() != 0 || !ok {
		return Result{Err: errForeign}, false
	}
	if c.mayExpireLocked() {
		return Result{Err: errForeign}, false
	}
	total, ok := sum(cur.Total, delta, 0)
	if !ok {
		return Result{Err: ErrOverflow}, false
	}
	if err := p.refuseLocked(c, now); err != nil {
		return Result{Err: err}, false
	}
	wasDirty := c.dirty()
	if !c.add(delta, max(c.epoch, noExpiry)) {
		return Result{}, true
	}
	if j := p.e.journal; j != nil {
		j.added(p, c, delta)
	}
	p.acceptedLocked(wasDirty, now)
	return Result{Applied: true, Value: Value{Total: total}}, false
}

// getKey is GET in memory; Applied says that there is such a key. The cell's shard
// is locked.
func getKey(c *cell) Result {
	cur, ok := c.view()
	if c.err() != nil || c.retryAt() != 0 || !ok {
		return Result{Err: errForeign}
	}
	return Result{Applied: c.epoch != missing || c.dirty(), Value: Value{Total: cur.Total}}
}

// ordinary returns the partition of a lax ordinary key; errForeign if no pattern
// matches it.
func (e *Engine) ordinary(db int, key []byte) (*partition, error) {
	pace := e.patterns.match(key)
	if pace < 0 {
		return nil, errForeign
	}
	return e.ordinaryOf(place{db, pace})
}

// ordinaryOf returns the partition of a place, and makes it at first use.
func (e *Engine) ordinaryOf(at place) (*partition, error) {
	if p := (*e.places.Load())[at]; p != nil {
		return p, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	old := *e.places.Load()
	if p := old[at]; p != nil {
		return p, nil
	}
	if e.isStopped() {
		return nil, ErrClosed
	}
	places := make(map[place]*partition, len(old)+1)
	for other, p := range old {
		places[other] = p
	}
	p := e.newOrdinary(at)
	places[at] = p
	e.places.Store(&places)
	e.start(p)
	return p, nil
}

// newOrdinary makes the partition of a place. The caller holds e.mu.
func (e *Engine) newOrdinary(at place) *partition {
	sp := &space{name: "db" + strconv.Itoa(at.db), e: e}
	sp.agreed.Store(agreedRecorded) // proxies need not agree on anything
	p := newPartition(e, sp, Ordinary, 0)
	p.shards = make([]shard, shardsPerSet)
	pace := e.patterns.paces[at.pace]
	p.interval, p.lag = int64(pace.interval), int64(pace.lag)
	p.store = e.storeOf(at.db)
	p.holds.Store(int64(e.heldAll))
	p.join(partitionName{family: Ordinary, db: at.db, pace: at.pace})
	return p
}

// storeOf is the Redis behind, at a database. The caller holds e.mu.
func (e *Engine) storeOf(db int) store {
	if db == e.opts.Redis.DB {
		return e.store
	}
	if s := e.stores[db]; s != nil {
		return s
	}
	o := clientOptions(e.opts)
	o.DB = db
	client := redis.NewClient(o)
	e.clients = append(e.clients, client)
	s := e.open(client)
	e.stores[db] = s
	return s
}
