package proxy

// voice is whether the client of a pump wants replies, as it has said with CLIENT
// REPLY.
type voice struct {
	mode
	exec    *mode // what EXEC makes of it, by CLIENT REPLY queued in this MULTI; nil: nothing
	spoiled bool  // … but Redis will not execute what is queued
	// torn: EXEC has turned replies off, and its own lacks the items from there on.
	// What is made audible next is taken for one of them.
	torn bool
}

type mode struct {
	off, skip bool // off: no replies; skip: none to the next command
}

// silent reports whether the next command has no reply.
func (v *voice) silent() bool { return v.off || v.skip }

// hear takes note of a command that is sent on, in MULTI or not, and reports
// whether its own reply is silent.
func (v *voice) hear(k kind, args [][]byte, inMulti bool) (silent bool) {
	silent = v.silent()
	v.skip = false
	switch {
	case k == resets && len(args) == 1:
		*v = voice{}
	case k == opensMulti && !inMulti:
		v.exec, v.spoiled = nil, false
	case k == execs:
		if v.exec != nil && len(args) == 1 {
			v.mode, v.torn = *v.exec, v.exec.off && (v.torn || !v.off)
		}
		v.exec, v.spoiled = nil, false
	case k == discards && len(args) == 1:
		v.exec, v.spoiled = nil, false
	case k != pumps || word(args, 0) != "client" || word(args, 1) != "reply" || len(args) != 3:
	case !inMulti:
		v.mode.turn(word(args, 2))
		v.torn = v.torn && v.off
	case !v.spoiled:
		if v.exec == nil {
			v.exec = &mode{off: v.off}
		}
		v.exec.turn(word(args, 2))
	}
	return silent
}

// spoil says that Redis has been sent what it refuses to queue.
func (v *voice) spoil() { v.exec, v.spoiled = nil, true }

func (m *mode) turn(to string) {
	switch to {
	case "on":
		m.off = false
	case "off":
		m.off = true
	case "skip":
		m.skip = !m.off
	}
}
