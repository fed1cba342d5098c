package proxy

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"github.com/distkit/distkit-proxy/commands"
)

// answerCommand answers COMMAND and its subcommands: Redis' own reply, its
// entries untouched, with ours among them.
func (s *session) answerCommand(req request) {
	sub := ""
	if len(req.args) > 1 {
		sub = lower(string(req.args[1]))
	}
	switch {
	case sub == "" || sub == "info" && len(req.args) == 2:
		s.spliceList(req.raw, commands.All(), 1, appendInfo)
	case sub == "count" && len(req.args) == 2:
		s.addCount(req.raw)
	case sub == "list":
		s.spliceNames(req)
	case sub == "info":
		s.replaceInfo(req)
	case sub == "docs":
		s.spliceDocs(req)
	case (sub == "getkeys" || sub == "getkeysandflags") && len(req.args) > 2 && commands.Lookup(req.args[2]) != nil:
		if refused := s.noAuth(); refused != "" {
			s.append([]byte(refused))
			return
		}
		s.append(getKeys(commands.Lookup(req.args[2]), req.args[2:], sub == "getkeysandflags"))
	default:
		if reply, ok := s.ask(req.raw); ok {
			s.append(reply)
		}
	}
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

// spliceList asks Redis and adds our commands to the array or map that it
// answers: its count changes, its entries do not. width is what a command
// counts in an array: 2 where RESP3 has a map.
func (s *session) spliceList(raw []byte, ours []*commands.Command, width int, add appender) {
	reply, ok := s.ask(raw)
	if !ok {
		return
	}
	n, body, found := aggregate(reply)
	if !found {
		s.append(reply)
		return
	}
	entries := len(ours)
	if reply[0] == '*' {
		entries *= width
	}
	out := append(appendHeader(nil, reply[0], n+entries), body...)
	for _, c := range ours {
		out = add(out, c, s.setup.resp3())
	}
	s.append(out)
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
func (s *session) addCount(raw []byte) {
	reply, ok := s.ask(raw)
	if !ok {
		return
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(reply[1:]))); err == nil && reply[0] == ':' {
		reply = appendHeader(nil, ':', n+len(commands.All()))
	}
	s.append(reply)
}

// spliceNames is COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob].
func (s *session) spliceNames(req request) {
	ours := commands.All()
	if len(req.args) == 5 {
		by, want := lower(string(req.args[3])), string(req.args[4])
		ours = nil
		for _, c := range commands.All() {
			if matches(c, by, want) {
				ours = append(ours, c)
			}
		}
	}
	s.spliceList(req.raw, ours, 1, appendName)
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
func (s *session) replaceInfo(req request) {
	names := req.args[2:]
	reply, ok := s.ask(req.raw)
	if !ok {
		return
	}
	n, body, found := aggregate(reply)
	if !found || n != len(names) {
		s.append(reply)
		return
	}
	out := appendHeader(nil, reply[0], n)
	var fr replyFramer
	for _, name := range names {
		k, done, err := fr.scan(body)
		if err != nil || !done {
			s.append(reply)
			return
		}
		fr.reset()
		if c := commands.Lookup(name); c != nil {
			out = appendInfo(out, c, s.setup.resp3())
		} else {
			out = append(out, body[:k]...)
		}
		body = body[k:]
	}
	s.append(out)
}

// spliceDocs is COMMAND DOCS [name…]: Redis leaves out the names that it does not know.
func (s *session) spliceDocs(req request) {
	ours := commands.All()
	if len(req.args) > 2 {
		ours = nil
		for _, name := range req.args[2:] {
			if c := commands.Lookup(name); c != nil {
				ours = append(ours, c)
			}
		}
	}
	s.spliceList(req.raw, ours, 2, appendDocs)
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
