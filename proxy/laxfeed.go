package proxy

import (
	"slices"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// On a connection with a pump every command goes to Redis, INCR and its like too,
// under the hold that it needs. A hold ends when the pump meets the mark that was
// sent behind the command: see errand.

var (
	replyOn  = appendCommand(nil, "CLIENT", "REPLY", "ON")
	replyOff = appendCommand(nil, "CLIENT", "REPLY", "OFF")
)

// feedBegins takes the holds of what the client has done before: of a transaction
// that is open, and of its watch, which has them. It reports false if the client must go.
func (s *session) feedBegins() bool {
	l := &s.lax
	l.watches = s.watching
	if len(l.queued) == 0 {
		return true
	}
	if slices.ContainsFunc(l.queued, func(t engine.Touch) bool { return t.Loose }) {
		l.queued = []engine.Touch{everything}
	}
	hold, err := s.srv.lax.engine.Hold(s.ctx, l.queued)
	if err != nil {
		return false
	}
	l.watch(hold)
	l.queued, l.queues = nil, 0
	return true
}

// feedHeld is feed for a session whose commands may touch what is counted.
func (s *session) feedHeld(req request) bool {
	k, _ := s.srv.kinds.of(req.args)
	hold, err := s.feedHold(k, req.args, false)
	if err != nil {
		return s.feedRefusal(req, err)
	}
	if !s.feed(req) {
		hold.Release()
		return false
	}
	return s.feedRelease(k, hold)
}

// feedHold takes the hold that a command needs, of which only the first arguments
// may be known. What is before it is sent, and does not wait.
func (s *session) feedHold(k kind, args [][]byte, part bool) (*engine.Hold, error) {
	switch k {
	case plain, keepsState, blocks, watches, counts:
	default:
		return nil, nil
	}
	var touches []engine.Touch
	if part {
		touches = s.srv.lax.pieceTouches(s.ctx, s.setup.db, args, nil)
	} else {
		touches, _ = s.srv.lax.touches(s.ctx, s.setup.db, args, nil, nil)
	}
	if len(touches) == 0 {
		return nil, nil
	}
	if s.setup.elsewhere || many(touches) || s.keepsHolds() && slices.ContainsFunc(touches, func(t engine.Touch) bool { return t.Loose }) {
		touches = []engine.Touch{everything} // what is loose has to be seen to when the command is executed
	}
	s.sendFed()
	return s.srv.lax.engine.Hold(s.ctx, touches)
}

// keepsHolds reports whether the holds of a command end later than with its reply.
func (s *session) keepsHolds() bool {
	return s.lax.watches || s.believesMulti() || s.voice.skip || s.voice.torn
}

// feedRelease sends what tells that the holds of the commands so far are no longer
// needed: not in a transaction, nor while the client watches. It reports false if
// the client must go.
func (s *session) feedRelease(k kind, hold *engine.Hold) bool {
	l := &s.lax
	if hold != nil {
		l.watch(hold)
	}
	switch k {
	case watches:
		l.watches = true
	case execs, discards, resets, unwatches:
		l.watches = false
	}
	if len(l.watched) == 0 || s.keepsHolds() {
		return s.fewerHolds()
	}
	silent := s.voice.off
	number, ok := s.addErrand(errand{holds: l.watched, silent: silent, size: int64(l.holds)}, request{})
	if !ok {
		return false
	}
	l.watched, l.holds = nil, 0
	sign := appendCommand(nil, mark(number))
	if silent {
		s.sends = append(s.sends, replyOn, sign, replyOff)
	} else {
		s.sends = append(s.sends, sign)
	}
	return true
}

// fewerHolds replaces the holds that a client keeps by one on everything, if they
// are too many.
func (s *session) fewerHolds() bool {
	if len(s.lax.watched) <= maxWatched && s.lax.holds <= maxHeldSize {
		return true
	}
	all, err := s.srv.lax.engine.Hold(s.ctx, []engine.Touch{everything})
	if err != nil {
		return false // else it would not be noticed what changes
	}
	s.unwatch()
	s.lax.watch(all)
	return true
}

// feedRefusal sends a mark in place of a command that cannot have its hold: the
// client gets the error in its turn, and a transaction is spoilt by it.
func (s *session) feedRefusal(req request, err error) bool {
	k, _ := s.srv.kinds.of(req.args)
	s.voice.hear(k, req.args, s.believesMulti())
	s.voice.spoil()
	text := string(commands.FromError(err).AppendTo(nil))
	number, ok := s.addErrand(errand{refused: text}, request{})
	s.sends = append(s.sends, appendCommand(nil, mark(number)))
	return ok
}

// feedPieces sends a command that comes in pieces, under the hold that it needs.
func (s *session) feedPieces(req request) {
	k := plain
	if len(req.args) > 0 {
		k, _ = s.srv.kinds.of(req.args)
	}
	hold, err := s.feedHold(k, req.args, true)
	if err != nil {
		if s.pieces(req.raw, func([]byte) {}) && s.feedRefusal(req, err) {
			s.sendFed()
		} else {
			s.fail()
		}
		return
	}
	s.feedPart(req)
	if s.over || !s.feedRelease(k, hold) {
		hold.Release()
		s.fail()
		return
	}
	s.sendFed()
}

// ends acts on an errand that is nothing but the end of holds, or a refusal.
func (p *pump) ends(e *errand) error {
	defer p.session.errands.ran()
	e.release()
	if e.refused != "" {
		return p.put([]byte(e.refused))
	}
	return nil
}

// isEnd reports whether an errand is nothing but the end of holds, or a refusal.
func (e *errand) isEnd() bool { return e.cmd == nil && e.edit == nil && e.heard == nil }

// release ends the holds of an errand.
func (e *errand) release() {
	for _, hold := range e.holds {
		hold.Release()
	}
}

// drop ends the holds of all errands that wait: the session is over.
func (e *errands) drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.waiting {
		e.waiting[i].release()
		e.waiting[i].holds = nil
	}
}

// nextSilent reports whether the errand that comes next is one of a client that
// wants no replies: the reply to CLIENT REPLY ON comes before its mark.
func (e *errands) nextSilent() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting) > 0 && e.waiting[0].silent
}
