package proxy

import (
	"crypto/tls"
	"errors"
	"time"
)

// errSessionOver makes the reading side stop once the session has closed.
var errSessionOver = errors.New("proxy: session has ended")

// upstream returns the connection to Redis, opened and prepared if need be. It
// reports false when Redis cannot be reached; the session is over if it has lost
// state with the connection, or if Redis refuses to restore it.
func (s *session) upstream() (*upstream, bool) {
	if s.up != nil && !s.up.usable() {
		if s.pinned() {
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
	s.srv.watch.arm(watchInterval, s.srv.look)
	switch err := s.prepare(up); {
	case err == nil:
		return up, true
	case errors.Is(err, errRefusedReplay):
		s.lost(err)
	default:
		s.notReached(err)
	}
	return nil, false
}

// idleRead is how long a read of what TLS has sent on an idle connection may
// take: it ends early only if there is something in it for us.
const idleRead = time.Millisecond

// usable reports whether the idle connection can be given a command. With TLS
// the raw connection tells too little: what is unread there may be the end of
// the stream, or session tickets, and the end may have been read already and
// not been looked at. Only a real read tells. It belongs to the reading goroutine.
func (u *upstream) usable() bool {
	conn, ok := u.conn.(*tls.Conn)
	if !ok || !u.sent || u.pending() { // not sent: maybe no handshake, which a deadline would spoil
		return u.alive()
	}
	defer u.release()
	// A deadline that has passed lets nothing be read from the raw connection,
	// only what TLS holds of it.
	deadline := time.Unix(1, 0)
	for {
		if conn.SetReadDeadline(deadline) != nil {
			return false
		}
		n, err := conn.Read(u.space())
		u.buf = u.buf[:len(u.buf)+n]
		switch {
		case err != nil && !isTimeout(err):
			return false
		case n > 0 && u.buf[u.at] != '>': // a reply that nobody waits for
			return false
		}
		if state := peek(conn); n > 0 || state != peerSent {
			return state != peerGone && conn.SetReadDeadline(time.Time{}) == nil
		}
		deadline = time.Now().Add(idleRead)
	}
}

// pinned reports whether the connection to Redis has something that no other
// connection could be given.
func (s *session) pinned() bool { return s.inMulti || s.watching || s.opaque || s.pumping }

// proven reports whether there is a connection on which Redis has replied.
func (s *session) proven() bool { return s.up != nil && s.up.proven && s.up.usable() }

// notReached drops a connection with which nothing is lost.
func (s *session) notReached(err error) {
	s.srv.log.Debug("cannot reach Redis", "err", err)
	if !s.up.proven && s.ctx.Err() == nil {
		s.srv.dialer.broken(err)
	}
	s.dropUpstream()
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
	if s.up != nil && !s.up.proven && s.ctx.Err() == nil {
		s.srv.dialer.suspect.Store(true)
	}
	s.close()
}

// close ends the session after the replies so far. The reading side sees the closed connection next.
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
	if s.turn != nil {
		s.turn.tell()
	}
}
