package proxy

import (
	"strconv"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// counting is whether a client's commands may be answered from memory.
type counting uint8

const (
	countsHere    counting = iota
	countsInRedis          // under a hold
	countsNot              // Redis will refuse them
	countsLater            // the client is to try again
)

// mayCount tells whether the client may do in memory what it could do in Redis.
// What Redis refuses it is to say itself.
func (s *session) mayCount(args [][]byte, how count) counting {
	switch s.standing() {
	case demandAuth:
		return countsNot
	case demandUnknown:
		return s.countsUnsure()
	}
	if s.cleared || s.srv.acl == nil {
		return countsHere
	}
	if s.disguised {
		return countsInRedis
	}
	if s.user == nil {
		s.user = s.srv.acl.User(defaultUser)
	}
	if s.user.All() || s.user.Rights(s.ctx, func() bool { return s.send() == nil }) == engine.PermitAll {
		s.cleared = s.authed
		return countsHere
	}
	keys := args[1:]
	if how == countAdd {
		keys = keys[:1]
	}
	for _, key := range keys {
		p := s.user.MayCount(s.ctx, word(args, 0), key, how == countAdd && len(args) > 2, func() bool { return s.send() == nil })
		switch p {
		case engine.PermitYes:
		case engine.PermitUnknown:
			return s.countsUnsure()
		default:
			return countsInRedis
		}
	}
	return countsHere
}

// countsUnsure is what becomes of a client's commands while Redis, or the engine's way
// to it, is away, so that nobody knows what the client may do. Its own connection may
// reach a Redis all the same: but where replicas have to confirm what is counted that
// may be a master that was, and nobody would ask.
func (s *session) countsUnsure() counting {
	if s.srv.lax.engine.WaitsForReplicas() {
		return countsLater
	}
	return countsInRedis
}

// answerCount answers s.run[i], a command on one key that is counted.
func (s *session) answerCount(i int) {
	it := &s.run[i]
	var n engine.Number
	if it.count == countAdd {
		s.counting()
		n = s.add(i)
	} else {
		var out [1]engine.Number
		s.srv.lax.engine.Read(s.ctx, s.setup.db, it.req.args[1:2], out[:])
		n = out[0]
	}
	if !s.together.isRare(i) {
		s.srv.metrics.counted.Add(1)
	}
	switch {
	case s.over:
	case n.Err != nil:
		s.room(smallReply)
		s.out = commands.FromError(n.Err).AppendTo(s.out)
	case n.Foreign:
		s.answerForeign(i)
		return
	case it.count == countAdd:
		s.room(smallReply)
		s.out = strconv.AppendInt(append(s.out, ':'), n.N, 10)
		s.out = append(s.out, '\r', '\n')
	default:
		s.room(smallReply)
		s.out = s.appendNumber(s.out, n)
	}
	s.trim()
}

// appendNumber appends what GET replies.
func (s *session) appendNumber(dst []byte, n engine.Number) []byte {
	if n.Missing {
		return append(dst, s.null()...)
	}
	var room [20]byte
	text := strconv.AppendInt(room[:0], n.N, 10)
	return append(append(appendHeader(dst, '$', len(text)), text...), '\r', '\n')
}

// null is the reply of a key that is missing.
func (s *session) null() string {
	if s.setup.resp3() {
		return "_\r\n"
	}
	return "$-1\r\n"
}

// answerForeign has Redis answer s.run[i], whose key turns out to be nothing that
// is counted. Nothing behind it has been sent.
func (s *session) answerForeign(i int) {
	it := &s.run[i]
	hold, err := s.srv.lax.engine.Hold(s.ctx, []engine.Touch{{DB: s.setup.db, Keys: it.req.args[1:2]}})
	if err != nil {
		s.append(commands.FromError(err).AppendTo(nil))
		return
	}
	defer hold.Release()
	s.forwardNow(it)
}

// forwardNow sends one command and copies its reply; nothing else is on its way.
func (s *session) forwardNow(it *item) {
	up, reached := s.upstream()
	switch {
	case s.over:
	case !reached:
		s.append([]byte(errNoRedis))
	default:
		s.srv.metrics.forwarded.Add(1)
		if err := up.write([][]byte{it.req.raw}); err != nil {
			s.lost(err)
			return
		}
		s.copyReply(it)
	}
}
