package proxy

import "time"

// quitTime is how long Redis may take to say goodbye.
const quitTime = time.Second

var quitCommand = appendCommand(nil, "QUIT")

// quit answers QUIT. Redis is told first, and closes its side first: whoever sees
// this client gone, as another may that it redirects its invalidations to, finds
// it gone in Redis, too.
func (s *session) quit() {
	defer s.close()
	if s.up != nil {
		if s.send() != nil {
			return
		}
		s.farewell()
	}
	s.append([]byte(replyOK))
}

// farewell sends QUIT and waits for the end, which may not come for all that the
// client needs to know.
func (s *session) farewell() {
	if s.up.conn.SetDeadline(time.Now().Add(quitTime)) != nil || s.up.write([][]byte{quitCommand}) != nil {
		return
	}
	s.srv.metrics.forwarded.Add(1)
	for s.fill(s.up) == nil {
		s.up.at = len(s.up.buf) // its OK, which is ours as well
	}
}
