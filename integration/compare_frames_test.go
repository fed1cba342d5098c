package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// patience bounds the wait for a reply: it is only waited for in vain where
// something is wrong.
const patience = 10 * time.Second

// readFrame reads one reply or push of any type of RESP, whole; attributes belong
// to what follows them.
func readFrame(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return line, err
	}
	if len(line) < 3 {
		return line, fmt.Errorf("a line of %q", line)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	var b strings.Builder
	b.WriteString(line)
	items := 0
	switch line[0] {
	case '$', '=', '!':
		if n >= 0 {
			_, err = io.CopyN(&b, in, int64(n)+2)
		}
	case '*', '~', '>':
		items = n
	case '%':
		items = 2 * n
	case '|':
		items = 2*n + 1
	case '+', '-', ':', '_', ',', '#', '(':
	default:
		err = fmt.Errorf("a reply that begins with %.20q", line)
	}
	for range items {
		if err != nil {
			break
		}
		var item string
		item, err = readFrame(in)
		b.WriteString(item)
	}
	return b.String(), err
}

// comparedConn is a connection of a scenario to one of the servers.
type comparedConn struct {
	conn net.Conn
	in   *bufio.Reader
	// monitors: MONITOR was sent on it, and shows what the proxy does for itself.
	monitors bool

	out        []byte     // not sent yet
	expected   []expected // replies to come
	got        []replied
	background bool       // what is expected may need another connection first
	sent       int        // bytes
	writing    chan error // what is written while replies are read; nil: nothing
}

// expected says what the next replies answer.
type expected struct {
	step   string
	args   []string // nil: raw bytes, or a reply that belongs to no command
	frames int
}

// replied is a reply and what it answers.
type replied struct {
	step  string
	args  []string
	frame string // "": it is not answered
}

func dialCompared(addr string) (*comparedConn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &comparedConn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// write sends what there is, in pieces that end at the cuts, which count from the
// connection's first byte.
func (c *comparedConn) write(cuts func(i int) bool) error {
	var pieces [][]byte
	begin := 0
	for i := range c.out {
		if i > begin && cuts != nil && cuts(c.sent+i) {
			pieces, begin = append(pieces, c.out[begin:i]), i
		}
	}
	pieces = append(pieces, c.out[begin:])
	n := len(c.out)
	c.out, c.sent = nil, c.sent+n
	if err := c.written(); err != nil {
		return err
	}
	if n > 32<<10 { // more than may fit in between while nobody reads
		c.writing = make(chan error, 1)
		go func() { c.writing <- writeAll(c.conn, pieces) }()
		return nil
	}
	return writeAll(c.conn, pieces)
}

// written waits for the end of what write began.
func (c *comparedConn) written() error {
	if c.writing == nil {
		return nil
	}
	err := <-c.writing
	c.writing = nil
	return err
}

func writeAll(to io.Writer, pieces [][]byte) error {
	for _, piece := range pieces {
		if len(piece) == 0 {
			continue
		}
		if _, err := to.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// drain reads all that is expected.
func (c *comparedConn) drain() error {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	for _, e := range c.expected {
		if e.frames == 0 {
			c.got = append(c.got, replied{e.step, e.args, ""})
		}
		for i := range e.frames {
			frame, err := c.next()
			if err != nil {
				return fmt.Errorf("reply %d of %d to %.100s: %w after %.200q", i+1, e.frames, e.step, err, frame)
			}
			c.got = append(c.got, replied{e.step, e.args, frame})
		}
	}
	c.expected, c.background = c.expected[:0], false
	return nil
}

func (c *comparedConn) next() (string, error) {
	for {
		frame, err := readFrame(c.in)
		if err == nil && c.monitors && strings.HasPrefix(frame, "+") {
			if forItself.MatchString(frame) {
				continue
			}
			frame = monitored.ReplaceAllString(frame, "+<time> [$1 <address>]")
		}
		return frame, err
	}
}

// monitored is how a line of MONITOR begins; forItself one of what a proxy sends
// for itself, which it does in ownDB, or in place of a command of ours.
var (
	monitored = regexp.MustCompile(`^\+\d+\.\d+ \[(\d+) (?:lua|unix:\S+|[\d.:]+)\]`)
	forItself = regexp.MustCompile(`^\+\d+\.\d+ \[` + strconv.Itoa(ownDB) + ` |"select" "` + strconv.Itoa(ownDB) + `"$|"hello" "\d" |"client" "setinfo"|"PING" "distkit:`)
)

// rest ends the client's side and reads what comes until the server does, too.
func (c *comparedConn) rest() string {
	if err := c.written(); err != nil {
		return err.Error()
	}
	c.hangUp()
	return c.end()
}

// hangUp ends the client's side.
func (c *comparedConn) hangUp() { c.conn.(*net.TCPConn).CloseWrite() }

// end reads until the server closes. How it does is not compared.
func (c *comparedConn) end() string {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(c.in)
	if isTimeout(err) {
		rest = append(rest, " and no end"...)
	}
	return string(rest)
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// itemsOf takes an aggregate apart; nil for any other reply.
func itemsOf(frame string) []string {
	if !strings.ContainsRune("*~%>", rune(frame[0])) {
		return nil
	}
	line, body, _ := strings.Cut(frame[1:], "\r\n")
	n, _ := strconv.Atoi(line)
	if frame[0] == '%' {
		n *= 2
	}
	in := bufio.NewReader(strings.NewReader(body))
	items := []string{}
	for range n {
		item, err := readFrame(in)
		if err != nil {
			return nil
		}
		items = append(items, item)
	}
	return items
}
