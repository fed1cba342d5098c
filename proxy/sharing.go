package proxy

// DefaultShareFrom is a good value of Options.ShareFrom: where fewer send in turns,
// connections of their own are quicker, as no goroutine stands in between.
const DefaultShareFrom = 4

// A client may use shared connections once so many batches in a row had replies of at
// most so many bytes together on its own: then Redis has served it as it is set up
// now, and it is not one whose replies hold others up.
const (
	shareAfter = 4
	smallBatch = 32 << 10
)

// maxShared bounds the bytes that one client sends at once on a shared connection: more
// is as cheap on its own.
const maxShared = 4 << 10

// sharing is what a session knows of its use of shared connections.
type sharing struct {
	small   int      // batches in a row
	set     *lineSet // for its set-up; nil: not looked for
	rows    uint64   // the server's at its last row: those of others came between
	strayed bool     // something was written on another connection than its own
	own     *lineSet // the proxy's own for the database; nil: not looked for
	ownDB   int
}

// unshare has the session use its own connection, until it has proven itself anew.
func (s *session) unshare() { s.sharing.small, s.sharing.set = 0, nil }

// notice takes note of the replies to a batch that came on the session's own
// connection: of how many bytes they were, and whether they began with an error.
func (s *session) notice(bytes int, failed bool) {
	switch {
	case bytes > smallBatch:
		s.unshare()
	case !failed:
		s.sharing.small++
	}
}

// shared returns a shared connection that such commands may go over, or nil.
func (s *session) shared(how share) *line {
	sh, from := &s.sharing, s.srv.opts.ShareFrom
	if from == 0 || s.srv.opts.Embedded {
		return nil
	}
	rows := s.srv.rows.Add(1)
	others := rows - sh.rows
	sh.rows = rows
	if others < uint64(from) || how == unshared || sh.small < shareAfter || s.pinned() {
		return nil
	}
	if sh.set == nil || sh.set.gone.Load() {
		if sh.set = nil; !s.setup.shareable() || s.disguised {
			return nil
		}
		if sh.set = s.srv.lines.of(&s.setup); sh.set == nil {
			return nil
		}
	}
	return sh.set.line(how)
}

// askLine sends s.sends, so many commands, on a shared connection and copies the
// replies. It reports false if nothing has reached Redis.
func (s *session) askLine(l *line, n int) bool {
	if s.send() != nil {
		return true
	}
	t := s.newTurn()
	s.room(smallReply)
	t.out, t.replies, s.out = s.out, n, nil
	s.conn.settle(0)
	s.expectWait()
	defer s.stopWaiting()
	if !l.put(t, s.sends) {
		s.out = t.out
		return false
	}
	for {
		<-t.told
		if s.ctx.Err() != nil {
			s.over = true
			t.drop()
			return true
		}
		s.out, t.out = t.out, nil
		if !t.more {
			break
		}
		s.unshare()
		if s.send() != nil {
			t.drop()
			return true
		}
		t.out, s.out = s.out, nil
		t.take()
	}
	switch {
	case t.err == nil:
	case t.sent:
		s.lost(t.err)
	default:
		return false
	}
	return true
}

// newTurn returns the session's turn, with nothing in it.
func (s *session) newTurn() *turn {
	if s.turn == nil {
		s.mu.Lock()
		s.turn = newTurn(s.stalls)
		s.mu.Unlock()
	}
	s.turn.more, s.turn.err, s.turn.sent = false, nil, false
	return s.turn
}

// leaveTurn leaves the turn to the line, which swallows what comes.
func (s *session) leaveTurn() {
	s.mu.Lock()
	t := s.turn
	s.turn = nil
	s.mu.Unlock()
	t.drop()
}

// stalls ends a session whose client takes nothing of a big reply while others wait
// behind it. Any goroutine may call it.
func (s *session) stalls() {
	s.srv.log.Warn("client closed: it takes nothing of a big reply, and holds others up", "client", s.conn.RemoteAddr().String())
	s.conn.Close()
}
