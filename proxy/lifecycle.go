package proxy

import "errors"

// errSessionOver makes the reading side stop once the session has closed.
var errSessionOver = errors.New("proxy: session has ended")

// upstream returns the connection to Redis, opened if need be. It reports false
// when Redis cannot be reached; the session is over if it has lost state with
// the connection.
func (s *session) upstream() (*upstream, bool) {
	if s.up != nil && !s.up.alive() {
		if s.stateful {
			s.lost(errors.New("proxy: Redis has closed the connection"))
			return nil, false
		}
		s.dropUpstream()
	}
	if s.up != nil {
		return s.up, true
	}
	if s.send() != nil {
		return nil, false
	}
	up, err := s.srv.dialer.dial(s.ctx)
	if err != nil {
		s.srv.log.Debug("cannot reach Redis", "err", err)
		return nil, false
	}
	s.mu.Lock()
	s.up = up
	s.mu.Unlock()
	if s.ctx.Err() != nil { // end has run in between and did not see it
		up.close()
	}
	s.srv.arm()
	return up, true
}

func (s *session) dropUpstream() {
	s.mu.Lock()
	up := s.up
	s.up = nil
	s.mu.Unlock()
	up.close()
	up.release()
}

// lost ends the session because the connection to Redis is gone with something
// that cannot be made up for: state, or a command whose outcome is unknown.
func (s *session) lost(err error) {
	s.srv.log.Debug("connection to Redis lost, client closed", "err", err, "client", s.conn.RemoteAddr().String())
	s.close()
}

// close ends the session after the replies so far. redcon sees the closed connection next.
func (s *session) close() {
	s.over = true
	_ = s.send()
	s.conn.Close()
}

// panicked ends the session for a panic of its own.
func (s *session) panicked(p any) {
	s.srv.panicked(p, s.conn)
	s.fail()
}

// fail ends the session without a word more.
func (s *session) fail() {
	s.over = true
	s.conn.Close()
}

// end gives back what the session holds. It is called once its connection has
// been closed, by any goroutine, and waits for nothing.
func (s *session) end() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up != nil {
		s.up.close()
	}
}
