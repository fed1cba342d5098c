package proxy

import (
	"io"
	"time"
)

// refusedPrefix begins the name of the command that is sent to Redis in place of
// one that this proxy refuses, so that the refusal comes in order.
const refusedPrefix = "distkit:refused:"

// pump copies what Redis sends to a client whose replies are no longer one for
// one: subscribers, MONITOR, CLIENT REPLY, CLIENT TRACKING. From its start it
// is the only one that reads from Redis and writes to the client, in a goroutine
// of its own; the session goes on sending the client's commands. What the proxy
// itself refuses is sent as a command that Redis does not know, and the pump
// puts our text in place of that error: so it comes in order, tears no other
// reply and is silent where the client asked for silence. See errand for the rest.
type pump struct {
	session *session // of which it uses what any goroutine may
	up      *upstream
	conn    *clientConn
	out     []byte
	held    []byte  // a reply so far that is looked at whole
	passing bool    // the rest of the reply is not
	okay    bool    // an OK is held back, which may be the reply to our CLIENT REPLY ON
	turn    *errand // whose mark, as a name, was the last reply; nil: none
}

// startPump turns the session into a pumped one, for good.
func (s *session) startPump(req request) {
	up, reached := s.upstream()
	if s.over {
		return
	}
	if !reached {
		// A library takes an error here for Redis' last word, and its subscriber
		// waits for ever. A closed connection makes it come back and ask again.
		s.close()
		return
	}
	if s.flush() != nil {
		return
	}
	if s.srv.lax != nil && !s.feedBegins() {
		s.close()
		return
	}
	s.pumping, s.pumped = true, make(chan struct{})
	s.srv.wg.Add(1)
	go s.runPump(&pump{session: s, up: up, conn: s.conn})
	s.feedPump([]request{req})
}

// runPump ends the session when Redis or the client is gone.
func (s *session) runPump(p *pump) {
	defer s.srv.wg.Done()
	defer close(s.pumped)
	defer s.conn.Close()
	defer func() {
		if r := recover(); r != nil {
			s.srv.panicked(r, s.conn)
		}
	}()
	err := p.run()
	s.srv.log.Debug("pump ended", "err", err, "client", s.conn.RemoteAddr().String())
}

// lastWords is how long Redis may take to answer what a client has sent before it
// ended its side.
const lastWords = drainGrace / 2

// finishPump has Redis see the end that the client has made, so that the pump
// brings what is answered before it.
func (s *session) finishPump(err error) {
	if !s.pumping || err != io.EOF {
		return
	}
	half, ok := s.up.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-s.pumped:
	case <-s.ctx.Done():
	case <-timer.C:
	}
}

// run copies until Redis or the client is gone.
func (p *pump) run() error {
	for {
		if !p.up.pending() {
			if err := p.flush(); err != nil {
				return err
			}
			if err := p.up.fill(); err != nil {
				return err
			}
		}
		piece, done, err := p.up.scan()
		if err != nil {
			return err
		}
		if err := p.take(piece, done); err != nil {
			return err
		}
		if done {
			p.up.fr.reset()
		}
	}
}

func (p *pump) put(b []byte) error {
	big := len(b) > bufferSize/2
	if big || len(p.out)+len(b) > bufferSize {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if big { // straight through, behind what was before it
		return p.write(b)
	}
	if p.out == nil && len(b) > 0 {
		p.out = p.up.bufs.get()
	}
	p.out = append(p.out, b...)
	return nil
}

// flush writes what there is and gives the buffer back.
func (p *pump) flush() error {
	if p.out == nil {
		return nil
	}
	err := p.write(p.out)
	p.up.bufs.put(p.out)
	p.out = nil
	return err
}

// write writes to the client. While one takes nothing, what the pump holds is in
// its account.
func (p *pump) write(b []byte) error {
	if p.conn.reader.raw == nil {
		_, err := p.conn.Write(b)
		return err
	}
	n, err := p.conn.reader.writeNow(b)
	if err != nil || n == len(b) {
		return err
	}
	const held = 2 * bufferSize // its own, and what was read from Redis
	if !p.conn.account.add(held) {
		return errEvicted
	}
	defer p.conn.account.add(-held)
	_, err = p.conn.Write(b[n:])
	return err
}
