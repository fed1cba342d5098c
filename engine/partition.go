package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distkit/distkit-proxy/lua"
	"github.com/google/uuid"
)

// partition is the counters of one namespace and family that share one set of
// containers in Redis. Its flusher is the only one who sends batches for it,
// one at a time.
type partition struct {
	// Fixed after newPartition.
	e      *Engine
	space  *space
	family Family
	index  int // among the partitions of space and family
	keys   lua.Keys
	store  store // the Redis, and database, that it lies in
	shards []shard
	wake   chan struct{} // capacity 1: the flusher has something to look at
	// interval and lag are Options' FlushInterval and AllowedLag, or a pattern's own, in ns.
	interval, lag int64
	// stopFlusher ends the flusher and waits for it; it may be called again.
	stopFlusher func()

	// presence is held by whoever changes how this instance stands in Redis:
	// the flusher while it works, and strict commands while they restore.
	presence sync.Mutex
	// presence guards the following fields.
	run       string   // the run that numbers batches; a new one when a record is lost
	applied   uint64   // the last number of the run that was applied
	restoring bool     // a restoring step with the next number is unanswered
	mark      string   // as last seen; "" before
	others    []string // ids of other instances, as last told
	burial    burial   // what is left of a burial under way

	// Owned by the flusher goroutine.
	flight   *round // the round whose batch has not been answered yet
	usedAt   int64  // when the last batch was acknowledged
	nextSwp  int64  // when idle cells are looked for; 0 with none in memory
	swept    int    // the shard in which they are then
	stuck    []*cell
	passTo   uint64 // queue position that ends the pass over counters in use
	passFrom int64  // when that pass began
	spoilt   bool   // the pass was held up by a failure: it measures nothing
	failures int    // attempts in a row that did not reach Redis

	mu sync.Mutex
	// mu guards the following fields.
	queue   []*cell    // counters to flush or refresh, oldest first
	entered uint64     // cells ever appended to queue
	popped  uint64     // cells ever taken from it
	acked   uint64     // cells taken whose round has ended
	flushTo uint64     // do not wait for the interval until acked reaches this
	hurry   []*cell    // counters to flush before the queue, for FLUSH and rule L11
	hurried uint64     // cells ever appended to hurry
	arrived uint64     // cells taken from it whose round has ended
	loads   loadLine   // counters to load
	groups  []*opGroup // operations to carry out
	mended  int        // how often the flusher went on after a panic: positions from before mean nothing
	busy    bool       // the flusher has a round under way
	gone    bool       // the partition has left the engine or the engine has stopped

	// Shared and safe.
	rounds   broadcast             // fired after every round, whatever its outcome
	away     atomic.Bool           // Redis does not answer this partition
	why      atomic.Pointer[Error] // … because it refuses everything, as when it is out of memory; nil: it is not reached
	tryAt    atomic.Int64          // when the flusher next tries while away or failed
	failedAt atomic.Int64          // when the last attempt to reach Redis failed
	heard    atomic.Bool           // Redis has answered somebody else since the last attempt began
	failed   atomic.Pointer[Error] // Redis refuses the partition as a whole
	rtt      atomic.Int64          // the longest of the latest round trips in ns
	pass     atomic.Int64          // the last pass over all counters in use in ns
	cells    atomic.Int64          // in memory
	dirty    atomic.Int64          // with something unacknowledged
	since    atomic.Int64          // when the oldest change was accepted that came since the pass began; 0: none
	inLine   atomic.Int64          // the same of the changes that the pass is about
	inAir    atomic.Int64          // the same of the batch in flight
	beatAt   atomic.Int64          // when the heartbeat is due; 0: no slices, none needed
	refusals atomic.Int64          // how often Redis refused the partition as a whole
	strictly atomic.Int64          // strict commands under way
	nStuck   atomic.Int64          // counters whose change Redis refuses now
	alive    atomic.Int64          // live instances, as last told

	trail    trail       // what the journal says of it; guarded by its lock
	replayed atomic.Bool // it goes on from a journal, and Redis has not confirmed that yet

	// Of ordinary keys only.
	clock    clock        // how Redis' clock stands
	holds    atomic.Int64 // on every key
	void     atomic.Int64 // what Redis said before is not answered from
	released atomic.Int64 // when a hold on keys ended last
}

func newPartition(e *Engine, sp *space, f Family, index int) *partition {
	n := e.opts.Partitions
	return &partition{
		e: e, space: sp, family: f, index: index,
		keys:        lua.NewKeys(sp.name, f.Container(), index, n),
		shards:      make([]shard, max(1, shardsPerSet/n)),
		store:       e.store,
		interval:    int64(e.opts.FlushInterval),
		lag:         int64(e.opts.AllowedLag),
		wake:        make(chan struct{}, 1),
		run:         uuid.NewString(),
		stopFlusher: func() {},
	}
}

// kick makes the flusher look for work.
func (p *partition) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// enqueueLocked puts a cell in line to be flushed or refreshed. The cell's
// shard is locked.
func (p *partition) enqueueLocked(c *cell) {
	c.queued = true
	p.mu.Lock()
	first := len(p.queue) == 0
	p.queue = append(p.queue, c)
	p.entered++
	p.mu.Unlock()
	if first {
		p.kick()
	}
}

// askLocked has a cell loaded with the next round, or with one of the next if it
// is one of many; true: the flusher has to be kicked for it. The cell's shard is
// locked.
func (p *partition) askLocked(c *cell, many bool) bool {
	if c.asked {
		return false
	}
	c.asked = true
	p.mu.Lock()
	p.loads.add(c, many)
	p.mu.Unlock()
	return true
}

// touchLocked notes a use of a cell, so that it is kept fresh.
func (p *partition) touchLocked(c *cell, now int64) {
	c.touch(now)
	if !c.queued {
		p.enqueueLocked(c)
	}
}

// acceptedLocked notes that a cell has something to flush; wasDirty is what it
// was before.
func (p *partition) acceptedLocked(wasDirty bool, now int64) {
	if !wasDirty {
		p.dirty.Add(1)
		p.e.pending.Add(1)
	}
	if p.since.Load() == 0 {
		p.since.CompareAndSwap(0, now)
	}
}

// cleanedLocked notes that a cell which was dirty may be clean now.
func (p *partition) cleanedLocked(c *cell) {
	if !c.dirty() {
		p.dirty.Add(-1)
		p.e.pending.Add(-1)
	}
}

// refuseLocked tells why a clean cell may not become dirty now, or nil.
func (p *partition) refuseLocked(c *cell, now int64) *Error {
	if p.e.unkept() {
		return ErrUnkept
	}
	if !c.dirty() && p.e.pending.Load() >= int64(p.e.opts.MaxPending) {
		return ErrTooManyPending
	}
	if bound := p.e.opts.MaxPendingAge; bound > 0 && p.oldest(now) > bound {
		return ErrPendingTooOld
	}
	return nil
}

// oldest is the age of the oldest change that Redis has not acknowledged, at
// most one pass too much. Changes that Redis refuses are not among them: one bad
// counter must not have increments of the others refused.
func (p *partition) oldest(now int64) time.Duration {
	since := earliest(earliest(p.since.Load(), p.inLine.Load()), p.inAir.Load())
	if since == 0 || p.dirty.Load() == 0 {
		return 0
	}
	return time.Duration(now - since)
}

// earliest is the earlier of two times, of which 0 is none.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// maxAge is how old a base may be when it is answered from (rule L4): the lag,
// one interval, or one pass over all counters in use where that takes longer,
// and two round trips.
func (p *partition) maxAge() int64 {
	return p.lag + max(p.interval, p.pass.Load()) + 2*p.rtt.Load()
}

// acquire returns a counter's cell, fit to be read or changed, with its shard
// locked. It waits for a load where the cell is cold or its base is from before
// oldest, at most command-timeout; while Redis is away a counter in memory is
// served as it is. now is the present time; the way through memory asks no clock.
func (p *partition) acquire(ctx context.Context, counter []byte, h uint64, now, oldest int64) (*shard, *cell, error) {
	if err := p.failed.Load(); err != nil && now < p.tryAt.Load() {
		return nil, nil, err
	}
	s := p.shardOf(h)
	s.mu.Lock()
	if p.heldLocked(s, counter) {
		s.mu.Unlock()
		return nil, nil, errHeld
	}
	if c := s.get(counter); c != nil && p.servableLocked(c, now, oldest) {
		return s, c, nil
	}
	s.mu.Unlock()
	beforeWait(ctx)
	return p.acquireLoaded(ctx, s, counter, now, oldest)
}

// servableLocked reports whether a counter can be answered from memory to a
// command that came at that time.
func (p *partition) servableLocked(c *cell, came, oldest int64) bool {
	if !c.loaded || c.baseAt < oldest && !p.away.Load() {
		return false
	}
	return p.family != Ordinary || p.validLocked(c, came)
}

// maxLoads is how often a command has an ordinary key loaded: what comes may be void
// each time, where holds come and go. Then it is as if the key were held all the time,
// and Redis answers.
const maxLoads = 3

// acquireLoaded is acquire for a counter that has to be loaded.
func (p *partition) acquireLoaded(ctx context.Context, s *shard, counter []byte, came, oldest int64) (*shard, *cell, error) {
	timer := time.NewTimer(p.e.opts.CommandTimeout)
	defer timer.Stop()
	for loads := 0; ; {
		now := p.e.now()
		if err := p.failed.Load(); err != nil && now < p.tryAt.Load() {
			return nil, nil, err
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, nil, errGone
		}
		if p.heldLocked(s, counter) || p.family == Ordinary && loads > maxLoads {
			s.mu.Unlock()
			return nil, nil, errHeld
		}
		c, made := s.cellLocked(counter)
		if !made && p.servableLocked(c, came, oldest) {
			return s, c, nil
		}
		if p.pausing(now) {
			if made {
				s.dropLocked(c)
			}
			s.mu.Unlock()
			return nil, nil, ErrLoading
		}
		if made {
			p.gained(1)
		}
		if p.family == Ordinary && c.dirty() && p.overtakenLocked(c, now) {
			p.hurryLocked(c)
		}
		if p.askLocked(c, false) {
			loads++
			p.kick()
		}
		done := p.rounds.next()
		s.mu.Unlock()
		select {
		case <-done:
		case <-timer.C:
			s.mu.Lock()
			c, held := s.get(counter), p.heldLocked(s, counter)
			if c != nil && c.loaded && !held && (p.family != Ordinary || p.validLocked(c, now)) {
				return s, c, nil
			}
			s.mu.Unlock()
			return nil, nil, ErrLoading
		case <-ctx.Done():
			return nil, nil, ErrClosed
		case <-p.e.stopped:
			return nil, nil, ErrClosed
		}
	}
}
