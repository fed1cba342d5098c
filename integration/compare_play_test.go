package integration

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/distkit/distkit-proxy/integration/corpus"
)

// way is how a scenario is sent.
type way struct {
	name      string
	pipelined bool              // what may be sent together is, and else each command awaits its reply
	hangsUp   bool              // the client ends its side at once; it has but one connection
	ours      bool              // a counter is incremented between the commands
	cuts      func(at int) bool // where connection 1's bytes are cut; nil: nowhere
}

// player plays one scenario on one server.
type player struct {
	addr     string
	password string // "": Redis wants none
	control  *control
	scenario *corpus.Scenario
	proto    int
	way      way
	conns    map[int]*comparedConn
	ids      map[string]string // and what else is put in
}

// played is what came of a scenario.
type played struct {
	replies map[int][]replied // by connection
	sent    int               // bytes on connection 1
	direct  bool              // Redis itself was asked
}

// play sends a scenario and returns what the server replied.
func (c *comparison) play(addr string, over *control, s *corpus.Scenario, w way) (got played, err error) {
	p := &player{addr: addr, password: c.password, control: over, scenario: s, proto: c.proto, way: w, conns: make(map[int]*comparedConn), ids: map[string]string{"{n}": fmt.Sprintf("play-%d", plays.Add(1))}}
	defer func() {
		got = p.played()
		for _, c := range p.conns {
			c.conn.Close()
		}
		if left := over.settled(); err == nil {
			err = left
		}
	}()
	if err := p.open(); err != nil {
		return got, err
	}
	for i := range s.Steps {
		if err := p.step(&s.Steps[i]); err != nil {
			return got, fmt.Errorf("at %.100s: %w", s.Steps[i].Text, err)
		}
	}
	return got, p.finish()
}

func (p *player) played() played {
	got := played{replies: make(map[int][]replied)}
	for n, c := range p.conns {
		got.replies[n] = c.got
		if n == 1 {
			got.sent = c.sent
		}
	}
	return got
}

// open makes the connections. What connection 1 begins with belongs to its
// pipeline.
func (p *player) open() error {
	wantIDs := slices.ContainsFunc(p.scenario.Steps, func(s corpus.Step) bool { return strings.Contains(s.Text, "{id") })
	for _, s := range p.scenario.Steps {
		if p.conns[s.Conn] != nil {
			continue
		}
		c, err := dialCompared(p.addr)
		if err != nil {
			return err
		}
		p.conns[s.Conn] = c
		p.authenticate(c, "AUTH")
		if wantIDs {
			if err := p.exchange(c); err != nil {
				return err
			}
			if p.ids["{id"+strconv.Itoa(s.Conn)+"}"], err = c.id(); err != nil {
				return err
			}
		}
		if p.proto == 3 {
			c.out = append(c.out, command("HELLO", "3")...)
			c.expected = append(c.expected, expected{"HELLO 3", []string{"HELLO", "3"}, 1})
		}
		if s.Conn != 1 || !p.way.pipelined {
			if err := p.exchange(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// authenticate is what a client does first, if it must.
func (p *player) authenticate(c *comparedConn, step string) {
	if p.password == "" {
		return
	}
	auth := []string{"AUTH", p.password}
	c.out = append(c.out, command(auth...)...)
	c.expected = append(c.expected, expected{step, auth, 1})
}

func (c *comparedConn) id() (string, error) {
	if _, err := c.conn.Write([]byte(command("CLIENT", "ID"))); err != nil {
		return "", err
	}
	frame, err := readFrame(c.in)
	return strings.Trim(frame, ":\r\n"), err
}

func (p *player) step(s *corpus.Step) error {
	c := p.conns[s.Conn]
	switch s.Kind {
	case corpus.Send:
		return p.send(c, s)
	case corpus.Await:
		c.expected = append(c.expected, expected{step: s.Text, frames: s.Frames[p.proto-2]})
		return p.exchange(c)
	case corpus.Closed:
		if err := p.settle(); err != nil {
			return err
		}
		if err := p.exchange(c); err != nil {
			return err
		}
		if rest := c.end(); rest != "" {
			return fmt.Errorf("%.200q, want the end", rest)
		}
		return nil
	}
	if err := p.settle(); err != nil {
		return err
	}
	if s.Kind == corpus.Idle {
		return p.control.idle()
	}
	return p.control.blocked(s.N)
}

// send sends a command, or in a pipeline puts it where it goes out with others.
func (p *player) send(c *comparedConn, s *corpus.Step) error {
	for other, conn := range p.conns {
		if other == s.Conn {
			continue
		}
		if err := p.settleConn(conn); err != nil {
			return err
		}
	}
	bytes := s.Raw
	if s.Args != nil {
		bytes = command(p.filled(s.Args)...)
		c.monitors = c.monitors || strings.EqualFold(s.Args[0], "monitor")
	}
	c.background = c.background || s.Background
	pipelined := p.way.pipelined && s.Conn == 1 || s.Background
	for range s.Times {
		c.out = append(c.out, bytes...)
		c.expected = append(c.expected, expected{s.Text, s.Args, s.Frames[p.proto-2]})
		if len(s.Args) == 1 && strings.EqualFold(s.Args[0], "reset") {
			p.authenticate(c, "AUTH behind "+s.Text)
		}
		if !pipelined && s.Times == 1 {
			if err := p.exchange(c); err != nil {
				return err
			}
		}
		if p.way.ours && s.Conn == 1 {
			inc := []string{"DKC.INC", "{n}"}
			c.out = append(c.out, command(p.filled(inc)...)...)
			c.expected = append(c.expected, expected{"DKC.INC behind " + s.Text, inc, 1})
		}
	}
	if pipelined {
		return nil
	}
	return p.exchange(c)
}

// plays tells the plays of all tests from each other.
var plays atomic.Int64

// filled puts the connections' ids in, and the name of the counter.
func (p *player) filled(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if id, found := p.ids[a]; found {
			args[i] = id
		}
	}
	return args
}

// exchange sends what there is and waits for all replies.
func (p *player) exchange(c *comparedConn) error {
	if err := p.flush(c); err != nil {
		return err
	}
	return c.drain()
}

func (p *player) flush(c *comparedConn) error {
	if c == p.conns[1] {
		return c.write(p.way.cuts)
	}
	return c.write(nil)
}

// settleConn sees to it that what was sent is executed, unless it needs another
// connection for that.
func (p *player) settleConn(c *comparedConn) error {
	if c.background {
		return p.flush(c)
	}
	return p.exchange(c)
}

func (p *player) settle() error {
	for _, n := range slices.Sorted(maps.Keys(p.conns)) {
		if err := p.settleConn(p.conns[n]); err != nil {
			return err
		}
	}
	return nil
}

// finish reads what is expected and what is not.
func (p *player) finish() error {
	if p.way.hangsUp {
		if err := p.flush(p.conns[1]); err != nil {
			return err
		}
		p.conns[1].hangUp()
	}
	for _, n := range slices.Sorted(maps.Keys(p.conns)) {
		if err := p.exchange(p.conns[n]); err != nil {
			return fmt.Errorf("connection %d: %w", n, err)
		}
	}
	if p.way.hangsUp {
		return nil
	}
	for _, n := range slices.Sorted(maps.Keys(p.conns)) {
		if rest := p.conns[n].rest(); rest != "" {
			return fmt.Errorf("connection %d: %.200q after the last reply", n, rest)
		}
	}
	return nil
}

// command is a command as an array of bulk strings.
func command(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}
