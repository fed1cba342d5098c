package proxy

import (
	"strconv"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// answerRow answers the commands at the front of the batch that are on one counter
// and need not wait for it, which where counters are hot is nearly all, and returns
// their number. What it leaves is collect's.
func (s *session) answerRow(batch []request) (n int) {
	if s.inMulti {
		return 0
	}
	row := s.srv.opts.Engine.NewRow(s.setup.db)
	ours := 0
	for ; n < len(batch) && !batch[n].part && !s.over; n++ {
		args := batch[n].args
		if cmd := commands.Lookup(args[0]); cmd == nil {
			if !s.countInRow(&row, args) {
				break
			}
		} else {
			if !s.answerInRow(&row, cmd, args) {
				break
			}
			ours++
		}
		s.trim()
	}
	if n > 0 {
		row.Done()
		s.srv.metrics.ours.Add(uint64(ours))
		s.srv.metrics.counted.Add(uint64(n - ours))
	}
	return n
}

// answerInRow answers a command of ours, or does nothing and reports false.
func (s *session) answerInRow(row *engine.Row, cmd *commands.Command, args [][]byte) (ok bool) {
	if s.srv.kinds.denied[cmd] || cmd.Barrier() || !s.clears() {
		return false
	}
	s.countingBy(cmd)
	s.room(smallReply)
	s.out, ok = cmd.InRow(row, s.srv.opts.Engine, args, s.out)
	return ok
}

// countInRow answers a command on an ordinary key that is counted, or does nothing
// and reports false.
func (s *session) countInRow(row *engine.Row, args [][]byte) bool {
	if !s.srv.kinds.rows || s.setup.elsewhere || s.setup.accent {
		return false
	}
	how, delta, ok := counted(args)
	if !ok || how == countMGet || !s.cleared && !(s.srv.lax.engine.IsLax(args[1]) && s.clears()) {
		return false
	}
	s.room(smallReply)
	if how == countAdd {
		s.counting()
		sum, ok := row.IncrBy(args[1], delta)
		if ok {
			s.out = append(strconv.AppendInt(append(s.out, ':'), sum, 10), '\r', '\n')
		}
		return ok
	}
	number, ok := row.Read(args[1])
	if ok {
		s.out = s.appendNumber(s.out, number)
	}
	return ok
}

// clears reports whether it is known, without asking, that the client may do
// everything, as most may, for the rest of the batch.
func (s *session) clears() bool {
	if s.cleared {
		return true
	}
	if !s.authed {
		last, fresh, ok := s.srv.demand.recent()
		if s.authed = ok && fresh && last == demandNothing; !s.authed {
			return false
		}
	}
	if s.srv.acl != nil {
		if s.disguised {
			return false
		}
		if s.user == nil {
			s.user = s.srv.acl.User(defaultUser)
		}
		if !s.user.All() {
			return false
		}
	}
	s.cleared = true
	return true
}
