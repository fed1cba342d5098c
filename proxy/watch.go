package proxy

import (
	"sync/atomic"
	"time"
)

// How often sessions that wait for Redis are looked after: all of them, and those
// that wait in a command that may block. Redis ends such a command when the client
// leaves, while a client that has ended its side has the reply to any other.
const (
	watchInterval   = time.Second
	blockedInterval = 100 * time.Millisecond
)

// watch notices clients that leave while their session waits for Redis: nobody
// reads from them then. What they have sent and nobody has read is dropped with
// them. It is a timer that runs only while there are connections to Redis for clients, or
// those who are blocked, so that an idle proxy is idle.
type watch struct {
	armed atomic.Bool
	round atomic.Int64 // from 1
}

// arm starts the timer unless it runs.
func (w *watch) arm(pause time.Duration, look func()) {
	if !w.armed.Load() && w.armed.CompareAndSwap(false, true) {
		time.AfterFunc(pause, look)
	}
}

// look closes the clients that are gone.
func (srv *Server) look() {
	srv.watch.armed.Store(false)
	if srv.ctx.Err() != nil || srv.metrics.upstreams.Load()+srv.metrics.lines.Load() == 0 {
		return
	}
	srv.lines.look()
	srv.lookAt(srv.watch.round.Add(1), func(s *session) int64 { return s.waiting.Load() })
	srv.watch.arm(watchInterval, srv.look)
}

// lookAtBlocked closes those that are gone from a command that blocks. Many take
// their time: it is looked less often then, and costs a hundredth of a core.
func (srv *Server) lookAtBlocked() {
	srv.blocked.armed.Store(false)
	if srv.ctx.Err() != nil {
		return
	}
	begin := time.Now()
	if srv.lookAt(srv.blocked.round.Add(1), func(s *session) int64 { return s.blocked.Load() }) {
		srv.blocked.arm(max(blockedInterval, 100*time.Since(begin)), srv.lookAtBlocked)
	}
}

// lookAt closes the clients that are gone of sessions that have waited since a
// round before this. It reports whether any session waits.
func (srv *Server) lookAt(round int64, since func(*session) int64) (any bool) {
	var waiting []*clientConn
	srv.mu.Lock()
	for c, s := range srv.conns {
		begun := since(s)
		any = any || begun != 0
		if begun != 0 && begun < round {
			waiting = append(waiting, c)
		}
	}
	srv.mu.Unlock()
	for _, c := range waiting { // without the lock, which every new client needs
		if peek(c.Conn) == peerGone {
			srv.log.Debug("client left while its command ran", "client", c.RemoteAddr().String())
			c.Close()
		}
	}
	return any
}

// fill waits for Redis, with the watch on the client.
func (s *session) fill(up *upstream) error {
	s.settle()
	s.expectWait()
	err := up.fill()
	s.stopWaiting()
	if err == nil && !up.proven {
		up.proven = true
		s.srv.dialer.suspect.Store(false)
	}
	return err
}

// writeWatched sends commands to Redis, which may take none for long, with the
// watch on the client.
func (s *session) writeWatched(up *upstream, raws [][]byte) error {
	s.settle()
	s.expectWait()
	defer s.stopWaiting()
	return up.write(raws)
}

// expectWait puts the watch on the client from its next round but one.
func (s *session) expectWait() {
	s.waiting.Store(s.srv.watch.round.Load() + 1)
	if s.blocks {
		s.blocked.Store(s.srv.blocked.round.Load() + 1)
		s.srv.blocked.arm(blockedInterval, s.srv.lookAtBlocked)
	}
}

// stopWaiting takes it off.
func (s *session) stopWaiting() {
	s.waiting.Store(0)
	if s.blocks {
		s.blocked.Store(0)
	}
}
