package proxy

import (
	"sync/atomic"
	"time"
)

// watchInterval is how often sessions that wait for Redis are looked after.
const watchInterval = time.Second

// watch notices clients that leave while their session waits for Redis, as in a
// blocking command: nobody reads from them then. What they have sent and nobody
// has read is dropped with them. It is a timer that runs only
// while there are private connections, so that an idle proxy is idle.
type watch struct {
	armed atomic.Bool
	round atomic.Int64 // from 1
}

// arm starts the timer unless it runs.
func (srv *Server) arm() {
	if srv.watch.armed.CompareAndSwap(false, true) {
		time.AfterFunc(watchInterval, srv.look)
	}
}

// look closes the clients that are gone.
func (srv *Server) look() {
	srv.watch.armed.Store(false)
	if srv.ctx.Err() != nil || srv.metrics.upstreams.Load() == 0 {
		return
	}
	round := srv.watch.round.Add(1)
	var gone []*clientConn
	srv.mu.Lock()
	for c, s := range srv.conns {
		if since := s.waiting.Load(); since != 0 && since < round && peek(c.Conn) == peerGone {
			gone = append(gone, c)
		}
	}
	srv.mu.Unlock()
	for _, c := range gone {
		srv.log.Debug("client left while its command ran", "client", c.RemoteAddr().String())
		c.Close()
	}
	srv.arm()
}

// fill waits for Redis, with the watch on the client.
func (s *session) fill(up *upstream) error {
	s.settle()
	s.expectWait()
	err := up.fill()
	s.waiting.Store(0)
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
	defer s.waiting.Store(0)
	return up.write(raws)
}

// expectWait puts the watch on the client from its next round but one.
func (s *session) expectWait() { s.waiting.Store(s.srv.watch.round.Load() + 1) }
