package proxy

import (
	"bytes"
	"strconv"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// maxRare bounds the increments of keys that are rare which are sent in one go: their
// replies, errors included, fit into a buffer.
const maxRare = 256

// rarely is which increments of together are of keys that are rarely asked for.
type rarely struct {
	is    []bool
	sends [][]byte

	// What IncrTogether gets if not all are.
	adds []engine.Add
	sums []engine.Number
}

func (r *rarely) clear() {
	clear(r.sends)
	clear(r.adds)
	clear(r.sums)
	r.is, r.sends, r.adds, r.sums = r.is[:0], r.sends[:0], r.adds[:0], r.sums[:0]
}

// isRare reports whether s.run[i] was sent to Redis as it is.
func (t *together) isRare(i int) bool {
	return i >= t.from && i-t.from < len(t.rare.is) && t.rare.is[i-t.from]
}

// addRare carries out together, which begins with s.run[i], if increments of keys that
// are not in memory are very many, and a key of it is asked for rarely: those are sent
// to Redis as they are, on a connection of the proxy's own that all share. False: it
// has done nothing.
func (s *session) addRare(i int) bool {
	t := &s.together
	if s.srv.opts.ShareFrom == 0 || s.srv.opts.Embedded || !s.srv.lax.engine.ManyCold(len(t.adds)) {
		return false
	}
	l := s.ownLine()
	if l == nil {
		return false
	}
	r := &t.rare
	n := min(len(t.adds), maxRare)
	for range n {
		r.is = append(r.is, false)
	}
	hold := s.srv.lax.engine.HoldRare(s.setup.db, t.adds[:n], r.is)
	if hold == nil {
		return false
	}
	for k, rare := range r.is {
		if rare {
			r.sends = append(r.sends, s.run[i+k].req.raw)
		}
	}
	buf, sent := s.sendRare(l, r.sends)
	defer s.srv.bufs.put(buf)
	if !sent {
		hold.Abandon()
		r.clear()
		return false
	}
	hold.Release()
	s.srv.metrics.forwarded.Add(uint64(len(r.sends)))
	s.sharing.strayed = true
	out := buf
	for k := range t.adds {
		if k < n && r.is[k] {
			t.sums[k], r.is[k], out = readRare(out)
		}
		if k >= n || !r.is[k] {
			r.adds = append(r.adds, t.adds[k])
		}
	}
	s.addRest()
	return true
}

// addRest carries out what is not rare of together.
func (s *session) addRest() {
	t := &s.together
	r := &t.rare
	if len(r.adds) == 0 || s.over {
		return
	}
	for range r.adds {
		r.sums = append(r.sums, engine.Number{})
	}
	s.srv.lax.engine.IncrTogether(s.ctx, s.setup.db, r.adds, r.sums)
	rest := r.sums
	for k := range t.adds {
		if k >= len(r.is) || !r.is[k] {
			t.sums[k], rest = rest[0], rest[1:]
		}
	}
}

// ownLine returns the connection for what the proxy sends by itself, or nil if there is
// none yet.
func (s *session) ownLine() *line {
	sh := &s.sharing
	if sh.own == nil || sh.ownDB != s.setup.db || sh.own.gone.Load() {
		sh.own, sh.ownDB = s.srv.lines.own(s.setup.db), s.setup.db
		if sh.own == nil {
			return nil
		}
	}
	return sh.own.line(sharedWrites)
}

// sendRare sends commands on a line and returns their replies, or as far as they have
// come in time. It reports false if nothing has reached Redis.
func (s *session) sendRare(l *line, sends [][]byte) (replies []byte, sent bool) {
	t := s.newTurn()
	t.out, t.replies = s.srv.bufs.getSmall(), len(sends)
	s.conn.settle(0)
	s.expectWait()
	defer s.stopWaiting()
	if !l.put(t, sends) {
		s.srv.bufs.put(t.out)
		t.out = nil
		return nil, false
	}
	timer := time.NewTimer(s.srv.opts.Engine.CommandTimeout())
	defer timer.Stop()
	select {
	case <-t.told:
	case <-timer.C:
		s.leaveTurn()
		return nil, true
	}
	switch {
	case s.ctx.Err() != nil:
		s.over = true
		s.leaveTurn()
		return nil, true
	case t.more:
		s.leaveTurn()
		return nil, true
	}
	replies, t.out = t.out, nil
	return replies, t.err == nil || t.sent
}

// readRare reads the reply to an increment, and returns what is behind it; false: it
// was not carried out, as Redis takes none now. Of a reply that is not there nothing is
// known.
func readRare(p []byte) (n engine.Number, done bool, rest []byte) {
	size := shortReply(p)
	if size == 0 {
		return engine.Number{Err: engine.ErrUnknown}, true, nil
	}
	rest = p[size:]
	line := bytes.TrimRight(p[1:size], "\r\n")
	if p[0] != '-' {
		sum, err := strconv.ParseInt(string(line), 10, 64)
		if err != nil {
			return engine.Number{Err: engine.ErrUnknown}, true, rest
		}
		return engine.Number{N: sum}, true, rest
	}
	code, text, _ := bytes.Cut(line, []byte(" "))
	switch string(code) {
	case "ERR", "WRONGTYPE":
		return engine.Number{Err: &engine.Error{Code: string(code), Msg: string(text)}}, true, rest
	case "NOPERM": // the client's own user may do more
		return engine.Number{Foreign: true}, true, rest
	}
	return engine.Number{}, false, rest
}
