package sentinel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// errReply is what is no reply to ROLE.
var errReply = errors.New("sentinel: not a reply to ROLE")

// Bounds of a reply to ROLE: a master lists its replicas.
const (
	maxRoleDepth = 3
	maxRoleWords = 10_000
	maxRoleWord  = 1 << 10 // bytes
)

// askRole asks a server on a fresh connection whether it is a master, and leaves
// the connection as it was: without authentication, with nothing unread. A server
// that does not tell, because it wants a password first, passes.
func askRole(conn net.Conn) error {
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nROLE\r\n"); err != nil {
		return fmt.Errorf("sentinel: ask for the role: %w", err)
	}
	// Nothing follows the reply, so nothing is lost in the reader.
	r := roleReader{in: bufio.NewReaderSize(conn, maxRoleWord)}
	if err := r.value(0); err != nil {
		return fmt.Errorf("sentinel: ask for the role: %w", err)
	}
	if r.refused || r.role == "master" {
		return nil
	}
	return fmt.Errorf("%w: its role is %s", errNotMaster, r.role)
}

// roleReader reads one reply to its end and keeps its first word.
type roleReader struct {
	in      *bufio.Reader
	words   int
	role    string
	refused bool // the reply is an error
}

func (r *roleReader) value(depth int) error {
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	text := strings.TrimSuffix(string(line), "\r\n")
	if text == "" {
		return errReply
	}
	if r.words++; r.words > maxRoleWords || depth > maxRoleDepth {
		return errReply
	}
	kind, text := text[0], text[1:]
	switch kind {
	case '-':
		r.refused = true
		return nil
	case '+', ':', '_', ',':
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > maxRoleWord {
		return errReply
	}
	switch kind {
	case '$':
		return r.word(n)
	case '*':
		for range n {
			if err := r.value(depth + 1); err != nil {
				return err
			}
		}
		return nil
	}
	return errReply
}

// word reads a bulk string of n bytes, or the missing one of -1.
func (r *roleReader) word(n int) error {
	if n < 0 {
		return nil
	}
	buf := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, buf); err != nil {
		return err
	}
	if r.role == "" {
		r.role = string(buf[:n])
	}
	return nil
}
