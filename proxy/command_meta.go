package proxy

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"github.com/distkit/distkit-proxy/commands"
)

// edit is how a client gets a reply of Redis' that has to tell of us, too.
type edit struct {
	raw []byte // what Redis is asked
	// change makes our reply of Redis' one; nil: it is passed on as it is.
	change func(reply []byte) []byte
	// own is the reply of ours alone, which takes authentication but not Redis;
	// nil: there is none.
	own func() []byte
}

// answerEdited answers COMMAND or INFO.
func (s *session) answerEdited(e edit) {
	if e.own != nil {
		if refused := s.noAuth(); refused != "" {
			s.append([]byte(refused))
			return
		}
		s.append(e.own())
		return
	}
	if reply, ok := s.ask(e.raw); ok {
		s.append(e.of(reply))
	}
}

// of is the reply for Redis' own.
func (e *edit) of(reply []byte) []byte {
	if e.change == nil {
		return reply
	}
	return e.change(reply)
}

// editOf is how COMMAND or INFO, in a protocol, is answered. It keeps the
// arguments and the raw command.
func (srv *Server) editOf(k kind, args [][]byte, raw []byte, resp3 bool) edit {
	if k == informs {
		return srv.editInfo(args, raw, resp3)
	}
	return editCommand(args, raw, resp3)
}

// editCommand is for COMMAND and its subcommands: Redis' own reply, its entries
// untouched, with ours among them.
func editCommand(args [][]byte, raw []byte, resp3 bool) edit {
	sub := ""
	if len(args) > 1 {
		sub = lower(string(args[1]))
	}
	list := func(ours []*commands.Command, width int, add appender) edit {
		return edit{raw: raw, change: func(reply []byte) []byte { return spliceList(reply, ours, width, add, resp3) }}
	}
	switch {
	case sub == "" || sub == "info" && len(args) == 2:
		return list(commands.All(), 1, appendInfo)
	case sub == "count" && len(args) == 2:
		return edit{raw: raw, change: addCount}
	case sub == "list":
		return list(listed(args), 1, appendName)
	case sub == "info":
		return edit{raw: raw, change: func(reply []byte) []byte { return replaceInfo(reply, args[2:], resp3) }}
	case sub == "docs":
		return list(documented(args), 2, appendDocs)
	case (sub == "getkeys" || sub == "getkeysandflags") && len(args) > 2 && commands.Lookup(args[2]) != nil:
		return edit{raw: raw, own: func() []byte { return getKeys(commands.Lookup(args[2]), args[2:], sub == "getkeysandflags") }}
	}
	return edit{raw: raw}
}

// appender writes one command's part of a reply.
type appender func(dst []byte, c *commands.Command, resp3 bool) []byte

func appendInfo(dst []byte, c *commands.Command, resp3 bool) []byte {
	if resp3 {
		return c.AppendInfoRESP3(dst)
	}
	return c.AppendInfo(dst)
}

func appendDocs(dst []byte, c *commands.Command, resp3 bool) []byte { return c.AppendDocs(dst, resp3) }

func appendName(dst []byte, c *commands.Command, _ bool) []byte {
	return append(append(appendHeader(dst, '$', len(c.Name())), c.Name()...), '\r', '\n')
}

// spliceList adds our commands to the array or map that Redis answers: its count
// changes, its entries do not. width is what a command counts in an array: 2
// where RESP3 has a map.
func spliceList(reply []byte, ours []*commands.Command, width int, add appender, resp3 bool) []byte {
	n, body, found := aggregate(reply)
	if !found {
		return reply
	}
	entries := len(ours)
	if reply[0] == '*' {
		entries *= width
	}
	out := append(appendHeader(nil, reply[0], n+entries), body...)
	for _, c := range ours {
		out = add(out, c, resp3)
	}
	return out
}

// aggregate takes the header off an array or map.
func aggregate(reply []byte) (n int, body []byte, ok bool) {
	if len(reply) == 0 || reply[0] != '*' && reply[0] != '%' {
		return 0, nil, false
	}
	line, body, found := bytes.Cut(reply[1:], []byte("\r\n"))
	n, err := strconv.Atoi(string(line))
	return n, body, found && err == nil && n >= 0
}

// addCount is COMMAND COUNT.
func addCount(reply []byte) []byte {
	if n, err := strconv.Atoi(strings.TrimSpace(string(reply[1:]))); err == nil && reply[0] == ':' {
		return appendHeader(nil, ':', n+len(commands.All()))
	}
	return reply
}

// listed are ours in COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob].
func listed(args [][]byte) []*commands.Command {
	if len(args) != 5 {
		return commands.All()
	}
	by, want := lower(string(args[3])), string(args[4])
	var ours []*commands.Command
	for _, c := range commands.All() {
		if matches(c, by, want) {
			ours = append(ours, c)
		}
	}
	return ours
}

// matches is a filter of COMMAND LIST; we belong to no module.
func matches(c *commands.Command, by, want string) bool {
	switch by {
	case "pattern":
		ok, err := path.Match(lower(want), c.Name())
		return ok && err == nil
	case "aclcat":
		return bytes.Contains(c.AppendInfo(nil), []byte("+@"+lower(want)+"\r\n"))
	}
	return false
}

// replaceInfo is COMMAND INFO name…: Redis answers a null where it does not
// know the name, and we know some of those.
func replaceInfo(reply []byte, names [][]byte, resp3 bool) []byte {
	n, body, found := aggregate(reply)
	if !found || n != len(names) {
		return reply
	}
	out := appendHeader(nil, reply[0], n)
	var fr replyFramer
	for _, name := range names {
		k, done, err := fr.scan(body)
		if err != nil || !done {
			return reply
		}
		fr.reset()
		if c := commands.Lookup(name); c != nil {
			out = appendInfo(out, c, resp3)
		} else {
			out = append(out, body[:k]...)
		}
		body = body[k:]
	}
	return out
}

// documented are ours in COMMAND DOCS [name…]: Redis leaves out the names that it does not know.
func documented(args [][]byte) []*commands.Command {
	if len(args) <= 2 {
		return commands.All()
	}
	var ours []*commands.Command
	for _, name := range args[2:] {
		if c := commands.Lookup(name); c != nil {
			ours = append(ours, c)
		}
	}
	return ours
}

// getKeys is COMMAND GETKEYS and GETKEYSANDFLAGS for a command of ours.
func getKeys(c *commands.Command, args [][]byte, withFlags bool) []byte {
	keys, err := c.Keys(args)
	if err != nil {
		return commands.FromError(err).AppendTo(nil)
	}
	out := appendHeader(nil, '*', len(keys))
	for _, key := range keys {
		if withFlags {
			out = append(out, "*2\r\n"...)
		}
		out = append(append(appendHeader(out, '$', len(key)), key...), '\r', '\n')
		if withFlags {
			out = append(out, "*1\r\n+RW\r\n"...)
		}
	}
	return out
}
