package proxy

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// errand is something of ours on a connection with a pump, where replies are not
// one for one and only the pump sees them. It waits for its turn: Redis is sent a
// mark, and the errand is done when the pump meets what Redis says to that. So
// ours is in order with all that Redis says, and is done only where Redis would
// carry out a command.
type errand struct {
	number uint64
	size   int64 // booked for it

	// A command of ours. Its mark stands in its place.
	cmd     *commands.Command
	args    [][]byte
	refused string // the error reply instead of running it; "": none

	// Or what is done with the reply to the command of Redis' behind the mark: it
	// is changed, or the session is told of it.
	edit  *edit
	heard chan<- []byte // has room; closed if there is none
	probe bool          // that command is the session's own, and its reply not the client's

	// Or holds that end with the commands before the mark. silent: the client wants
	// no replies, and was made to hear the mark.
	holds  []*engine.Hold
	silent bool
}

// errands are those of one client that wait. Safe for concurrent use: the session
// adds, and the pump takes.
type errands struct {
	count   atomic.Int64  // of waiting
	outside atomic.Uint64 // the last of which the pump has seen that it was in no MULTI

	mu      sync.Mutex
	last    uint64
	waiting []errand
}

// errUnknownMark ends a session for which Redis has answered what was not asked.
var errUnknownMark = errors.New("proxy: Redis has answered a mark that is not expected")

// errandSize is about what an errand takes beside its arguments' bytes.
const errandSize = 128

// add keeps an errand for its turn and returns its number, from 1.
func (e *errands) add(one errand) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	one.number = e.last
	e.waiting = append(e.waiting, one)
	e.count.Add(1)
	return e.last
}

// ran says that an errand that take has returned has had its turn.
func (e *errands) ran() { e.count.Add(-1) }

// take returns the errand of that number. Redis has refused those before it that
// still wait: they are dropped, and freed is what was booked for all.
func (e *errands) take(number uint64) (got errand, freed int64, found bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for n < len(e.waiting) && e.waiting[n].number <= number {
		if got.heard != nil {
			close(got.heard)
		}
		got.release()
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
	} else {
		got.release()
	}
	e.count.Add(int64(-n))
	return got, freed, found
}

// copied are arguments that outlive the batch that they lie in.
func copied(args [][]byte) [][]byte {
	own := make([][]byte, len(args))
	var all []byte
	for _, arg := range args {
		all = append(all, arg...)
	}
	for i, arg := range args {
		own[i], all = all[:len(arg):len(arg)], all[len(arg):]
	}
	return own
}
