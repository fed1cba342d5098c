package proxy

import (
	"bytes"

	"github.com/distkit/distkit-proxy/commands"
)

// passRow sends a batch on to Redis and copies the replies, if it is nothing but
// ordinary commands that nobody here has to know of, which is what most clients send;
// else it does nothing and returns 0. It returns the number of commands.
func (s *session) passRow(batch []request) int {
	if s.inMulti || s.srv.opts.Engine.Observer() != nil {
		return 0
	}
	how, ok := s.row(batch)
	if !ok {
		return 0
	}
	if l := s.shared(how); l != nil && size(s.sends) <= maxShared && s.askLine(l, len(batch)) {
		s.srv.metrics.forwarded.Add(uint64(len(batch)))
		s.sharing.strayed = s.sharing.strayed || how == sharedWrites
		return len(batch)
	}
	var written chan error
	finished := false
	defer func() { s.afterWrite(written, finished) }()
	up, reached := s.upstream()
	if reached && !s.over {
		written, reached = s.forward(up, false)
	}
	if reached {
		s.srv.metrics.forwarded.Add(uint64(len(batch) - len(s.sends)))
	}
	switch {
	case s.over:
	case reached:
		s.copyReplies(len(batch))
	default:
		for range batch {
			s.append([]byte(errNoRedis))
		}
	}
	finished = true
	return len(batch)
}

// row puts the batch in s.sends and tells how it may be shared; false: it is not one
// for passRow.
func (s *session) row(batch []request) (how share, ok bool) {
	how = sharedReads
	sends := s.sends[:0]
	var tr trait
	var last []byte
	for i := range batch {
		req := &batch[i]
		if req.part {
			return how, false
		}
		// Most are what the one before was. What may be shared has no subcommands.
		if name := req.args[0]; tr.share == unshared || !bytes.Equal(name, last) {
			var cmd *commands.Command
			if tr, cmd = s.srv.kinds.look(req.args); cmd != nil || tr.kind != plain && tr.kind != counts {
				return how, false
			}
			last = name
		}
		if !s.passes(&tr, req.args) {
			return how, false
		}
		if tr.share == unshared || how == unshared {
			how = unshared
		} else {
			how = max(how, tr.share)
		}
		if n := len(sends); n > 0 && adjoins(sends[n-1], req.raw) {
			sends[n-1] = sends[n-1][:len(sends[n-1])+len(req.raw)]
		} else {
			sends = append(sends, req.raw)
		}
	}
	s.sends = sends
	return how, true
}

// passes reports whether an ordinary command is known to touch nothing that is counted.
func (s *session) passes(tr *trait, args [][]byte) bool {
	if s.srv.lax == nil {
		return true
	}
	return tr.share != unshared && !tr.touchesAny(args, s.srv.lax.engine.IsLax)
}

// adjoins reports whether b lies directly behind a, within its capacity.
func adjoins(a, b []byte) bool {
	return len(b) > 0 && cap(a)-len(a) >= len(b) && &a[:len(a)+1][len(a)] == &b[0]
}

// copyReplies is copyReply for so many commands of which nothing has to be noted.
func (s *session) copyReplies(n int) {
	size, failed := 0, false
	for n > 0 && !s.over {
		if !s.up.pending() {
			if s.send() != nil {
				return
			}
			if err := s.fill(s.up); err != nil {
				s.lost(err)
				return
			}
		}
		piece, done, err := s.up.scanSome(n)
		failed = failed || size == 0 && len(piece) > 0 && (piece[0] == '-' || piece[0] == '!')
		size += len(piece)
		s.append(piece)
		if n -= done; err != nil {
			s.lost(err)
		}
	}
	s.notice(size, failed)
}
