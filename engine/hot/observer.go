package hot

import (
	"bytes"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxKey is the longest key in bytes that is looked at.
	MaxKey = 1024
	// ownKeys begin the keys that are distkit's own, which are never lax.
	ownKeys = "distkit:"

	defaultHalfLife = 10 * time.Minute
	defaultTime     = 20 * time.Millisecond

	shards = 256
	// databases that SeeAll tells apart. The others count as one, and a command
	// over one of them as one over all of them.
	databases = 16
)

// Pattern names keys that might be lax.
type Pattern struct {
	// Glob is matched with the whole key.
	Glob string
	// FlushInterval and AllowedLag are those of its keys. Zero: as in Options.
	FlushInterval, AllowedLag time.Duration
}

// Options configure an Observer. The zero value of a field means its default.
type Options struct {
	// Patterns are those whose keys are summed up by themselves; the first that
	// matches counts. May be empty.
	Patterns []Pattern
	// Match reports whether a glob matches a key, which it must not keep.
	// Required with Patterns.
	Match func(glob string, key []byte) bool
	// FlushInterval and AllowedLag are those that lax would have. Default 20 ms.
	FlushInterval, AllowedLag time.Duration
	// HalfLife is the time in which the figures of a key halve. Default 10 minutes.
	HalfLife time.Duration
}

// Observer sees commands and keeps count. Make one with New; a nil one sees
// nothing. Safe for concurrent use.
type Observer struct {
	// Fixed after New.
	opts  Options
	times []times // by pattern, and last those of all other keys
	seed  maphash.Seed
	now   func() time.Duration // never 0

	// Shared and safe.
	wipes  [databases + 1]atomic.Uint64 // commands over a whole database
	shards [shards]shard
}

// Keys is how many keys are known at most.
const Keys = shards * places

// shard is a part of the keys.
type shard struct {
	mu sync.Mutex // guards the following fields
	sketch
	sums   []Tally // by pattern, and last that of all other keys
	halved uint64  // how many times
}

// New makes an observer that has seen nothing.
func New(opts Options) *Observer {
	setDefault(&opts.FlushInterval, defaultTime)
	setDefault(&opts.AllowedLag, defaultTime)
	setDefault(&opts.HalfLife, defaultHalfLife)
	start := time.Now()
	o := &Observer{opts: opts, seed: maphash.MakeSeed(), now: func() time.Duration { return time.Since(start) + 1 }}
	for _, p := range append(opts.Patterns[:len(opts.Patterns):len(opts.Patterns)], Pattern{}) {
		setDefault(&p.FlushInterval, opts.FlushInterval)
		setDefault(&p.AllowedLag, opts.AllowedLag)
		o.times = append(o.times, times{p.FlushInterval, p.AllowedLag})
	}
	for i := range o.shards {
		o.shards[i].sums = make([]Tally, len(o.times))
	}
	return o
}

// See takes note of a command that touches these keys of a database. They are
// not kept.
func (o *Observer) See(db int, class Class, keys ...[]byte) {
	if o == nil {
		return
	}
	now := o.now()
	for _, key := range keys {
		if len(key) <= MaxKey && !bytes.HasPrefix(key, []byte(ownKeys)) {
			o.see(now, db, class, key)
		}
	}
}

// SeeAll takes note of a command that would hold every key of a database, as
// FLUSHDB and SCAN do, and those of which is not known what they touch there.
func (o *Observer) SeeAll(db int) {
	if o != nil {
		o.wipes[database(db)].Add(1)
	}
}

// SeeEverything is SeeAll for all databases, as with FLUSHALL.
func (o *Observer) SeeEverything() {
	if o != nil {
		for db := range o.wipes {
			o.wipes[db].Add(1)
		}
	}
}

func (o *Observer) see(now time.Duration, db int, class Class, key []byte) {
	hash := maphash.Bytes(o.seed, key) ^ uint64(db)*0x9e3779b97f4a7c15
	sh := &o.shards[hash%shards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.fade(now, o.opts.HalfLife)
	at := sh.find(hash, db, key)
	if at < 0 {
		p := o.pattern(key)
		if class != Increment {
			d := new(memory).play(class, now, o.times[p])
			d.Flushes = 0 // a load alone: what it costs here, it costs now
			sh.sums[p].Add(d)
			return
		}
		at = sh.admit(hash, db, key)
		sh.entries[at].pattern, sh.entries[at].wiped = p, o.wipes[database(db)].Load()
	}
	e := &sh.entries[at]
	d := o.wipe(e)
	d.Add(e.memory.play(class, now, o.times[e.pattern]))
	sh.note(at, d)
	sh.sums[e.pattern].Add(d)
}

// wipe is what the commands over its whole database have made of a key since
// they were last looked at.
func (o *Observer) wipe(e *entry) (d Tally) {
	if n := o.wipes[database(e.db)].Load(); n != e.wiped {
		d.Holds = n - e.wiped
		e.wiped, e.memory = n, memory{}
	}
	return d
}

// pattern is the number of the first pattern that matches.
func (o *Observer) pattern(key []byte) int {
	for i := range o.opts.Patterns {
		if o.opts.Match(o.opts.Patterns[i].Glob, key) {
			return i
		}
	}
	return len(o.opts.Patterns)
}

// fade halves what has grown old.
func (sh *shard) fade(now, halfLife time.Duration) {
	if due := uint64(now / halfLife); due != sh.halved {
		sh.halve(uint(min(due-sh.halved, 63)))
		sh.halved = due
	}
}

func database(db int) int {
	if db < 0 || db >= databases {
		return databases
	}
	return db
}

func setDefault(field *time.Duration, def time.Duration) {
	if *field <= 0 {
		*field = def
	}
}
