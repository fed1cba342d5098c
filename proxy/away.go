package proxy

import "bytes"

// answerAway answers a command of Redis' while Redis cannot be reached. What
// only sets the connection up is taken note of, so that clients can connect and
// use the counters in memory; Redis gets it when there is a connection again.
// What Redis would have to decide, such as AUTH, is an error, and the client
// goes on. There is no private connection at that time.
func (s *session) answerAway(it *item) {
	args := it.req.args
	s.unshare()
	if it.kind != setsUp || !fits(args) || word(args, 0) == "auth" {
		s.append([]byte(errNoRedis))
		return
	}
	if word(args, 0) == "hello" {
		s.helloAway(args)
		return
	}
	if s.standing() == demandAuth {
		s.append([]byte(errNoAuth))
		return
	}
	reply := setupAway(args)
	if reply == replyOK && !s.setup.apply(args) {
		reply = errNoRedis
	}
	s.append([]byte(reply))
}

// setupAway is the reply to a set-up command other than HELLO. READONLY and
// READWRITE are for Redis to decide: only in a cluster are they no errors.
func setupAway(args [][]byte) string {
	switch word(args, 0) {
	case "select":
		if len(args) == 2 && string(args[1]) == "0" { // the one that is there always
			return replyOK
		}
	case "client":
		switch sub := word(args, 1); {
		case sub == "maint_notifications":
			// Clients ask for it on every connection, and go without where it
			// is unknown, as in all but Redis' commercial variants. An error
			// that asks them to try again would keep them from connecting.
			return "-ERR unknown subcommand '" + string(args[1]) + "'. Try CLIENT HELP.\r\n"
		case sub == "setname" && len(args) == 3:
			if !validName(args[2]) {
				return errClientName
			}
			return replyOK
		case sub == "setinfo" && len(args) == 4 && validName(args[3]):
			if attr := word(args, 2); attr == "lib-name" || attr == "lib-ver" {
				return replyOK
			}
		case (sub == "no-evict" || sub == "no-touch") && len(args) == 3:
			if on := word(args, 2); on == "on" || on == "off" {
				return replyOK
			}
		}
	}
	return errNoRedis
}

// validName reports whether Redis takes a client's or library's name: no blanks
// and nothing that cannot be printed.
func validName(name []byte) bool {
	return !bytes.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' })
}
