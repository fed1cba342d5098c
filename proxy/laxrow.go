package proxy

import "strconv"

// answerRow answers the commands at the front of the batch that are on counted keys
// and need not wait, which where keys are hot is nearly all, and returns their number.
// What it leaves is collect's.
func (s *session) answerRow(batch []request) (n int) {
	if !s.srv.kinds.rows || s.inMulti || s.setup.elsewhere || s.setup.accent {
		return 0
	}
	row := s.srv.lax.engine.NewRow(s.setup.db)
	for ; n < len(batch) && !batch[n].part && !s.over; n++ {
		args := batch[n].args
		how, delta, ok := counted(args)
		if !ok || how == countMGet || !s.cleared && (n > 0 || !s.mayCountRow(args, how)) {
			break
		}
		s.room(smallReply)
		if how == countAdd {
			sum, ok := row.IncrBy(args[1], delta)
			if !ok {
				break
			}
			s.out = append(strconv.AppendInt(append(s.out, ':'), sum, 10), '\r', '\n')
		} else {
			number, ok := row.Get(args[1])
			if !ok {
				break
			}
			s.out = s.appendNumber(s.out, number)
		}
		s.trim()
	}
	if n > 0 {
		row.Done()
		s.srv.metrics.counted.Add(uint64(n))
	}
	return n
}

// mayCountRow is mayCount for the first command of what may be a row.
func (s *session) mayCountRow(args [][]byte, how count) bool {
	return s.srv.lax.engine.IsLax(args[1]) && s.mayCount(args, how) == countsHere && !s.over
}
