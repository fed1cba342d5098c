package proxy

import (
	"bytes"
	"context"
	"time"

	"github.com/distkit/distkit-proxy/commands"
)

// feedPump sends commands to Redis as they are; the pump brings the replies.
func (s *session) feedPump(batch []request) {
	s.sends = s.sends[:0]
	for _, req := range batch {
		feed, part := s.feed, s.feedPart
		if s.srv.lax != nil {
			feed, part = s.feedHeld, s.feedPieces
		}
		if req.part {
			part(req)
			return
		}
		if !feed(req) {
			s.fail()
			return
		}
	}
	s.sendFed()
}

// feed takes one command. It reports false if the client must go.
func (s *session) feed(req request) bool {
	k, cmd := s.srv.kinds.of(req.args)
	inMulti := s.believesMulti()
	if k == pumps && !s.feedPumps(req, inMulti) {
		s.sends = append(s.sends, req.raw)
		return true
	}
	silent := s.voice.hear(k, req.args, inMulti)
	unheard := silent || inMulti
	switch k {
	case fromMemory, fromRedis:
		return s.feedOurs(req, cmd, silent, inMulti)
	case listsTable, informs:
		if !unheard {
			return s.feedEdited(req, k)
		}
	case denied:
		s.srv.metrics.refused.Add(1)
		s.voice.spoil()
		req.raw = appendCommand(nil, refusedPrefix+s.srv.kinds.refusedName(req.args))
	case opensMulti, execs, discards:
		s.followUnseen(k, req.args)
	case setsUp, resets:
		return s.feedSetup(req, k, silent, inMulti)
	case attacks:
		return false
	}
	s.sends = append(s.sends, req.raw)
	return true
}

// feedPumps reports whether Redis can be taken to do what a command that begins a
// pump asks for. A client that has subscribed may be in RESP2's subscribed mode,
// where Redis refuses CLIENT REPLY: there it is asked first.
func (s *session) feedPumps(req request, inMulti bool) bool {
	if word(req.args, 0) != "client" {
		s.subscribed = true
		return true
	}
	if !s.subscribed || s.setup.resp3() || inMulti || s.voice.silent() || word(req.args, 1) != "reply" {
		return true
	}
	pong, heard := s.hearReply(req, nil)
	return !heard || pong[0] != '*' && !bytes.HasPrefix(pong, []byte("-NOAUTH"))
}

// believesMulti reports whether a MULTI was sent and not ended, as far as the
// session knows: what Redis says of it is the pump's to see. Where it is wrong
// Redis has refused what began or ended it.
func (s *session) believesMulti() bool { return s.inMulti && s.errands.outside.Load() <= s.multiAt }

// followUnseen follows the transaction by what the client sends, as the replies
// are the pump's. None of these takes an argument: with one Redis refuses it, but
// EXEC ends the transaction all the same.
func (s *session) followUnseen(k kind, args [][]byte) {
	if len(args) > 1 && k != execs {
		return
	}
	s.inMulti, s.multiAt = k == opensMulti, s.errands.last
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

// feedOurs sends what stands for a command of ours: a mark, with which Redis tells
// what it would say to an ordinary command. In MULTI that would be queued, so the
// name is sent before it, which spoils the transaction. Where the client wants no
// reply none will show that its turn has come: then it runs at once, behind the
// others. It reports false if the client must go.
func (s *session) feedOurs(req request, cmd *commands.Command, silent, inMulti bool) bool {
	if inMulti {
		s.voice.spoil()
	}
	if silent && inMulti {
		s.sends = append(s.sends, req.raw) // Redis does not know it, and discards the transaction
		return true
	}
	refused := ""
	if s.srv.acl != nil && cmd.Takes(len(req.args)) {
		if refused = s.unpermitted(cmd, req.args); s.over {
			return false
		}
	}
	if silent {
		s.sendFed() // what is before it
		s.awaitErrands()
		if refused == "" {
			s.runQuietly(cmd, req.args)
		}
		s.sends = append(s.sends, appendCommand(nil, "PING")) // takes up a SKIP
		return s.ctx.Err() == nil
	}
	e := errand{cmd: cmd, args: copied(req.args), refused: refused}
	number, ok := s.addErrand(e, req)
	place := appendCommand(nil, "PING", mark(number))
	if inMulti {
		s.sends = append(s.sends, appendCommand(nil, mark(number)))
		if s.srv.opts.Embedded {
			place = s.srv.spoiler // names that it does not know spoil no transaction there
		}
	}
	s.sends = append(s.sends, place)
	return ok
}

// addErrand books an errand that comes of a request, and adds it. It reports
// false if the client must go.
func (s *session) addErrand(e errand, req request) (number uint64, ok bool) {
	e.size += int64(len(req.raw) + sliceSize*len(req.args) + errandSize)
	if !s.conn.account.add(e.size) {
		return 0, false
	}
	return s.errands.add(e), true
}

// feedEdited sends COMMAND or INFO, of which the pump changes the reply.
func (s *session) feedEdited(req request, k kind) bool {
	e := s.srv.editOf(k, copied(req.args), req.raw, s.setup.resp3())
	number, ok := s.addErrand(errand{edit: &e}, req)
	s.sends = append(s.sends, appendCommand(nil, mark(number)), e.raw)
	return ok
}

// feedSetup sends what sets the connection up. Where it makes somebody else of
// the client, or has it speak otherwise, the session waits for what Redis says.
// In MULTI, and where there is no reply, it cannot be told.
func (s *session) feedSetup(req request, k kind, silent, inMulti bool) bool {
	switch {
	case !tells(k, req.args) && (s.srv.lax == nil || word(req.args, 0) != "select"):
		s.sends = append(s.sends, req.raw)
	case silent || inMulti:
		s.sends = append(s.sends, req.raw)
		s.suppose(k, req.args)
	default:
		switch reply, heard := s.hearReply(req, req.raw); {
		case !heard:
			s.suppose(k, req.args)
		case k == resets:
			s.noteReset(reply)
		default:
			s.noteSetup(req.args, reply)
		}
	}
	return s.ctx.Err() == nil
}

// tells reports whether the reply to a command may tell something new of who the
// client is or which protocol it speaks.
func tells(k kind, args [][]byte) bool {
	switch {
	case k == resets:
		return len(args) == 1
	case word(args, 0) == "auth":
		return len(args) == 2 || len(args) == 3
	}
	return word(args, 0) == "hello" && len(args) > 1
}

// suppose takes note of a command of which the reply is not seen. It never takes
// the client for somebody who it may not be.
func (s *session) suppose(k kind, args [][]byte) {
	s.setup.supposeQueued(args)
	_, other := userOf(args)
	if k == resets {
		other = s.named
		s.inMulti, s.authed, s.named = false, false, false
		s.setup.reset()
	}
	if other {
		s.becomes("")
	}
}

// hearWait is how long a session waits for a reply that the pump is to tell of. So
// long the commands behind it are held here, not in Redis.
const hearWait = 5 * time.Second

// hearReply sends a command and waits for the reply, which the pump passes on; nil
// is a PING of the session's own, of which the client sees nothing. It reports
// false if there is none in time, or the client or Redis are gone.
func (s *session) hearReply(req request, raw []byte) (reply []byte, ok bool) {
	told := make(chan []byte, 1)
	number, ok := s.addErrand(errand{heard: told, probe: raw == nil}, req)
	if !ok {
		s.cancel()
		return nil, false
	}
	if raw == nil {
		raw = appendCommand(nil, "PING", mark(number))
	}
	s.sends = append(s.sends, appendCommand(nil, mark(number)), raw)
	s.sendFed()
	s.settle()
	s.expectWait()
	defer s.stopWaiting()
	timer := time.NewTimer(s.srv.hearWait)
	defer timer.Stop()
	select {
	case reply = <-told:
	case <-s.pumped:
	case <-s.ctx.Done():
	case <-timer.C:
	}
	return reply, len(reply) > 0
}

// awaitErrands waits until none is left, for as long as commands wait for Redis.
func (s *session) awaitErrands() {
	for end := time.Now().Add(errandWait); s.errands.count.Load() > 0 && s.ctx.Err() == nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// errandWait is how long a silent command waits for those before it at most.
const errandWait = time.Second

// runQuietly runs a command whose reply nobody wants, for those who may have one.
func (s *session) runQuietly(cmd *commands.Command, args [][]byte) {
	if s.standing() != demandNothing {
		return
	}
	s.runErrand(s.ctx, cmd, args)
}

// runErrand runs a command of ours where nothing else is booked for it. It
// reports false if the client must go.
func (s *session) runErrand(ctx context.Context, cmd *commands.Command, args [][]byte) (reply commands.Reply, ok bool) {
	s.srv.metrics.ours.Add(1)
	if n := len(args); n > fewArgs && cmd.Takes(n) {
		a, cost := &s.conn.account, int64(n*argCost)
		if !a.await(cost) && !a.add(cost) {
			return reply, false
		}
		defer a.add(-cost)
	}
	mark := s.srv.opts.Engine.Mark()
	reply = cmd.Run(ctx, s.srv.opts.Engine, args)
	return reply, !cmd.Accepts() || s.srv.opts.Engine.Commit(mark) == nil
}
