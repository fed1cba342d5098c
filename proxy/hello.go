package proxy

import (
	"bytes"
	"strconv"
	"strings"
	"sync/atomic"
)

// unseenVersion is the version of a Redis that was never seen.
const unseenVersion = "7.0.0"

// seenRedis is what is known of the Redis behind from its own replies, to be
// said again while it is away. Safe for concurrent use; the zero value is ready.
type seenRedis struct {
	version atomic.Pointer[string]
	lastID  atomic.Int64 // of the clients that were answered here
}

// note remembers the version.
func (r *seenRedis) note(version []byte) {
	if old := r.version.Load(); len(version) == 0 || len(version) > maxKindName || old != nil && *old == string(version) {
		return
	}
	v := string(version)
	r.version.Store(&v)
}

// fromHello takes it from Redis' reply to HELLO.
func (r *seenRedis) fromHello(reply []byte) {
	if _, rest, found := bytes.Cut(reply, []byte("\r\nversion\r\n")); found {
		version, _ := bulkBody(rest)
		r.note(version)
	}
}

// fromInfo takes it from Redis' reply to INFO.
func (r *seenRedis) fromInfo(text []byte) {
	if _, rest, found := bytes.Cut(text, []byte("\nredis_version:")); found {
		version, _, _ := bytes.Cut(rest, []byte("\r\n"))
		r.note(version)
	}
}

// hello is what Redis 7 replies to HELLO, in the protocol that is on after it.
func (r *seenRedis) hello(resp3 bool) []byte {
	kind, n, proto, version := byte('*'), 14, int64(2), unseenVersion
	if resp3 {
		kind, n, proto = '%', 7, 3
	}
	if v := r.version.Load(); v != nil {
		version = *v
	}
	out := appendHeader(nil, kind, n)
	text := func(words ...string) {
		for _, w := range words {
			out = append(append(appendHeader(out, '$', len(w)), w...), '\r', '\n')
		}
	}
	number := func(n int64) { out = append(strconv.AppendInt(append(out, ':'), n, 10), '\r', '\n') }
	text("server", "redis", "version", version, "proto")
	number(proto)
	text("id")
	number(r.lastID.Add(1))
	text("mode", "standalone", "role", "master", "modules")
	return append(out, "*0\r\n"...)
}

// helloAway answers HELLO while Redis cannot be reached, in Redis' words. With
// AUTH it is Redis' to decide.
func (s *session) helloAway(args [][]byte) {
	refused := checkHello(args)
	if refused == "" && s.standing() == demandAuth {
		refused = errNoAuthHello
	}
	if refused == "" && !s.setup.apply(args) {
		refused = errNoRedis
	}
	if refused != "" {
		s.append([]byte(refused))
		return
	}
	s.append(s.srv.seen.hello(s.setup.resp3()))
}

// checkHello returns the error reply to a HELLO, or "".
func checkHello(args [][]byte) string {
	if len(args) < 2 {
		return ""
	}
	if version, ok := parseLen(args[1]); !ok {
		return errHelloVersion
	} else if version < 2 || version > 3 {
		return errNoProto
	}
	auth := false
	for i := 2; i < len(args); i++ {
		switch {
		case word(args, i) == "auth" && i+2 < len(args):
			auth = true
			i += 2
		case word(args, i) == "setname" && i+1 < len(args):
			if i++; !validName(args[i]) {
				return errClientName
			}
		default:
			return helloSyntax(args[i])
		}
	}
	if auth {
		return errNoRedis
	}
	return ""
}

// helloSyntax is Redis' error for an option of HELLO that is none, on one line.
func helloSyntax(option []byte) string {
	line := strings.NewReplacer("\r", " ", "\n", " ").Replace(string(option[:min(len(option), 128)]))
	return "-ERR Syntax error in HELLO option '" + line + "'\r\n"
}
