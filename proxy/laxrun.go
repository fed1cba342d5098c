package proxy

import (
	"bytes"
	"slices"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// laxState is what a session keeps of the ordinary keys that are counted.
type laxState struct {
	touches []engine.Touch // of the run
	buf     [][]byte       // to look for keys in
	queued  []engine.Touch // of what MULTI has queued; the keys are copies
	queues  int            // the bytes of these
	watched []*engine.Hold // WATCH's; of a pump also those of a transaction
	holds   int            // the bytes of these
	watches bool           // the client of a pump watches
}

// keptBuf is how many keys are kept room for.
const keptBuf = 16

// keep keeps a buffer for the next command, unless it has become large.
func (l *laxState) keep(buf [][]byte) {
	if cap(buf) <= keptBuf {
		clear(buf)
		l.buf = buf[:0]
	}
}

// runState is what the run so far says of the command that comes next.
type runState struct {
	multi     multi
	settingUp bool
	counting  bool // the run has commands that are answered from memory
}

// multi is whether the next command is in a transaction.
type multi uint8

const (
	outside multi = iota
	inside
	opened // by a MULTI of the run: unless Redis refuses that
	closed // by an EXEC or its like of the run: likewise
)

// uncertain reports whether only the run's replies tell.
func (r *runState) uncertain() bool { return r.multi > inside }

// follow takes note of a command that is put in the run.
func (r *runState) follow(it *item) {
	r.settingUp = r.settingUp || it.kind == setsUp
	r.counting = r.counting || it.kind == counts
	switch {
	case it.kind == opensMulti && r.multi != inside:
		r.multi = opened
	case it.kind.uncertain() && it.kind != opensMulti:
		r.multi = closed
	}
}

// queues reports whether Redis queues the next command, unless it refuses the MULTI.
func (r *runState) queues() bool { return r.multi == inside || r.multi == opened }

// verdict is where a command goes that bears on what is counted.
type verdict uint8

const (
	joins verdict = iota // the run
	waits                // until the run is answered
	ends                 // the run: nothing is sent together with what is behind it
	alone                // it is answered by itself
)

// placeLax says where a command goes, and takes note of what it touches. A command
// of ours touches nothing.
func (s *session) placeLax(it *item, r *runState) verdict {
	if it.kind == counts {
		return s.placeCount(it, r)
	}
	switch it.kind {
	case execs:
		if r.queues() && len(s.lax.queued) > 0 {
			it.touches, it.voids = true, true
			s.lax.touches = append(s.lax.touches, s.lax.queued...)
		}
	case setsUp:
		if r.queues() {
			s.setup.supposeQueued(it.req.args)
		}
	case plain, keepsState, blocks, watches:
		return s.placeTouch(it, r)
	}
	return joins
}

// placeCount is placeLax for INCR and its like, which are answered from memory if
// they may be.
func (s *session) placeCount(it *item, r *runState) verdict {
	how, delta, ok := counted(it.req.args)
	if !ok || !s.anyLax(it.req.args, how) {
		return s.placePlain(it, r)
	}
	if r.queues() || s.setup.elsewhere || s.setup.accent {
		it.kind = plain
		return s.placeTouch(it, r)
	}
	if len(s.run) > 0 && (r.uncertain() || r.settingUp || how == countMGet) {
		return waits
	}
	switch s.mayCount(it.req.args, how) {
	case countsNot:
		return s.placePlain(it, r)
	case countsLater:
		it.kind, it.text = denied, errNoRedis
		return joins
	case countsInRedis:
		it.kind = plain
		return s.placeTouch(it, r)
	}
	it.count, it.delta = how, delta
	switch {
	case how == countMGet:
		return alone
	case how == countAdd:
		return joins
	}
	switch s.srv.lax.engine.KnownOf(s.setup.db, it.req.args[1]) {
	case engine.IsForeign:
		it.kind = plain
		return s.placeTouch(it, r)
	case engine.Unknown:
		return ends
	}
	return joins
}

// placePlain is placeCount for what turns out to be an ordinary command that touches
// nothing counted.
func (s *session) placePlain(it *item, r *runState) verdict {
	if it.kind = plain; r.counting {
		return waits
	}
	return joins
}

// anyLax reports whether a key of a command that may count is lax.
func (s *session) anyLax(args [][]byte, how count) bool {
	if how != countMGet {
		return s.srv.lax.engine.IsLax(args[1])
	}
	for _, key := range args[1:] {
		if s.srv.lax.engine.IsLax(key) {
			return true
		}
	}
	return false
}

// placeTouch is placeLax for what goes to Redis and may touch what is counted.
func (s *session) placeTouch(it *item, r *runState) verdict {
	l := &s.lax
	from := len(l.touches)
	var buf [][]byte
	l.touches, buf = s.srv.lax.touches(s.ctx, s.setup.db, it.req.args, l.touches, l.buf)
	l.keep(buf)
	if len(l.touches) == from {
		return joins
	}
	if !r.settingUp && s.standing() == demandAuth { // Redis refuses it
		l.touches = l.touches[:from]
		return joins
	}
	flushes := word(it.req.args, 0) == "wait" || word(it.req.args, 0) == "waitaof"
	switch {
	case flushes && r.multi == opened: // whether a command may be sent before it is not known
		l.touches = l.touches[:from]
		return waits
	case r.queues():
		markOverwritten(l.touches[from:], it.req.args)
		s.queue(l.touches[from:])
		if r.multi == inside {
			l.touches = l.touches[:from]
			return joins
		}
	case len(s.run) > 0 && (r.uncertain() || r.settingUp):
		l.touches = l.touches[:from]
		return waits
	}
	if r.counting {
		l.touches = l.touches[:from]
		return waits
	}
	if s.setup.elsewhere || many(l.touches[from:]) {
		l.touches = append(l.touches[:from], everything)
	}
	if it.touches = true; !r.queues() { // what is queued does nothing before EXEC
		it.voids = overwriting[word(it.req.args, 0)] != keeps || word(it.req.args, 0) == reloading
		it.flushes = flushes
	}
	return joins
}

// everything is touched by what touches one knows not what.
var everything = engine.Touch{DB: engine.AllDatabases, Whole: true}

// maxHeld bounds the keys that are held for one command, or remembered of one
// transaction; maxWatched the holds of a client that watches; maxHeldSize the bytes of
// what is remembered or watched. Past them all is held.
const (
	maxHeld     = 4096
	maxWatched  = 256
	maxHeldSize = 512 << 10
)

// many reports whether these are too many keys to be held one by one.
func many(touches []engine.Touch) bool {
	n := 0
	for _, t := range touches {
		n += len(t.Keys)
	}
	return n > maxHeld
}

// queue remembers what a command touches that Redis queues until EXEC.
func (s *session) queue(touches []engine.Touch) {
	l := &s.lax
	if s.setup.elsewhere || len(l.queued)+len(touches) > maxHeld || many(l.queued) || many(touches) || l.queues > maxHeldSize {
		l.queued, l.queues = []engine.Touch{everything}, 0
		return
	}
	for _, t := range touches {
		own := make([][]byte, len(t.Keys))
		for i, key := range t.Keys {
			own[i] = bytes.Clone(key)
			l.queues += len(key) + sliceSize
		}
		t.Keys = own
		l.queues += touchSize
		l.queued = append(l.queued, t)
	}
}

// holding takes the hold that the run needs, and returns how many of its commands
// need it. If it cannot be had, because Redis is away, those are refused.
func (s *session) holding() (hold *engine.Hold, touching int) {
	l := &s.lax
	if len(l.touches) == 0 {
		return nil, 0
	}
	for i := range s.run {
		if s.run[i].touches {
			touching++
		}
	}
	hold, err := s.srv.lax.engine.Hold(s.ctx, l.touches)
	clear(l.touches)
	l.touches = l.touches[:0]
	if err == nil {
		return hold, touching
	}
	text := commands.FromError(err).AppendTo(nil)
	open := s.inMulti
	for i := range s.run {
		it := &s.run[i]
		switch {
		case it.kind == opensMulti:
			open = true
		case it.kind == execs && it.touches:
			it.kind, it.text = aborts, "-EXECABORT Transaction discarded because of: "+string(text[1:])
			it.req.raw = discardCommand
		case it.touches && open:
			it.kind, it.text, it.req.raw = inMulti, string(text), s.srv.spoiler
		case it.touches:
			it.kind, it.text = denied, string(text)
		}
		if it.kind == execs || it.kind == discards || it.kind == aborts {
			open = false
		}
	}
	return nil, touching
}

// endHold ends a run's hold, or if it has a WATCH keeps it for as long as the client
// watches.
func (s *session) endHold(hold *engine.Hold) {
	if hold == nil || !s.watching || !slices.ContainsFunc(s.run, func(it item) bool { return it.kind == watches }) {
		hold.Release()
		return
	}
	hold.Settle()
	if s.lax.watch(hold); !s.fewerHolds() {
		s.fail()
	}
}

// warmKeys has the counted keys loaded that the commands behind ask for.
func (s *session) warmKeys() {
	var keys [][]byte
	for _, req := range s.ahead[s.together.next:] {
		if k, _ := s.srv.kinds.of(req.args); req.part || k != counts {
			continue
		}
		switch how, _, ok := counted(req.args); {
		case !ok:
		case how == countMGet:
			keys = append(keys, req.args[1:]...)
		default:
			keys = append(keys, req.args[1])
		}
	}
	s.srv.lax.engine.AskKeys(s.setup.db, keys)
}

// dropReply reads a reply that nobody is to see.
func (s *session) dropReply() {
	if _, err := s.whole(s.up); err != nil {
		s.lost(err)
	}
}

var discardCommand = appendCommand(nil, "DISCARD")

// settleLax brings the state up to date when a run has been answered: what was
// queued or watched may be so no longer.
func (s *session) settleLax() {
	if !s.inMulti {
		s.lax.queued, s.lax.queues = nil, 0
	}
	if !s.watching {
		s.unwatch()
	}
}

// letGo ends the holds of a session that is over.
func (s *session) letGo() {
	s.unwatch()
	s.errands.drop()
}

func (s *session) unwatch() {
	for _, hold := range s.lax.watched {
		hold.Release()
	}
	s.lax.watched, s.lax.holds = nil, 0
}

// touchSize is about what a touch takes in bytes beside its keys.
const touchSize = 64

// watch keeps a hold.
func (l *laxState) watch(hold *engine.Hold) {
	l.watched = append(l.watched, hold)
	l.holds += hold.Size()
}
