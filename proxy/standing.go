package proxy

// What a client may send before it has authenticated, as in Redis: at most so
// many arguments, and so many bytes in each.
const (
	strangerArgs = 10
	strangerBulk = 16 << 10
)

// small reports whether a request is within these bounds.
func small(args [][]byte) bool {
	for _, a := range args {
		if len(a) > strangerBulk {
			return false
		}
	}
	return len(args) <= strangerArgs
}

// standing is what is asked of this client before it is served: nothing once
// Redis has accepted its AUTH or has said that it demands none. An old answer
// of a Redis that cannot be asked now serves, and is not kept; nobody waits for
// a Redis that did not answer the last time.
func (s *session) standing() demand {
	if s.authed {
		return demandNothing
	}
	last, fresh, ok := s.srv.demand.recent()
	switch {
	case ok:
	case s.srv.demand.failed():
		s.srv.demand.begin()
	default:
		if s.send() != nil { // Redis is waited for
			return demandUnknown
		}
		last, fresh = s.srv.demand.ask(s.ctx)
	}
	s.authed = last == demandNothing && fresh
	return last
}

// stranger reports whether the client's requests must be small, and whether that
// is sure. While nobody knows what Redis demands they need not: the reply will
// ask the client to try again, and a protocol error would not. A pump runs only
// for those who may have one.
func (s *session) stranger() (yes, sure bool) {
	if s.pumping {
		return false, true
	}
	return s.standing() == demandAuth, s.authed
}

// noAuth is the error for what only those may have whom Redis would serve, or
// "". As long as Redis could never be asked nobody is known to be one.
func (s *session) noAuth() string {
	switch s.standing() {
	case demandNothing:
		return ""
	case demandAuth:
		return errNoAuth
	}
	return errNoRedis
}

// accepted takes note that Redis itself has accepted a set-up command. Only so
// does a client count as authenticated: not by a HELLO that was refused half
// done, and not by anything that is answered while Redis is away.
func (s *session) accepted(args [][]byte) {
	if user, found := userOf(args); found {
		s.authed, s.named = true, true
		s.becomes(user)
	}
}

// answerPump answers a command that begins a pump, unless Redis will refuse it
// because the client has not authenticated: then replies stay one for one, and
// the client may do all that others may once it has.
func (s *session) answerPump(it *item) {
	switch {
	case s.standing() != demandAuth:
		s.startPump(it.req)
	case pumpTakes(it.req.args):
		s.append([]byte(errNoAuth))
	default:
		it.kind = plain
		s.run = append(s.run, *it)
		s.answerRun()
	}
}

// pumpTakes reports whether the number of arguments is right. If it is wrong
// Redis says that first.
func pumpTakes(args [][]byte) bool {
	switch word(args, 0) {
	case "monitor", "sync":
		return len(args) == 1
	case "client":
		return len(args) == 3 || len(args) > 3 && word(args, 1) == "tracking"
	case "subscribe", "psubscribe", "ssubscribe":
		return len(args) > 1
	case "psync":
		return len(args) > 2
	}
	return true
}

// resetsAuth reports whether a command may end what AUTH began.
func resetsAuth(args [][]byte) bool {
	const name = "reset"
	var lower [len(name)]byte
	return len(args) == 1 && len(args[0]) == len(name) && string(appendLower(lower[:0], args[0])) == name
}
