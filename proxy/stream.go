package proxy

import "errors"

// errCutShort tells that Redis has closed the connection before a command was complete.
var errCutShort = errors.New("proxy: Redis takes no more of a command")

// mayStream reports whether a big command that begins with these arguments goes
// to Redis in pieces, or is refused by its name alone. What is ours or has to be
// remembered is needed whole. The embedded Redis would hold the pieces in this
// process, and in no account.
func (s *session) mayStream(args [][]byte) bool {
	if s.srv.opts.Embedded {
		return false
	}
	if len(args) == 0 {
		return true
	}
	k, cmd := s.srv.kinds.of(args)
	switch {
	case cmd != nil:
		return false
	case s.pumping:
		return !k.followed()
	}
	return k == denied || k == blocks || k == plain && (len(args) > 1 || word(args, 0) != "client")
}

// stream answers a command that comes in pieces. Everything before it is answered.
func (s *session) stream(req request) {
	it := item{req: req}
	if len(req.args) > 0 {
		it.kind, it.cmd = s.srv.kinds.of(req.args)
	}
	if it.kind != denied {
		if s.srv.lax == nil {
			s.passOn(&it)
		} else {
			s.passHeld(&it)
		}
		return
	}
	if s.inMulti {
		s.adaptToMulti(&it)
	} else {
		s.srv.metrics.refused.Add(1)
		it.text = s.srv.kinds.refusal(req.args)
	}
	if s.pieces(req.raw, func([]byte) {}) {
		s.run = append(s.run, it)
		s.answerRun()
	}
}

// passOn sends a command to Redis as it comes, and answers it. While Redis
// cannot be reached it is taken in and answered with an error. One that does not
// come to its end takes the connection to Redis with it, so that it is not executed.
func (s *session) passOn(it *item) {
	up, reached := s.upstream()
	if s.over {
		return
	}
	if reached {
		s.srv.metrics.forwarded.Add(1)
	}
	begun := false
	whole := s.pieces(it.req.raw, func(piece []byte) {
		switch {
		case !reached:
			return
		case len(piece) == 0:
			if peek(up.conn) == peerGone {
				s.cutShort(it, errCutShort)
			}
			return
		}
		n, err := s.writePiece(up, piece)
		begun = begun || n > 0
		switch {
		case err == nil:
		case begun || s.pinned():
			s.cutShort(it, err)
		default:
			s.notReached(err)
			reached = false
		}
	})
	switch {
	case s.over:
	case !whole:
		if reached {
			s.dropUpstream()
		}
	case !reached:
		s.append([]byte(errNoRedis))
	default:
		s.copyReply(it)
	}
}

// cutShort ends the session because Redis takes no more of a command. What it
// has said about that goes to the client first.
func (s *session) cutShort(it *item, err error) {
	s.copyReply(it)
	if s.over {
		return
	}
	if s.send() == nil {
		s.conn.linger()
	}
	s.lost(err)
}

// pieces gives a big command, of which the first bytes have come, to take: what
// has come, and nothing before it waits for the client. It reports false when that ends before the command does: the session is over, or
// the framer has an error that the reading side answers.
func (s *session) pieces(first []byte, take func(piece []byte)) bool {
	for piece, done := first, false; ; piece, done = s.conn.fr.piece() {
		if len(piece) > 0 {
			take(piece)
		}
		switch {
		case s.over:
			return false
		case done:
			return true
		case s.conn.fr.err != "":
			return false
		case len(piece) > 0:
			continue
		}
		if take(nil); s.over {
			return false
		}
		if err := s.flush(); err != nil {
			s.fail()
			return false
		}
		if err := s.conn.more(); err != nil {
			s.srv.log.Debug("client left in a command", "err", err, "client", s.conn.RemoteAddr().String())
			s.fail()
			return false
		}
	}
}

// feedPart sends a command that comes in pieces on a connection with a pump.
func (s *session) feedPart(req request) {
	k := plain
	if len(req.args) > 0 {
		k, _ = s.srv.kinds.of(req.args)
	}
	s.subscribed = s.subscribed || k == pumps
	s.voice.hear(k, req.args, s.believesMulti())
	if k == denied {
		s.srv.metrics.refused.Add(1)
		s.voice.spoil()
		text := appendCommand(nil, refusedPrefix+s.srv.kinds.refusedName(req.args))
		s.sendFed() // before more is read into the buffer that they lie in
		if s.pieces(req.raw, func([]byte) {}) {
			s.sends = append(s.sends, text)
			s.sendFed()
		}
		return
	}
	s.sendFed()
	s.srv.metrics.forwarded.Add(1)
	s.pieces(req.raw, func(piece []byte) {
		if len(piece) == 0 {
			return
		}
		if _, err := s.writePiece(s.up, piece); err != nil {
			s.over = true // the pump sees the end and closes the client
		}
	})
}

// writePiece sends a piece of a command to Redis. While that takes nothing the
// client is read from, within bounds: only so it shows that it has left.
func (s *session) writePiece(up *upstream, piece []byte) (int, error) {
	if up.reader.raw == nil || s.conn.reader.raw == nil {
		err := s.writeWatched(up, [][]byte{piece})
		return len(piece), err
	}
	n, err := up.reader.writeNow(piece)
	up.sent = up.sent || n > 0
	if err != nil || n == len(piece) {
		return n, err
	}
	s.settle()
	s.expectWait()
	defer s.stopWaiting()
	k, err := writeStalled(up.conn, piece[n:], s.conn.readAhead)
	up.sent = up.sent || k > 0
	return n + k, err
}
