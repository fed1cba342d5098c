package integration

import (
	"fmt"
	"regexp"
	"strings"
)

// anyCounter stands in what is sent to Redis itself for the counter that is
// incremented between the commands.
const anyCounter = "direct"

// stateOfOurs is what decides on a connection whether our commands are refused. It
// is taken from Redis' replies.
type stateOfOurs struct {
	resp3         bool
	multi         bool
	subscriptions map[string]string // of each kind, how many there are
}

// reply is what one of ours is answered where Redis says that it knows it not,
// and whether it is next, the value that the counter between the commands has if
// it is in order.
func (st *stateOfOurs) reply(args []string, next int64) (want *regexp.Regexp, counts bool) {
	switch {
	case st.multi:
		return regexp.MustCompile(`^-ERR distkit: DK commands are not allowed in MULTI\r\n$`), false
	case st.subscribed() && !st.resp3:
		return regexp.MustCompile(`^-ERR Can't execute '` + strings.ToLower(args[0]) + `': only \(P\|S\)SUBSCRIBE / `), false
	case len(args) == 1:
		return regexp.MustCompile(`^-ERR wrong number of arguments for '` + strings.ToLower(args[0]) + `' command\r\n$`), false
	case args[1] == anyCounter:
		return regexp.MustCompile(fmt.Sprintf(`^:%d\r\n$`, next)), true
	}
	return regexp.MustCompile(`^(:\d+|\*2\r\n:\d+\r\n:\d+)\r\n$`), false
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
		*st = stateOfOurs{}
	case "hello":
		st.resp3 = strings.HasPrefix(r.frame, "%")
	}
}
