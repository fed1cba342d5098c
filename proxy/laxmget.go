package proxy

import (
	"errors"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// errNoArray is what a reply to MGET that is neither an array nor an error is.
var errNoArray = errors.New("proxy: Redis' reply to MGET is no array of as many values")

// answerMGet answers an MGET some of whose keys are counted: those from memory, the
// others by one MGET to Redis, each in its place. Nothing is sent together with it.
func (s *session) answerMGet(it *item) {
	s.srv.metrics.counted.Add(1)
	keys := it.req.args[1:]
	if len(keys) > fewArgs {
		s.running = len(keys) * argCost
		defer func() { s.running = 0 }()
		if !s.conn.settleInTurn() {
			s.fail()
			return
		}
	}
	var lax [][]byte
	var places []int
	for i, key := range keys {
		if s.srv.lax.engine.IsLax(key) {
			lax, places = append(lax, key), append(places, i)
		}
	}
	numbers := make([]engine.Number, len(lax))
	s.srv.lax.engine.Read(s.ctx, s.setup.db, lax, numbers)
	known := make([]*engine.Number, len(keys)) // nil: Redis is asked
	for at, i := range places {
		n := &numbers[at]
		if n.Err != nil {
			s.append(commands.FromError(n.Err).AppendTo(nil))
			return
		}
		if !n.Foreign {
			known[i] = n
		}
	}
	rest := [][]byte{it.req.args[0]}
	for i, key := range keys {
		if known[i] == nil {
			rest = append(rest, key)
		}
	}
	if len(rest) == 1 {
		s.append(appendHeader(nil, '*', len(keys)))
		for _, n := range known {
			s.room(smallReply)
			s.out = s.appendNumber(s.out, *n)
			s.trim()
		}
		return
	}
	hold, err := s.srv.lax.engine.Hold(s.ctx, []engine.Touch{{DB: s.setup.db, Keys: rest[1:]}})
	if err != nil {
		s.append(commands.FromError(err).AppendTo(nil))
		return
	}
	defer hold.Release()
	up, reached := s.upstream()
	switch {
	case s.over:
		return
	case !reached:
		s.append([]byte(errNoRedis))
		return
	}
	s.srv.metrics.forwarded.Add(1)
	if err := up.write([][]byte{appendCommand(nil, rest...)}); err != nil {
		s.lost(err)
		return
	}
	s.spliceValues(known)
}

// spliceValues copies Redis' array of the values that are not known, and puts those
// that are in between. An error is copied as it is.
func (s *session) spliceValues(known []*engine.Number) {
	asked := 0
	for _, n := range known {
		if n == nil {
			asked++
		}
	}
	head, err := s.line()
	if err != nil {
		s.lost(err)
		return
	}
	if head[0] == '-' {
		s.append(head)
		return
	}
	if string(head) != string(appendHeader(nil, '*', asked)) {
		s.lost(errNoArray)
		return
	}
	s.append(appendHeader(nil, '*', len(known)))
	for _, n := range known {
		if n == nil {
			s.copyReply(&item{})
		} else {
			s.room(smallReply)
			s.out = s.appendNumber(s.out, *n)
			s.trim()
		}
		if s.over {
			return
		}
	}
}

// line returns the first line of Redis' next reply. It leaves the elements behind
// it for who reads on.
func (s *session) line() ([]byte, error) {
	var line []byte
	for {
		if !s.up.pending() {
			if err := s.send(); err != nil {
				return nil, err
			}
			if err := s.fill(s.up); err != nil {
				return nil, err
			}
		}
		c := s.up.buf[s.up.at]
		s.up.at++
		line = append(line, c)
		if c == '\n' {
			return line, nil
		}
		if len(line) > maxHeldError {
			return nil, errTooBig
		}
	}
}
