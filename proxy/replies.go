package proxy

import (
	"bytes"
	"errors"
)

// room makes sure that the output has room for n bytes more, or is a whole
// buffer. Most replies are small, and so is what they are
// gathered in.
func (s *session) room(n int) {
	switch {
	case s.out == nil && n <= smallSize:
		s.out = s.srv.bufs.getSmall()
	case s.out == nil:
		s.out = s.srv.bufs.get()
	case len(s.out)+n > cap(s.out) && cap(s.out) == smallSize:
		big := append(s.srv.bufs.get(), s.out...)
		s.srv.bufs.put(s.out)
		s.out = big
	}
}

// smallReply is the room for a reply whose length is not known before.
const smallReply = 512

// append adds to the output, and writes it out when there is much of it. A big
// piece goes straight through: nothing is held whole.
func (s *session) append(p []byte) {
	if big := len(p) > bufferSize/2; big || len(s.out)+len(p) > bufferSize {
		if s.send() != nil {
			return
		}
		if big {
			s.write(p)
			return
		}
	}
	s.room(len(p))
	s.out = append(s.out, p...)
}

// trim writes the output when there is much of it.
func (s *session) trim() {
	if len(s.out) >= bufferSize {
		_ = s.send()
	}
}

// send writes the output to the client. Where something follows that may block
// it goes first: a client may wait for these replies before it goes on.
func (s *session) send() error {
	if len(s.out) == 0 {
		return nil
	}
	err := s.write(s.out)
	if n := cap(s.out); n != bufferSize && n != smallSize {
		s.out = nil
		return err
	}
	s.out = s.out[:0]
	return err
}

func (s *session) write(p []byte) error {
	err := s.keep()
	if err == nil {
		err = s.conn.deliver(p)
	}
	if err != nil {
		s.out = s.out[:0]
		s.fail()
		return err
	}
	return nil
}

// settle brings the account up to date before Redis is waited for. Between
// replies, output that is written is given back: a blocking command may last.
func (s *session) settle() {
	if s.out != nil && len(s.out) == 0 && (s.up == nil || s.up.fr.first == 0) {
		s.srv.bufs.put(s.out)
		s.out = nil
	}
	s.conn.settle(0)
}

// footprint is the memory that the session holds beside the batch, in bytes.
// What a pump holds is in the account by itself.
func (s *session) footprint() int {
	n := cap(s.out) + s.running + s.lax.queues + s.lax.holds
	if s.writes {
		n += bufferSize
	}
	for _, cmd := range s.setup.cmds {
		n += len(cmd)
	}
	if s.up != nil && !s.pumping {
		n += cap(s.up.buf)
	}
	return n
}

// flush is called before the conn waits for the client.
func (s *session) flush() error {
	if s.over {
		return errSessionOver
	}
	if s.pumping {
		return nil
	}
	err := s.send()
	if s.out != nil {
		s.srv.bufs.put(s.out)
		s.out = nil
	}
	if s.up != nil {
		s.up.release()
	}
	return err
}

// violation answers a protocol error as Redis does. The pump's output is not
// torn for it: then the client is closed without a word.
func (s *session) violation(e protocolError) {
	s.srv.metrics.protocolErrors.Add(1)
	s.srv.log.Debug("protocol error, client closed", "err", string(e), "client", s.conn.RemoteAddr().String())
	if s.pumping || s.over {
		return
	}
	s.append([]byte(e.reply()))
	_ = s.send()
}

// quiet reports whether the client may be silent, as subscribers are.
func (s *session) quiet() bool { return s.pumping }

// copyReply copies Redis' next reply to the client in pieces, with the pushes
// before it, and takes note of what it says of the session.
func (s *session) copyReply(it *item) {
	var head [16]byte
	seen := head[:0]
	var kept []byte // a reply that is replaced
	for !s.over {
		if !s.up.pending() {
			if s.send() != nil {
				return
			}
			if err := s.fill(s.up); err != nil {
				s.lost(err)
				return
			}
		}
		piece, done, err := s.up.scan()
		if err != nil {
			s.lost(err)
			return
		}
		push := s.up.fr.push()
		switch {
		case it.kind == inMulti || it.kind == aborts:
			kept = append(kept, piece...)
			if done && push {
				s.append(kept)
				kept = nil
			}
		default:
			s.append(piece)
			if !push && len(seen) < len(head) {
				seen = append(seen, piece[:min(len(piece), len(head)-len(seen))]...)
			}
		}
		if !done {
			continue
		}
		first := s.up.fr.first
		s.up.fr.reset()
		if !push {
			s.note(it, first, seen)
			return
		}
		seen = seen[:0]
	}
}

// note follows the session's state by Redis' replies: first is the type of the
// reply to the item, seen its beginning.
func (s *session) note(it *item, first byte, seen []byte) {
	failed := first == '-' || first == '!'
	if it.voids && !failed {
		s.voidRefused(it, seen)
	}
	switch it.kind {
	case inMulti:
		s.append([]byte(it.text))
	case aborts:
		s.append([]byte(it.text))
		s.inMulti, s.watching = false, false
	case keepsState:
		s.opaque = s.opaque || !failed
	case watches:
		s.watching = s.watching || !failed
	case unwatches:
		s.watching = s.watching && (failed || queued(seen))
	case opensMulti:
		s.inMulti = s.inMulti || !failed
	case execs:
		if !failed || bytes.HasPrefix(seen, []byte("-EXECABORT")) {
			s.inMulti, s.watching = false, false
		}
	case discards:
		s.inMulti, s.watching = s.inMulti && failed, s.watching && failed
	case resets:
		s.noteReset(seen)
	}
}

// noteReset takes note of Redis' reply to RESET.
func (s *session) noteReset(reply []byte) {
	if len(reply) == 0 || reply[0] != '+' {
		return
	}
	s.inMulti, s.watching, s.opaque, s.subscribed, s.authed, s.named = false, false, false, false, false, false
	s.becomes(defaultUser)
	s.setup.reset()
	s.unshare()
}

// queued reports whether a reply says that the command waits for EXEC.
func queued(reply []byte) bool { return bytes.HasPrefix(reply, []byte("+QUEUED")) }

// maxCollected bounds the replies that are held whole: those of COMMAND and INFO.
const maxCollected = 64 << 20

// ask sends one command, which changes nothing, and returns its whole reply. It
// reports false when the reply is written already, because Redis cannot be
// reached, or the session is over.
func (s *session) ask(raw []byte) ([]byte, bool) {
	up, reached := s.upstream()
	if !reached || s.over {
		if !s.over {
			s.append([]byte(errNoRedis))
		}
		return nil, false
	}
	s.srv.metrics.forwarded.Add(1)
	if s.send() != nil {
		return nil, false
	}
	err := up.write([][]byte{raw})
	var reply []byte
	if err == nil {
		reply, err = s.whole(up)
	}
	switch {
	case err == nil:
		return reply, true
	case s.pinned() || errors.Is(err, errTooBig):
		s.lost(err)
	default:
		s.notReached(err)
		s.append([]byte(errNoRedis))
	}
	return nil, false
}

// whole returns Redis' next reply in one piece; pushes before it go to the client.
func (s *session) whole(up *upstream) ([]byte, error) {
	return up.whole(func() error { return s.fill(up) }, s.append)
}
