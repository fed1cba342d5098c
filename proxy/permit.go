package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/acl"
)

// defaultUser is who a client is to Redis before any AUTH.
const defaultUser = "default"

// barred is the error for a command of ours that the client may not have, or "".
// One with a wrong number of arguments is refused for that, whoever sends it: so
// has Redis. A user with all rights is looked at once a batch.
func (s *session) barred(it *item) string {
	if s.cleared || !it.cmd.Takes(len(it.req.args)) {
		return ""
	}
	if refused := s.noAuth(); refused != "" {
		return refused
	}
	if s.srv.acl == nil {
		s.cleared = s.authed
		return ""
	}
	return s.unpermitted(it.cmd, it.req.args)
}

// unpermitted asks whether the client's user could do directly in Redis what a
// command of ours does, and returns the error if not.
func (s *session) unpermitted(cmd *commands.Command, args [][]byte) string {
	if s.disguised {
		return errDisguised
	}
	if s.user == nil {
		s.user = s.srv.acl.User(defaultUser)
	}
	if s.user.All() {
		s.cleared = s.authed
		return ""
	}
	written := func() bool { return s.send() == nil } // before Redis is waited for
	switch s.user.Rights(s.ctx, written) {
	case engine.PermitAll:
		s.cleared = s.authed
		return ""
	case engine.PermitGone:
		return s.expelled()
	case engine.PermitUnknown:
		return errNoRedis
	}
	if cmd.Administers() {
		return noCommand(cmd.Name())
	}
	for ns := range cmd.Namespaces(s.srv.opts.Engine, args) {
		switch s.user.May(s.ctx, cmd.Family(), ns, cmd.Writes(), written, s.tryout()) {
		case engine.PermitYes:
		case engine.PermitNoCommand:
			return noCommand(engine.Use{Write: cmd.Writes()}.Command())
		case engine.PermitNoKey:
			return errNoKey
		case engine.PermitGone:
			return s.expelled()
		case engine.PermitUnknown:
			return errNoRedis
		default:
			return errUntold
		}
	}
	return ""
}

// expelled ends the session of a user whom Redis does not have any more: it
// closes the connections of such.
func (s *session) expelled() string {
	s.append([]byte(errNoAuth))
	s.close()
	return errNoAuth
}

// permitted reports whether it is known, without asking, that the client may
// have a command of ours.
func (s *session) permitted(args [][]byte) bool {
	if s.cleared || s.srv.acl == nil {
		return true
	}
	cmd := commands.Lookup(args[0])
	if cmd == nil || s.user == nil || s.disguised {
		return false
	}
	for ns := range cmd.Namespaces(s.srv.opts.Engine, args) {
		if !s.user.Known(cmd.Family(), ns, cmd.Writes()) {
			return false
		}
	}
	return true
}

// becomes takes note that the client is another user now; "" is one of whom
// only Redis knows who it is.
func (s *session) becomes(user string) {
	s.cleared, s.disguised, s.user = false, user == "", nil
	if s.srv.acl != nil && user != "" {
		s.user = s.srv.acl.User(user)
	}
}

// userOf is whom an accepted AUTH or HELLO makes of the client; false if it
// says nothing of that.
func userOf(args [][]byte) (string, bool) {
	switch word(args, 0) {
	case "auth":
		switch len(args) {
		case 2:
			return defaultUser, true
		case 3:
			return string(args[1]), true
		}
	case "hello":
		user, found := "", false
		for i := 2; i < len(args); i++ {
			switch word(args, i) {
			case "auth":
				if i+2 < len(args) {
					user, found = string(args[i+1]), true
				}
				i += 2
			case "setname":
				i++
			}
		}
		return user, found
	}
	return "", false
}

// tryout finds out what the client's user may do where Redis does not tell: it
// goes to Redis as that user. Nil if it cannot, as with a password too long to
// be remembered.
func (s *session) tryout() acl.Tryout {
	auth := s.setup.cmds[slotAuth]
	if auth == nil && s.named {
		return nil
	}
	srv := s.srv
	return func(ctx context.Context, use engine.Use) (engine.Permit, error) {
		ctx, cancel := context.WithTimeout(ctx, demandTime)
		defer cancel()
		conn, err := dialRedis(ctx, srv.opts.Redis)
		if err != nil {
			return engine.PermitUnknown, err
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		r := bufio.NewReaderSize(conn, maxAnswer)
		ask := func(command []byte) ([]byte, error) {
			if _, err := conn.Write(command); err != nil {
				return nil, err
			}
			return r.ReadSlice('\n')
		}
		if auth != nil {
			if line, err := ask(auth); err != nil || !bytes.HasPrefix(line, []byte("+OK")) {
				return readTryout(line, err)
			}
		}
		for _, name := range srv.opts.Engine.Containers(use) {
			if p, err := readTryout(ask(attempt(use, name))); p != engine.PermitYes {
				return p, err
			}
		}
		return engine.PermitYes, nil
	}
}

// attempt is a command that does nothing, whether Redis allows it or not: no
// counter has the empty name, and x is no number.
func attempt(use engine.Use, container string) []byte {
	words := [][]byte{[]byte(use.Command()), []byte(container), nil}
	if use.Write {
		words = append(words, []byte("x"))
	}
	return appendCommand(nil, words...)
}

// readTryout judges Redis' reply to an attempt. What Redis looks at only after the
// rights tells that they are there.
func readTryout(line []byte, err error) (engine.Permit, error) {
	if err != nil {
		return engine.PermitUnknown, err
	}
	for _, passed := range []string{"$", "_", "-ERR value is not an integer", "-WRONGTYPE", "-OOM", "-READONLY", "-MISCONF", "-NOREPLICAS"} {
		if bytes.HasPrefix(line, []byte(passed)) {
			return engine.PermitYes, nil
		}
	}
	for _, refused := range []string{"-NOAUTH", "-WRONGPASS", "-ERR"} {
		if bytes.HasPrefix(line, []byte(refused)) {
			return engine.PermitUnknown, engine.ErrUntold
		}
	}
	switch denied := bytes.HasPrefix(line, []byte("-NOPERM")); {
	case denied && bytes.Contains(line, []byte("to run the")):
		return engine.PermitNoCommand, nil
	case denied:
		return engine.PermitNoKey, nil
	}
	return engine.PermitUnknown, fmt.Errorf("proxy: Redis answered %q", line)
}
