package proxy

import (
	"bufio"
	"bytes"
	"regexp"

	"github.com/alicebob/miniredis/v2/server"
)

// scriptError is how miniredis tells of a command that failed in a script:
// the command's own error, which Redis would answer, is in its middle.
var scriptError = regexp.MustCompile(`^-ERR Error compiling script \(new function\): \S*:\d+: ([A-Z]+ .*?)\s+stack traceback:`)

// eval runs EVAL or EVALSHA with the errors that Redis would answer.
func eval(cmd string) func(e *Embedded, c *server.Peer, args []string) bool {
	return func(e *Embedded, c *server.Peer, args []string) bool {
		var out bytes.Buffer
		// A peer of the same connection whose replies can be looked at.
		inner := server.NewPeer(bufio.NewWriter(&out))
		inner.Ctx, inner.Resp3 = c.Ctx, c.Resp3
		e.enter(inner) // so that it runs at once
		defer e.leave(inner)
		e.srv.Dispatch(inner, append([]string{cmd}, args...))
		inner.Flush()
		c.Ctx = inner.Ctx
		reply := out.String()
		if m := scriptError.FindStringSubmatch(reply); m != nil {
			reply = "-" + m[1] + "\r\n"
		}
		c.WriteRaw(reply)
		return true
	}
}
