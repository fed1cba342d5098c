package proxy

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/acl"
)

// session is one client. Its methods are called by the goroutine that serves the
// connection, unless they say otherwise.
type session struct {
	// Fixed after newSession.
	srv    *Server
	conn   *clientConn
	ctx    context.Context // ends with the session
	cancel context.CancelFunc

	// Owned by the serving goroutine.
	*workspace           // the batch's
	out        []byte    // replies not yet written to the client
	ahead      []request // the batch from the command on that is answered now
	warmed     bool      // what is ahead has been asked for
	setup      setup     // what every new connection to Redis begins with
	inMulti    bool      // Redis has confirmed a MULTI that is still open; with a pump: see believesMulti
	multiAt    uint64    // with a pump: the last errand before it
	watching   bool      // … or a WATCH
	opaque     bool      // Redis keeps something else that no other connection has
	pumping    bool      // the pump writes to the client, and nobody else
	subscribed bool      // the client of a pump has asked for a subscription or MONITOR, since RESET
	voice      voice     // whether the client of a pump wants replies
	writes     bool      // a goroutine writes to Redis
	blocks     bool      // the command that is answered may block
	running    int       // memory of the command of ours that runs
	authed     bool      // Redis has accepted the client's AUTH, or demands none
	user       *acl.User // who that is to Redis; nil: the default user
	named      bool      // … by an AUTH
	disguised  bool      // … or only Redis knows
	cleared    bool      // for the rest of the batch: the client may do everything
	over       bool

	kept    kept
	sharing sharing
	lax     laxState
	errands errands       // ours that wait for their turn in the pump
	pumped  chan struct{} // closed when the pump has ended; nil before it begins

	waiting atomic.Int64 // the watch's next round when the wait for Redis began; 0: no wait
	blocked atomic.Int64 // the same of the watch on blocking commands

	mu   sync.Mutex // guards the following fields against end
	up   *upstream
	turn *turn // on shared connections; nil before the first
}

// item is one command of a run.
type item struct {
	req  request
	kind kind
	cmd  *commands.Command // ours
	// text is the reply of a refused command.
	text string

	count   count // counts
	delta   int64 // … by how much
	touches bool  // what is counted, so that it needs a hold
	voids   bool  // … and what is known of it, or of Redis' commands, may be void after it
	flushes bool  // … and what was flushed for it is of its connection's concern
}

// forwards reports whether the item's command goes to Redis.
func (it *item) forwards() bool {
	return it.cmd == nil && it.kind != denied && it.kind != counts || it.kind == inMulti
}

func newSession(srv *Server, conn *clientConn) *session {
	ctx, cancel := context.WithCancel(srv.ctx)
	s := &session{srv: srv, conn: conn, cancel: cancel}
	s.ctx = engine.BeforeWait(ctx, s.warm)
	return s
}

// serve answers a batch of commands in order. A panic ends this session alone.
func (s *session) serve(batch []request) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
		}
	}()
	s.workspace, s.cleared = s.conn.workspace, false
	defer func() {
		s.ahead, s.workspace = nil, nil
		if s.up != nil && !s.pumping {
			s.up.release() // what is framed next must not be charged with it
		}
	}()
	for len(batch) > 0 && !s.over {
		if s.pumping {
			s.feedPump(batch)
			return
		}
		s.ahead, s.warmed = batch, false
		n := s.answerRow(batch)
		if n == 0 && !s.over {
			n = s.passRow(batch)
		}
		if n == 0 && !s.over {
			n = s.collect(batch)
		}
		batch = batch[n:]
	}
}

// warm is called when a command is about to wait for a cold counter: those of
// the commands behind it come along in the same round trip.
func (s *session) warm() {
	s.conn.settle(0)
	if s.warmed || len(s.ahead) < 2 {
		return
	}
	s.warmed = true
	s.prefetch = s.prefetch[:0]
	for _, req := range s.ahead {
		if !req.part && s.permitted(req.args) {
			s.prefetch = append(s.prefetch, req.args)
		}
	}
	commands.Prefetch(s.srv.opts.Engine, s.prefetch)
	if s.srv.lax != nil {
		s.warmKeys()
	}
}

// collect takes the commands off the front of the batch that can be sent to
// Redis in one go, answers them all, and returns their number. One that must
// wait for what is before it comes alone.
func (s *session) collect(batch []request) int {
	s.clearRun()
	var state runState
	if s.inMulti {
		state.multi = inside
	}
	for _, req := range batch {
		if req.part {
			if len(s.run) == 0 {
				s.stream(req)
				return 1
			}
			return s.answerRun()
		}
		it := item{req: req}
		it.kind, it.cmd = s.srv.kinds.of(req.args)
		switch it.kind {
		case fromMemory, fromRedis, denied, listsTable, informs, pumps, quits, attacks:
			if state.uncertain() {
				return s.answerRun()
			}
			if s.inMulti {
				s.adaptToMulti(&it)
			}
		}
		if state.counting && it.forwards() {
			return s.answerRun() // for what is counted comes before it
		}
		end := false
		if s.srv.lax != nil {
			switch s.placeLax(&it, &state) {
			case waits:
				return s.answerRun()
			case alone:
				s.answerMGet(&it)
				return 1
			case ends:
				end = true
			}
		}
		switch it.kind {
		case fromRedis, listsTable, informs, pumps, quits, attacks:
			if len(s.run) > 0 {
				return s.answerRun()
			}
			s.answerAlone(&it)
			return 1
		case denied:
			if it.text == "" { // else it is for now only
				s.srv.metrics.refused.Add(1)
				it.text = s.srv.kinds.refusal(req.args)
			}
		}
		if it.kind == blocks && s.sharing.strayed && awaitsReplicas(req.args) && !state.queues() {
			if state.uncertain() {
				return s.answerRun()
			}
			it.flushes = true
		}
		if it.forwards() && it.kind != setsUp && state.settingUp && !s.proven() {
			return s.answerRun() // while it may be answered without Redis
		}
		if s.srv.opts.Engine.Observer() != nil && it.forwards() {
			s.see(&it, state.queues())
		}
		state.follow(&it)
		s.run = append(s.run, it)
		if end {
			break
		}
	}
	return s.answerRun()
}

// adaptToMulti changes how a command is treated inside a transaction. What this
// proxy refuses is sent nevertheless, as a command that Redis refuses too, so
// that the transaction ends in EXECABORT.
func (s *session) adaptToMulti(it *item) {
	switch it.kind {
	case fromMemory, fromRedis:
		it.kind, it.text = inMulti, errInMulti
		it.req.raw = s.srv.spoiler
	case denied:
		s.srv.metrics.refused.Add(1)
		it.kind, it.text = inMulti, s.srv.kinds.refusal(it.req.args)
		it.req.raw = s.srv.spoiler
	case listsTable, informs:
		it.kind = plain // Redis queues it
	}
}

// answerAlone answers a command that nothing is sent together with.
func (s *session) answerAlone(it *item) {
	switch it.kind {
	case fromRedis:
		if s.send() == nil {
			s.answerOurs(it)
		}
	case listsTable, informs:
		s.answerEdited(s.srv.editOf(it.kind, it.req.args, it.req.raw, s.setup.resp3()))
	case pumps:
		s.answerPump(it)
	case quits:
		s.quit()
	case attacks:
		s.srv.warnOfAttack(s.conn)
		s.fail() // Redis drops the replies before it too
	}
}

// answerRun sends what is Redis' of the run and answers all of it in order.
func (s *session) answerRun() int {
	hold, touching := s.holding()
	defer func() { s.endHold(hold) }()
	s.sends = s.sends[:0]
	for i := range s.run {
		if it := &s.run[i]; it.forwards() {
			if it.flushes {
				s.sends = append(s.sends, probe)
			}
			s.sends = append(s.sends, it.req.raw)
		}
	}
	var written chan error
	finished := false
	defer func() { s.afterWrite(written, finished) }()
	reached := true
	if len(s.sends) > 0 {
		var up *upstream
		if up, reached = s.upstream(); s.over {
			return len(s.run)
		}
		if reached {
			written, reached = s.forward(up, s.harmless(0))
		} else {
			hold.Abandon()
		}
	}
	for i := range s.run {
		switch it := &s.run[i]; {
		case s.over:
		case it.cmd != nil && it.kind != inMulti:
			s.answerOurs(it)
		case it.kind == counts:
			s.answerCount(i)
		case it.kind == denied:
			s.append([]byte(it.text))
		case !reached:
			s.answerAway(it)
		case it.kind == setsUp:
			reached = s.answerSetup(i)
		default:
			if it.flushes {
				s.dropReply() // to the command before
			}
			s.blocks = it.kind == blocks
			s.copyReply(it)
			s.blocks = false
		}
		if s.run[i].touches {
			if touching--; touching == 0 {
				s.endHold(hold)
				hold = nil
			}
		}
	}
	s.settleLax()
	finished = true
	return len(s.run)
}

// forward sends s.sends. What of much the system does not take at once is written in
// a goroutine of its own, as that could block while Redis waits for its replies to be
// read; then the channel tells its end: see afterWrite. It reports false if they have
// not reached Redis; harmless says that nothing is lost then, whatever was sent.
func (s *session) forward(up *upstream, harmless bool) (chan error, bool) {
	left, err := s.sends, error(nil)
	if size(left) <= asyncWrite {
		left, err = nil, up.write(left)
	} else {
		left, err = up.writeNow(left)
	}
	if err != nil {
		if up.sent && !harmless {
			s.lost(err)
		} else {
			s.notReached(err)
		}
		return nil, false
	}
	s.srv.metrics.forwarded.Add(uint64(len(s.sends)))
	if len(left) == 0 {
		return nil, true
	}
	s.writes = true
	written := make(chan error, 1)
	s.srv.wg.Add(1)
	go func(sends [][]byte) {
		defer s.srv.wg.Done()
		err := up.write(sends)
		if err != nil {
			up.close() // the reader sees it
		}
		written <- err
	}(left)
	return written, true
}

// afterWrite waits for the end of forward's goroutine, if there is one. If all is
// answered all was written; else closing ends the writing.
func (s *session) afterWrite(written chan error, finished bool) {
	if written == nil {
		return
	}
	if !finished {
		s.fail()
	}
	<-written
	s.writes = false
}

// A command of ours holds about argCost bytes for each argument while it runs:
// its key, its result and its part of the reply. It is charged for them if it
// has more than fewArgs, and no more than it takes: else it learns what is wrong.
const (
	argCost = 160
	fewArgs = 64
)

// answerOurs runs a command of ours.
func (s *session) answerOurs(it *item) {
	s.srv.metrics.ours.Add(1)
	if refused := s.barred(it); refused != "" {
		if !s.over {
			s.append([]byte(refused))
		}
		return
	}
	if n := len(it.req.args); n > fewArgs && it.cmd.Takes(n) {
		s.running = n * argCost
		defer func() { s.running = 0 }()
		if !s.conn.settleInTurn() {
			s.fail()
			return
		}
	}
	s.countingBy(it.cmd)
	s.room(smallReply)
	s.out = it.cmd.Run(s.ctx, s.srv.opts.Engine, it.req.args).AppendTo(s.out)
	s.trim()
}
