package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// setupTime is how long Redis may take for what a new connection begins with:
// one that accepts and says nothing is not reached. It is shorter than what the
// client libraries wait for a reply.
const setupTime = 2 * time.Second

// errRefusedReplay is returned by prepare when Redis does not take back what it
// took before: the session would not be what its client believes.
var errRefusedReplay = errors.New("proxy: Redis refuses what the client has set up before")

// probe is sent first where the connections before died without a word, as
// behind a forwarder whose Redis is away. Its reply, whichever, says that there
// is a Redis, before anything is sent whose outcome matters.
var probe = appendCommand(nil, "PING")

// answerSetup answers s.run[i], a set-up command that was sent, and remembers
// what it changed. Its reply is held whole, so that a connection that dies
// before it has cost nothing. It reports false if Redis is not reached any more.
func (s *session) answerSetup(i int) bool {
	it := &s.run[i]
	if !s.up.pending() && s.send() != nil {
		return true
	}
	harmless, up := s.harmless(i), s.up
	bounded := harmless && !up.proven
	if bounded {
		_ = up.conn.SetReadDeadline(time.Now().Add(setupTime))
	}
	reply, err := s.whole(up)
	if bounded && err == nil {
		err = up.conn.SetReadDeadline(time.Time{})
	}
	switch {
	case err != nil && harmless:
		s.notReached(err)
		s.answerAway(it)
		return false
	case err != nil:
		s.lost(err)
		return true
	}
	s.noteSetup(it.req.args, reply)
	s.append(reply)
	return true
}

// noteSetup takes note of Redis' reply to a command that sets the connection up.
// Without one nothing is known.
func (s *session) noteSetup(args [][]byte, reply []byte) {
	s.unshare()
	switch {
	case len(reply) == 0 || queued(reply):
		s.opaque = true // what EXEC makes of it is not looked at
		s.setup.supposeQueued(args)
		if _, other := userOf(args); other {
			s.becomes("")
		}
	case reply[0] == '-' || reply[0] == '!':
		user, changed := halfDone(args, reply)
		s.opaque = s.opaque || changed
		if user {
			s.becomes("")
		}
	default:
		s.accepted(args)
		if !s.setup.apply(args) {
			s.opaque = true
		}
		if word(args, 0) == "hello" {
			s.srv.seen.fromHello(reply)
		}
	}
}

// halfDone reports what a refused HELLO may have done all the same: made another
// user of the client, or changed anything at all. Redis goes through the options
// in their order until one is wrong.
func halfDone(args [][]byte, reply []byte) (user, changed bool) {
	if word(args, 0) != "hello" || untouched(reply) {
		return false, false
	}
	users, names := 0, 0
options:
	for i := 2; i < len(args); i++ {
		switch {
		case word(args, i) == "auth" && i+2 < len(args):
			users++
			i += 2
		case word(args, i) == "setname" && i+1 < len(args):
			names++
			i++
		default:
			break options
		}
	}
	named := users > 0 && names > 0
	if bytes.HasPrefix(reply, []byte("-WRONGPASS")) {
		users-- // that of one of them
	}
	return users > 0, users > 0 || named
}

// untouched reports whether Redis has refused a HELLO before it looked at any option.
func untouched(reply []byte) bool {
	for _, begin := range []string{errNoProto, errHelloVersion, "-NOPERM", subscribersMay} {
		if bytes.HasPrefix(reply, []byte(begin)) {
			return true
		}
	}
	return false
}

// harmless reports whether nothing is lost with the connection when what was
// sent of s.run[i:] is: all of it can be repeated.
func (s *session) harmless(i int) bool {
	if s.pinned() {
		return false
	}
	for _, it := range s.run[i:] {
		if it.forwards() && it.kind != setsUp {
			return false
		}
	}
	return true
}

// prepare makes a new private connection what the session's client believes it
// to be: what was set up is sent again, in one write, and the replies are
// swallowed. An error other than errRefusedReplay means that Redis was not
// reached: nothing that a client sent is lost with the connection.
func (s *session) prepare(up *upstream) error {
	var sends [][]byte
	var asked []slot
	if s.srv.dialer.suspect.Load() {
		sends, asked = append(sends, probe), append(asked, slots)
	}
	for at, cmd := range s.setup.cmds {
		if cmd != nil {
			sends, asked = append(sends, cmd), append(asked, slot(at))
		}
	}
	if len(sends) == 0 {
		if !up.alive() {
			return errors.New("proxy: the new connection to Redis was closed")
		}
		return nil
	}
	if err := up.conn.SetDeadline(time.Now().Add(setupTime)); err != nil {
		return err
	}
	if err := up.write(sends); err != nil {
		return err
	}
	for _, at := range asked {
		reply, err := s.whole(up)
		if err != nil {
			return err
		}
		if err := s.judge(at, reply); err != nil {
			return err
		}
	}
	return up.conn.SetDeadline(time.Time{})
}

// judge looks at the reply to a replayed command.
func (s *session) judge(at slot, reply []byte) error {
	failed := reply[0] == '-' || reply[0] == '!'
	switch {
	case failed && notNow(reply):
		return fmt.Errorf("proxy: Redis takes no clients now: %.60q", reply)
	case failed && at != slots && !at.optional():
		return fmt.Errorf("%w: %s", errRefusedReplay, slotNames[at])
	case at == slotProto && !failed:
		s.srv.seen.fromHello(reply)
	}
	return nil
}

// notNow reports whether an error says nothing of the command, only that Redis
// is busy with itself.
func notNow(reply []byte) bool {
	for _, begin := range []string{"-LOADING", "-BUSY ", "-MASTERDOWN", "-ERR max number of clients"} {
		if bytes.HasPrefix(reply, []byte(begin)) {
			return true
		}
	}
	return false
}
