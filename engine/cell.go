package engine

// change is what has been accepted for a counter and not yet acknowledged by
// Redis: the slice becomes v if set, and then d is added. The total moves by
// what the slice moves. The zero value changes nothing.
type change struct {
	v, d int64 // v without set: under which life of an ordinary key the first was accepted
	set  bool
	has  bool // something was accepted, though it may add up to nothing
}

// apply is the value after the change; false when total or slice overflow.
func (ch change) apply(val Value) (Value, bool) {
	if !ch.has {
		return val, true
	}
	mine := val.Mine
	if ch.set {
		mine = ch.v
	}
	mine, ok1 := sum(mine, ch.d, 0)
	total, ok2 := val.Total, true
	if ch.set {
		total, ok2 = sum(total, mine, val.Mine)
	} else {
		total, ok2 = sum(total, ch.d, 0)
	}
	return Value{Total: total, Mine: mine}, ok1 && ok2
}

// then is the change that has the effect of ch followed by next; false when the
// deltas do not fit beside each other.
func (ch change) then(next change) (change, bool) {
	switch {
	case !next.has:
		return ch, true
	case !ch.has || next.set:
		return next, true
	}
	d, ok := sum(ch.d, next.d, 0)
	ch.d = d
	return ch, ok
}

// cell is one counter in memory. Its shard's lock guards it; it has no lock,
// goroutine or clock of its own.
//
// What a client reads is base, then sent, then pending, applied in that order.
// Invariant: base never contains sent or pending. Only the partition's flusher
// moves pending to sent (with a batch) and sent to base (with its reply), so at
// every moment each accepted change is in exactly one of the three.
type cell struct {
	name string

	base  Value // what Redis last said
	epoch int64 // the epoch under which base.Mine is valid; an ordinary key's life
	// baseAt is when the request that brought base was sent, in nanoseconds since the
	// engine's start.
	baseAt int64
	// touched is the last use by a client, in milliseconds since the engine's start; it
	// begins anew after 49 days.
	touched uint32
	jid     uint32 // in the journal's table; guarded by its lock

	sent    change // in the batch in flight
	pending change // accepted, not sent yet
	// ahead is what commands on an ordinary key that are in the batch in flight add to
	// it. It is not accepted before Redis has carried it out, but read: what is answered
	// meanwhile comes behind it.
	ahead int64

	rare *rarity // nil for most

	loaded bool // base has come at least once
	asked  bool // a load is queued or under way
	queued bool // stands in the partition's queue
	stuck  bool // stands in the partition's list of refused changes
	// made: an ordinary key was made here, and no hold has ended since.
	made bool
	// hurried: it stands among the partition's counters in a hurry.
	hurried bool
	// void: Redis' epoch has moved and the slice there is one from before. The
	// slice counts as zero and the next batch replaces it (epoch stays the old one).
	void bool
}

// rarity is what few counters have. A million of them are in memory, so the others
// spend nothing on it.
type rarity struct {
	// forgotAt is when a hold on an ordinary key ended: what was asked before is not
	// taken over. 0: none has.
	forgotAt int64
	// bareAt is since when an ordinary key that was missing, or had an expiry, is there
	// without one; 0: for as long as is known.
	bareAt  int64
	retryAt int64  // when a refused change is tried again; 0: not refused
	err     *Error // why the counter cannot be read or changed now
}

// seldom returns what few counters have.
func (c *cell) seldom() rarity {
	if c.rare == nil {
		return rarity{}
	}
	return *c.rare
}

func (c *cell) setSeldom(r rarity) {
	if r == (rarity{}) {
		c.rare = nil
		return
	}
	c.rare = &r
}

func (c *cell) forgotAt() int64 { return c.seldom().forgotAt }

func (c *cell) bareAt() int64 { return c.seldom().bareAt }

func (c *cell) retryAt() int64 { return c.seldom().retryAt }

func (c *cell) err() *Error { return c.seldom().err }

func (c *cell) setErr(err *Error) {
	if r := c.seldom(); r.err != err {
		r.err = err
		c.setSeldom(r)
	}
}

func (c *cell) setBareAt(at int64) {
	r := c.seldom()
	r.bareAt = at
	c.setSeldom(r)
}

func (c *cell) setForgotAt(at int64) {
	r := c.seldom()
	r.forgotAt = at
	c.setSeldom(r)
}

// refuse notes that Redis refuses a change, and when it is tried again.
func (c *cell) refuse(err *Error, retryAt int64) {
	r := c.seldom()
	r.err, r.retryAt = err, retryAt
	c.setSeldom(r)
}

// unrefuse notes that Redis refuses nothing any more.
func (c *cell) unrefuse() {
	if r := c.seldom(); r.retryAt != 0 {
		r.retryAt = 0
		c.setSeldom(r)
	}
}

// known is base as far as it is valid.
func (c *cell) known() Value {
	if c.void {
		return Value{Total: c.base.Total}
	}
	return c.base
}

// view is what a client reads; false when what was accepted no longer fits,
// because others have moved the total.
func (c *cell) view() (Value, bool) {
	val, ok1 := c.sent.apply(c.known())
	val, ok2 := c.pending.apply(val)
	total, ok3 := sum(val.Total, c.ahead, 0)
	val.Total = total
	return val, ok1 && ok2 && ok3
}

// touch notes a use by a client.
func (c *cell) touch(now int64) { c.touched = uint32(now / 1e6) }

// unused is for how long no client has used it, in ns, to a millisecond; less than 0 if
// one has since. It is not told right after 24 days, which is harmless: nothing but
// what is pending stays in memory for so long.
func (c *cell) unused(now int64) int64 { return int64(int32(uint32(now/1e6)-c.touched)) * 1e6 }

// dirty reports whether something accepted is not yet acknowledged by Redis.
func (c *cell) dirty() bool { return c.sent.has || c.pending.has }

// add accepts a delta; false when it does not fit beside what is pending or in
// flight, so that a flush has to come first (rule L11). life is that of an
// ordinary key, else 0.
func (c *cell) add(delta, life int64) bool {
	next, ok := c.pending.then(change{v: life, d: delta, has: true})
	if !ok {
		return false
	}
	// Were the batch refused, both would have to fit into one change again.
	if _, ok := c.sent.then(next); !ok {
		return false
	}
	c.pending = next
	return true
}

// goesAhead notes that a command is on its way to Redis that adds to it. What cannot be
// told from memory until it is done is not.
func (c *cell) goesAhead(delta int64) {
	var ok bool
	if c.ahead, ok = sum(c.ahead, delta, 0); !ok {
		c.ahead, c.loaded = 0, false
	}
}

// setSlice accepts "slice := v".
func (c *cell) setSlice(v int64) { c.pending = change{v: v, set: true, has: true} }

// take moves pending into the batch in flight and returns it with the epoch and
// slice under which it was made. There must be nothing in flight.
func (c *cell) take() change {
	c.sent, c.pending = c.pending, change{}
	return c.sent
}

// putBack returns what was in flight to pending, because Redis refused it.
func (c *cell) putBack() {
	c.pending, _ = c.sent.then(c.pending) // add keeps the sum within range
	c.sent = change{}
}

// acknowledge drops what was in flight: the next base contains it.
func (c *cell) acknowledge() { c.sent = change{} }

// setBase takes over what Redis said at time at. There must be nothing in
// flight. A slice that stands unchanged under a moved epoch is one that was
// left behind, so it is void.
func (c *cell) setBase(val Value, ep epoch, at int64) {
	if c.outdated(at) {
		return
	}
	if c.epoch != noExpiry && ep.n == noExpiry {
		c.setBareAt(at)
		c.made = false
	}
	if c.loaded && !c.written(val, ep) {
		c.base.Total, c.void = val.Total, true
	} else {
		c.base, c.epoch, c.void = val, ep.n, false
	}
	c.baseAt, c.loaded, c.asked = at, true, false
	if c.retryAt() == 0 {
		c.setErr(nil)
	}
}

// outdated reports whether what was asked at a time is from before the end of a hold,
// under which the key may have been changed. If so, it is no longer waited for.
func (c *cell) outdated(at int64) bool {
	if forgot := c.forgotAt(); forgot == 0 || at > forgot {
		return false
	}
	c.loaded, c.asked = false, false
	return true
}

// written reports whether the slice in val was written under its epoch, as far
// as one can tell. The scripts decide by the same rule.
func (c *cell) written(val Value, ep epoch) bool {
	return ep.n <= c.epoch || ep.swept || val.Mine != c.base.Mine || val.Mine == 0
}

// settle is setBase for the reply to this cell's own batch, whose slice is
// valid whatever was known before.
func (c *cell) settle(val Value, ep epoch, at int64) {
	c.loaded = false
	c.unrefuse()
	c.setBase(val, ep, at)
}

// forget makes base void but keeps what was accepted: the next use loads first.
func (c *cell) forget() { c.baseAt = never }

// never is a baseAt older than any bound on staleness.
const never = -1 << 62
