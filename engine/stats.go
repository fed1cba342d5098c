package engine

import (
	"sync/atomic"
	"time"

	"github.com/distkit/distkit-proxy/engine/journal"
)

// Stats is what the engine can say of itself; counts are since its start.
type Stats struct {
	// Accepted is the number of increments (INC, DEC, SETI items) answered from memory, and
	// of those of ordinary keys that were not there and came with a batch.
	Accepted uint64
	// FlushScripts is the number of numbered flush scripts sent, repeats included.
	FlushScripts uint64
	// FlushedCounters is the number of counters those scripts carried.
	FlushedCounters uint64
	// RedisCommands is the number of commands this engine sent to Redis, as
	// sent: a script is one command.
	RedisCommands uint64
	// Loads is the number of cold counters loaded.
	Loads uint64
	// Pending is the number of counters with deltas that Redis has not
	// acknowledged, MaxPending the bound on it.
	Pending, MaxPending int
	// OldestPending is the age of the oldest such delta; 0 with none.
	// MaxPendingAge is the bound on it; 0: none.
	OldestPending, MaxPendingAge time.Duration
	// FlushLatency is the round trip of the last flush, FlushLatencyMax the
	// longest, Flushes those of all that were answered.
	FlushLatency, FlushLatencyMax time.Duration
	Flushes                       Histogram
	// Round is how long the last pass over all counters in use took, the
	// longest of all partitions: the bound on staleness under overload.
	Round time.Duration
	// Counters is the number of counters in memory, Namespaces that of namespaces.
	Counters, Namespaces int
	// InstancesAlive is the number of live instances of the default namespace's
	// DK. family, as last seen.
	InstancesAlive int
	// Failures is the number of times Redis could not be reached or did not answer.
	Failures uint64
	// ReplicaWaitsFailed is the number of times too few replicas confirmed a flush
	// or a strict command in time; ReplicasLacking is whether that was so last.
	ReplicaWaitsFailed uint64
	ReplicasLacking    bool
	// Refused is the number of counters whose delta Redis refuses now.
	Refused int
	// Buried is the number of slices taken away from dead instances, and
	// BurialOverflows those left alone because the subtraction would overflow.
	Buried, BurialOverflows uint64
	// Restored is the number of slices moved back after this instance was buried.
	Restored uint64
	// RecordsLost is the number of times Redis had lost a batch record.
	RecordsLost uint64
	// Holds is the number of times lax ordinary keys were held for a command, Held
	// that of the commands for which they are held now.
	Holds uint64
	Held  int
	// Rare is the number of increments of ordinary keys that were sent to Redis as
	// they are, as nobody had asked for their keys lately.
	Rare uint64
	// Panics is the number of panics that the engine's goroutines went on after.
	Panics uint64
	// Journaled is whether there is a journal, and Journal what it says of itself.
	Journaled bool
	Journal   journal.Stats
	// RedisUp is whether the last exchange with Redis succeeded.
	RedisUp bool
}

// counts are the engine's running counters. Safe for concurrent use.
type counts struct {
	accepted, scripts, carried, commands, loads atomic.Uint64
	failures, buried, burialOverflows           atomic.Uint64
	holds, rare                                 atomic.Uint64
	restored, recordsLost, replicaWaits, panics atomic.Uint64
	held                                        atomic.Int64
	latency, latencyMax                         atomic.Int64 // ns
	flushes                                     histogram
}

func (c *counts) noteLatency(ns int64) {
	c.flushes.note(time.Duration(ns))
	c.latency.Store(ns)
	for longest := c.latencyMax.Load(); ns > longest; longest = c.latencyMax.Load() {
		if c.latencyMax.CompareAndSwap(longest, ns) {
			return
		}
	}
}

// Stats returns a snapshot.
func (e *Engine) Stats() Stats {
	c := &e.stats
	s := Stats{
		Accepted:           c.accepted.Load(),
		FlushScripts:       c.scripts.Load(),
		FlushedCounters:    c.carried.Load(),
		RedisCommands:      c.commands.Load(),
		Loads:              c.loads.Load(),
		Pending:            int(e.pending.Load()),
		MaxPending:         e.opts.MaxPending,
		MaxPendingAge:      e.opts.MaxPendingAge,
		Flushes:            c.flushes.snapshot(),
		FlushLatency:       time.Duration(c.latency.Load()),
		FlushLatencyMax:    time.Duration(c.latencyMax.Load()),
		Counters:           int(e.counters.Load()),
		Namespaces:         len(*e.spaces.Load()),
		Failures:           c.failures.Load(),
		Buried:             c.buried.Load(),
		ReplicaWaitsFailed: c.replicaWaits.Load(),
		ReplicasLacking:    e.lacking.Load(),
		BurialOverflows:    c.burialOverflows.Load(),
		Restored:           c.restored.Load(),
		RecordsLost:        c.recordsLost.Load(),
		Holds:              c.holds.Load(),
		Rare:               c.rare.Load(),
		Held:               int(c.held.Load()),
		Panics:             c.panics.Load(),
		RedisUp:            e.met.Load() && e.downSince.Load() == 0,
	}
	if e.journal != nil {
		s.Journaled, s.Journal = true, e.journal.log.Stats()
	}
	now := e.now()
	for _, p := range e.live() {
		s.OldestPending = max(s.OldestPending, p.oldest(now))
		s.Round = max(s.Round, time.Duration(p.pass.Load()))
		s.Refused += int(p.nStuck.Load())
		if p.family == LaxInstance && p.space.name == e.opts.Namespace {
			s.InstancesAlive = max(s.InstancesAlive, int(p.alive.Load()))
		}
	}
	return s
}
