package integration

import (
	"fmt"
	"regexp"
	"strings"
)

// unknownOurs is how Redis refuses one of ours.
const unknownOurs = "-ERR unknown command 'DKC."

// stateOfOurs is what decides on a connection whether our commands are refused. It
// is taken from Redis' replies.
type stateOfOurs struct {
	count         int64 // of the increments
	resp3         bool
	multi         bool
	subscriptions map[string]string // of each kind, how many there are
}

// reply is what one of ours is answered, or how it begins, where Redis says that
// it knows it not; "" for anything else.
func (st *stateOfOurs) reply(r replied) string {
	if len(r.args) == 0 || !strings.HasPrefix(r.args[0], "DKC.") {
		return ""
	}
	name := strings.ToLower(r.args[0])
	switch {
	case r.frame == "": // Redis was told to say nothing
		st.count += st.adds(name)
		return ""
	case !strings.HasPrefix(r.frame, unknownOurs):
		return ""
	case st.multi:
		return "-ERR distkit: DK commands are not allowed in MULTI\r\n"
	case len(r.args) == 1:
		return "-ERR wrong number of arguments for '" + name + "' command\r\n"
	case st.subscribed() && !st.resp3:
		return "-ERR Can't execute '" + name + "': only (P|S)SUBSCRIBE / "
	}
	st.count += st.adds(name)
	return fmt.Sprintf(":%d\r\n", st.count)
}

// adds is what a command adds to the counter.
func (st *stateOfOurs) adds(name string) int64 {
	if name == "dkc.inc" {
		return 1
	}
	return 0
}

func (st *stateOfOurs) subscribed() bool {
	for _, n := range st.subscriptions {
		if n != "0" {
			return true
		}
	}
	return false
}

// subscription is a reply to SUBSCRIBE and its like; it ends with what is left.
var subscription = regexp.MustCompile(`(?s)^[*>]3\r\n\$\d+\r\n(s?)(?:p?)(?:un)?subscribe\r\n.*:(\d+)\r\n$`)

// note follows the state by Redis' replies.
func (st *stateOfOurs) note(r replied) {
	if m := subscription.FindStringSubmatch(r.frame); m != nil {
		if st.subscriptions == nil {
			st.subscriptions = make(map[string]string)
		}
		st.subscriptions[m[1]] = m[2]
	}
	if r.args == nil || strings.HasPrefix(r.frame, "-") && !strings.HasPrefix(r.frame, "-EXECABORT") {
		return
	}
	switch strings.ToLower(r.args[0]) {
	case "multi":
		st.multi = true
	case "exec", "discard":
		st.multi = false
	case "reset":
		*st = stateOfOurs{count: st.count}
	case "hello":
		st.resp3 = strings.HasPrefix(r.frame, "%")
	}
}
