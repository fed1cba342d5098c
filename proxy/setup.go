package proxy

import "strconv"

// slot is one kind of what a client sets up on its connection. The order is
// that of the replay: what a user may do at all comes first.
type slot uint8

const (
	slotAuth    slot = iota // AUTH, HELLO … AUTH
	slotProto               // HELLO 3
	slotName                // CLIENT SETNAME, HELLO … SETNAME
	slotLibName             // CLIENT SETINFO LIB-NAME
	slotLibVer              // CLIENT SETINFO LIB-VER
	slotNoEvict             // CLIENT NO-EVICT ON
	slotNoTouch             // CLIENT NO-TOUCH ON
	slotDB                  // SELECT
	slotRead                // READONLY
	slots
)

var slotNames = [slots]string{"AUTH", "HELLO", "CLIENT SETNAME", "CLIENT SETINFO", "CLIENT SETINFO", "CLIENT NO-EVICT", "CLIENT NO-TOUCH", "SELECT", "READONLY"}

// optional reports whether a client goes on where Redis refuses it, as all do
// with CLIENT SETINFO, which older ones do not know.
func (s slot) optional() bool { return s == slotLibName || s == slotLibVer }

// maxSetup bounds a command that is remembered: an AUTH may carry a token.
const maxSetup = 16 << 10

// setup is what a client has set up on its connection and a new connection to
// Redis lacks: for each slot the last command, complete, or nil where a new
// connection is as it should be. So it is bounded, whatever a client sends. It
// holds secrets and is never logged. The zero value is a new connection.
//
// Not safe for concurrent use.
type setup struct {
	cmds [slots][]byte
	db   int // the database that is selected
	// elsewhere: only Redis knows which one, as it was selected in a transaction;
	// accent: likewise which protocol is spoken, and so what null is.
	elsewhere, accent bool
}

// shareable reports whether a shared connection can be set up so.
func (s *setup) shareable() bool {
	return !s.elsewhere && !s.accent && s.cmds[slotNoEvict] == nil && s.cmds[slotNoTouch] == nil && s.cmds[slotRead] == nil
}

// resp3 reports whether the client speaks RESP3.
func (s *setup) resp3() bool { return s.cmds[slotProto] != nil }

// apply remembers what a command, which was accepted, has changed. It reports
// false if not all of that can be remembered.
func (s *setup) apply(args [][]byte) bool {
	switch word(args, 0) {
	case "auth":
		return s.set(slotAuth, args...)
	case "hello":
		return s.applyHello(args)
	case "select":
		s.db, _ = strconv.Atoi(word(args, 1))
		s.elsewhere = false
		return s.setUnless(slotDB, word(args, 1) == "0", args...)
	case "readonly", "readwrite":
		return s.setUnless(slotRead, word(args, 0) == "readwrite", args...)
	case "client":
		return s.applyClient(args)
	}
	return false
}

// supposeQueued takes note of a command of which only EXEC's reply tells what became.
func (s *setup) supposeQueued(args [][]byte) {
	s.elsewhere = s.elsewhere || word(args, 0) == "select"
	s.accent = s.accent || word(args, 0) == "hello"
}

// applyHello takes HELLO [version [AUTH user password] [SETNAME name]] apart:
// a later AUTH or SETNAME replaces its own part only.
func (s *setup) applyHello(args [][]byte) bool {
	if len(args) < 2 {
		return true
	}
	s.accent = false
	all := s.setUnless(slotProto, string(args[1]) == "2", args[:2]...)
	for i := 2; i < len(args); i++ {
		switch {
		case word(args, i) == "auth" && i+2 < len(args):
			all = s.set(slotAuth, []byte("AUTH"), args[i+1], args[i+2]) && all
			i += 2
		case word(args, i) == "setname" && i+1 < len(args):
			all = s.setName(args[i+1]) && all
			i++
		default:
			return false
		}
	}
	return all
}

func (s *setup) applyClient(args [][]byte) bool {
	switch sub := word(args, 1); {
	case sub == "setname" && len(args) == 3:
		return s.setName(args[2])
	case sub == "setinfo" && len(args) == 4 && word(args, 2) == "lib-name":
		return s.set(slotLibName, args...)
	case sub == "setinfo" && len(args) == 4 && word(args, 2) == "lib-ver":
		return s.set(slotLibVer, args...)
	case sub == "no-evict" && len(args) == 3:
		return s.setUnless(slotNoEvict, word(args, 2) == "off", args...)
	case sub == "no-touch" && len(args) == 3:
		return s.setUnless(slotNoTouch, word(args, 2) == "off", args...)
	}
	return false
}

func (s *setup) setName(name []byte) bool {
	return s.setUnless(slotName, len(name) == 0, []byte("CLIENT"), []byte("SETNAME"), name)
}

// setUnless remembers a command unless it makes things as on a new connection.
func (s *setup) setUnless(at slot, initial bool, args ...[]byte) bool {
	if initial {
		s.cmds[at] = nil
		return true
	}
	return s.set(at, args...)
}

// set remembers a copy, as the arguments are the framer's; false if it is too long.
func (s *setup) set(at slot, args ...[]byte) bool {
	s.cmds[at] = nil
	if !fits(args) {
		return false
	}
	s.cmds[at] = appendCommand(nil, args...)
	return true
}

// fits reports whether a command is short enough to be remembered.
func fits(args [][]byte) bool {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	return size <= maxSetup
}

// reset is RESET: all is as on a new connection, but the library stays what it is.
func (s *setup) reset() {
	lib, ver := s.cmds[slotLibName], s.cmds[slotLibVer]
	*s = setup{}
	s.cmds[slotLibName], s.cmds[slotLibVer] = lib, ver
}

// word is an argument in lower case, or "" if it is not there or too long for a keyword.
func word(args [][]byte, i int) string {
	if i >= len(args) || len(args[i]) > maxKindName {
		return ""
	}
	return lower(string(args[i]))
}
