package proxy

// passRow sends a batch on to Redis and copies the replies, if it is nothing but
// ordinary commands that nobody here has to know of, which is what most clients send;
// else it does nothing and returns 0. It returns the number of commands.
func (s *session) passRow(batch []request) int {
	if s.inMulti || s.srv.table != nil {
		return 0
	}
	sends := s.sends[:0]
	for i := range batch {
		req := &batch[i]
		if req.part {
			return 0
		}
		if k, cmd := s.srv.kinds.of(req.args); k != plain || cmd != nil {
			return 0
		}
		if last := len(sends) - 1; last >= 0 && adjoins(sends[last], req.raw) {
			sends[last] = sends[last][:len(sends[last])+len(req.raw)]
		} else {
			sends = append(sends, req.raw)
		}
	}
	s.sends = sends
	var written chan error
	finished := false
	defer func() { s.afterWrite(written, finished) }()
	up, reached := s.upstream()
	if reached && !s.over {
		written, reached = s.forward(up, false)
	}
	if reached {
		s.srv.metrics.forwarded.Add(uint64(len(batch) - len(sends)))
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

// adjoins reports whether b lies directly behind a, within its capacity.
func adjoins(a, b []byte) bool {
	return len(b) > 0 && cap(a)-len(a) >= len(b) && &a[:len(a)+1][len(a)] == &b[0]
}

// copyReplies is copyReply for so many commands of which nothing has to be noted.
func (s *session) copyReplies(n int) {
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
		s.append(piece)
		if n -= done; err != nil {
			s.lost(err)
		}
	}
}
