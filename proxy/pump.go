package proxy

import (
	"bytes"
	"io"
	"slices"
	"time"

	"github.com/distkit/distkit-proxy/commands"
)

// refusedPrefix begins the name of the command that is sent to Redis in place of
// one that this proxy refuses, so that the refusal comes in order.
const refusedPrefix = "distkit:refused:"

// maxHeldError bounds an error reply that the pump holds to look at it.
const maxHeldError = 4 << 10

// pump copies what Redis sends to a client whose replies are no longer one for
// one: subscribers, MONITOR, CLIENT REPLY, CLIENT TRACKING. From its start it
// is the only one that reads from Redis and writes to the client, in a goroutine
// of its own; the session goes on sending the client's commands. What the proxy
// itself refuses is sent as a command that Redis does not know, and the pump
// puts our text in place of that error: so it comes in order, tears no other
// reply and is silent where the client asked for silence.
type pump struct {
	session *session // of which it uses what any goroutine may
	up      *upstream
	conn    *clientConn
	out     []byte
	held    []byte // a reply so far that is looked at whole
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

// feedPump sends commands to Redis as they are; the pump brings the replies.
func (s *session) feedPump(batch []request) {
	s.sends = s.sends[:0]
	for _, req := range batch {
		if req.part {
			s.feedPart(req)
			return
		}
		raw := req.raw
		k, cmd := s.srv.kinds.of(req.args)
		silent := s.voice.hear(k, req.args)
		switch k {
		case fromMemory, fromRedis:
			var ok bool
			if raw, ok = s.feedOurs(req, cmd, silent); !ok {
				s.fail()
				return
			}
		case denied:
			s.srv.metrics.refused.Add(1)
			raw = appendCommand(nil, refusedPrefix+s.srv.kinds.refusedName(req.args))
		case opensMulti, execs, discards, resets:
			s.followUnseen(k, req.args)
		case setsUp:
			if _, found := userOf(req.args); found {
				s.becomes("") // whether Redis accepts it is the pump's to see
			}
		case attacks:
			s.fail()
			return
		}
		s.sends = append(s.sends, raw)
	}
	s.sendFed()
}

// followUnseen follows the transaction by what the client sends, as the replies
// are the pump's. None of these takes an argument: with one Redis refuses it, but
// EXEC ends the transaction all the same.
func (s *session) followUnseen(k kind, args [][]byte) {
	if len(args) > 1 && k != execs {
		return
	}
	s.inMulti = k == opensMulti
	if k == resets {
		s.authed, s.named = false, false
		s.becomes(defaultUser)
	}
}

// sendFed sends the commands gathered for Redis.
func (s *session) sendFed() {
	s.srv.metrics.forwarded.Add(uint64(len(s.sends)))
	if err := s.writeWatched(s.up, s.sends); err != nil {
		s.over = true // the pump sees the end and closes the client
	}
	clear(s.sends)
	s.sends = s.sends[:0]
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

// take passes on a piece of a reply, unless it has to be looked at whole.
func (p *pump) take(piece []byte, done bool) error {
	if !p.looksAt(piece) {
		err := p.put(p.held)
		p.held = p.held[:0]
		if err != nil {
			return err
		}
		return p.put(piece)
	}
	p.held = append(p.held, piece...)
	if !done {
		return nil
	}
	text := p.held
	p.held = p.held[:0]
	if number, subscribed, ok := marked(text); ok {
		return p.answer(number, subscribed)
	}
	if own := replaceUnknown(text); own != "" {
		text = []byte(own)
	}
	return p.put(text)
}

// looksAt reports whether a reply, of which piece comes next, has to be looked at
// whole: errors, and what may be the reply to a mark.
func (p *pump) looksAt(piece []byte) bool {
	n := len(p.held) + len(piece)
	switch p.up.fr.first {
	case '-':
		return n <= maxHeldError
	case '$', '*':
		return n <= maxMark && p.session.errands.count.Load() > 0 && mayBeMark(slices.Concat(p.held, piece))
	}
	return false
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
	raw := p.conn.reader.raw
	if raw == nil {
		_, err := p.conn.Write(b)
		return err
	}
	n, err := writeNow(raw, b)
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

// replaceUnknown returns our text for Redis' complaint about a command that it
// does not know because it is ours or refused by us; "" for any other error.
func replaceUnknown(reply []byte) string {
	rest, found := bytes.CutPrefix(reply, []byte("-ERR unknown command "))
	if !found || len(rest) < 2 || rest[0] != '\'' && rest[0] != '`' {
		return ""
	}
	name, _, found := bytes.Cut(rest[1:], rest[:1])
	if !found {
		return ""
	}
	if refused, found := bytes.CutPrefix(name, []byte(refusedPrefix)); found {
		return refusal(string(refused))
	}
	if commands.Lookup(name) != nil {
		return errInMulti // ours are sent as they are in MULTI alone
	}
	return ""
}
