package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// errand is a command of ours on a connection with a pump, where replies are not
// one for one and only the pump sees them. It waits for its turn: Redis is sent a
// PING with its mark in its place, and when the pump meets the reply to that, the
// command runs and its reply goes to the client instead. So ours are in order with
// all that Redis says, and are carried out only where Redis would carry out a command.
type errand struct {
	number uint64
	cmd    *commands.Command
	args   [][]byte
	size   int64 // booked for args
	// refused is the error reply instead of running it; "": none.
	refused string
}

// errands are those of one client that wait. Safe for concurrent use: the session
// adds, and the pump takes.
type errands struct {
	count atomic.Int64 // of waiting

	mu      sync.Mutex
	last    uint64
	waiting []errand
}

// errUnknownMark ends a session for which Redis has answered what was not asked.
var errUnknownMark = errors.New("proxy: Redis has answered a mark that is not expected")

// errandSize is about what an errand takes beside its arguments' bytes.
const errandSize = 64

// markPrefix begins the marks of this process. Nobody can guess it, so that no
// value in Redis is taken for one.
var markPrefix = "distkit:" + rand.Text() + ":"

// maxMark is longer than any reply that is a mark.
const maxMark = 128

// mark is what Redis is sent in the place of an errand.
func mark(number uint64) string { return markPrefix + strconv.FormatUint(number, 10) }

// add keeps a command for its turn and returns its number. The arguments are
// copied: the batch that they lie in ends before.
func (e *errands) add(cmd *commands.Command, args [][]byte, size int64, refused string) uint64 {
	own := make([][]byte, len(args))
	var all []byte
	for _, arg := range args {
		all = append(all, arg...)
	}
	for i, arg := range args {
		own[i], all = all[:len(arg):len(arg)], all[len(arg):]
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.waiting = append(e.waiting, errand{e.last, cmd, own, size, refused})
	e.count.Add(1)
	return e.last
}

// ran says that a command that take has returned has had its turn.
func (e *errands) ran() { e.count.Add(-1) }

// take returns the errand of that number. Redis has refused those before it that
// still wait: they are dropped, and freed is what was booked for all.
func (e *errands) take(number uint64) (got errand, freed int64, found bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for n < len(e.waiting) && e.waiting[n].number <= number {
		got = e.waiting[n]
		freed += got.size
		n++
	}
	clear(e.waiting[:n])
	if e.waiting = e.waiting[n:]; len(e.waiting) == 0 {
		e.waiting = nil
	}
	if found = got.number == number && n > 0; found {
		n-- // until it has run
	}
	e.count.Add(int64(-n))
	return got, freed, found
}

// pong begins what a PING is answered in RESP2's subscribed mode.
const pong = "*2\r\n$4\r\npong\r\n"

// mayBeMark reports whether a reply that begins with b can be one to a mark.
func mayBeMark(b []byte) bool {
	if len(b) > 0 && b[0] == '*' {
		n := min(len(b), len(pong))
		if string(b[:n]) != pong[:n] {
			return false
		}
		b = b[n:]
	}
	const head = len("$36\r\n")
	if len(b) <= head {
		return len(b) == 0 || b[0] == '$'
	}
	b = b[head:]
	n := min(len(b), len(markPrefix))
	return string(b[:n]) == markPrefix[:n]
}

// marked returns the number in a reply to a PING with a mark, and whether it has
// the form that Redis gives to it in RESP2's subscribed mode.
func marked(reply []byte) (number uint64, subscribed, ok bool) {
	reply, subscribed = bytes.CutPrefix(reply, []byte(pong))
	if len(reply) == 0 || reply[0] != '$' {
		return 0, false, false
	}
	_, text, _ := bytes.Cut(reply, []byte("\r\n"))
	text, ok = bytes.CutPrefix(text, []byte(markPrefix))
	if !ok {
		return 0, false, false
	}
	number, err := strconv.ParseUint(string(bytes.TrimSuffix(text, []byte("\r\n"))), 10, 64)
	return number, subscribed, err == nil
}

// refusedSubscribed is Redis' refusal of a command in RESP2's subscribed mode.
func refusedSubscribed(name string) string {
	return "-ERR Can't execute '" + name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"
}

// voice is whether the client wants replies, as it has said with CLIENT REPLY.
type voice struct {
	off, skip bool // off: none; skip: none to the next command
}

// hear takes note of a command that is sent on, and reports whether its own reply
// is silent.
func (v *voice) hear(k kind, args [][]byte) (silent bool) {
	silent = v.off || v.skip
	v.skip = false
	switch {
	case k == resets && len(args) == 1:
		v.off = false
	case k != pumps || word(args, 0) != "client" || word(args, 1) != "reply" || len(args) != 3:
	case word(args, 2) == "on":
		v.off = false
	case word(args, 2) == "off":
		v.off = true
	case word(args, 2) == "skip":
		v.skip = !v.off
	}
	return silent
}

// feedOurs sends what stands for a command of ours. Where the client wants no
// reply none will show that its turn has come: then it runs at once, behind the
// others.
func (s *session) feedOurs(req request, cmd *commands.Command, silent bool) (raw []byte, ok bool) {
	if s.inMulti {
		return req.raw, true // Redis does not know it, and discards the transaction
	}
	refused := ""
	if s.srv.acl != nil && cmd.Takes(len(req.args)) {
		if refused = s.unpermitted(cmd, req.args); s.over {
			return nil, false
		}
	}
	if silent {
		s.sendFed() // what is before it
		s.awaitErrands()
		if refused == "" {
			s.runQuietly(cmd, req.args)
		}
		return appendCommand(nil, "PING"), s.ctx.Err() == nil // takes up a SKIP
	}
	size := int64(len(req.raw) + sliceSize*len(req.args) + errandSize)
	if !s.conn.account.add(size) {
		return nil, false
	}
	return appendCommand(nil, "PING", mark(s.errands.add(cmd, req.args, size, refused))), true
}

// awaitErrands waits until none is left, for as long as commands wait for Redis.
func (s *session) awaitErrands() {
	for end := time.Now().Add(errandWait); s.errands.count.Load() > 0 && s.ctx.Err() == nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// errandWait is how long a silent command waits for those before it at most.
const errandWait = time.Second

// runQuietly runs a command whose reply nobody wants, for those who may have one.
func (s *session) runQuietly(cmd *commands.Command, args [][]byte) {
	if s.standing() != demandNothing {
		return
	}
	s.runErrand(s.ctx, cmd, args)
}

// runErrand runs a command of ours where nothing else is booked for it. It
// reports false if the client must go.
func (s *session) runErrand(ctx context.Context, cmd *commands.Command, args [][]byte) (reply commands.Reply, ok bool) {
	s.srv.metrics.ours.Add(1)
	if n := len(args); n > fewArgs && cmd.Takes(n) {
		a, cost := &s.conn.account, int64(n*argCost)
		if !a.await(cost) && !a.add(cost) {
			return reply, false
		}
		defer a.add(-cost)
	}
	return cmd.Run(ctx, s.srv.opts.Engine, args), true
}

// answer gives an errand its turn: the reply to its mark has come.
func (p *pump) answer(number uint64, subscribed bool) error {
	e, freed, found := p.session.errands.take(number)
	p.conn.account.add(-freed)
	if !found { // Redis has repeated itself
		return errUnknownMark
	}
	defer p.session.errands.ran()
	switch {
	case subscribed:
		return p.put([]byte(refusedSubscribed(lower(string(e.args[0])))))
	case e.refused != "":
		return p.put([]byte(e.refused))
	}
	// What came before must not wait for what it waits for.
	ctx := engine.BeforeWait(p.session.ctx, func() { _ = p.flush() })
	reply, ok := p.session.runErrand(ctx, e.cmd, e.args)
	if !ok {
		return errEvicted
	}
	return p.put(reply.AppendTo(nil))
}
