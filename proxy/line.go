package proxy

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// maxLineOut bounds the bytes that wait to be written on a line. Past it sessions use
// their own connections.
const maxLineOut = 256 << 10

// stallTime is how long a client may take nothing of a big reply while others wait
// behind it.
const stallTime = time.Second

var (
	errLineClosed = errors.New("proxy: a shared connection to Redis was closed")
	errLineReply  = errors.New("proxy: a reply from Redis on a shared connection that nobody waits for")
)

// line is a connection to Redis that many sessions share. What they send while one of
// them is about to write goes out in one write, and what Redis answers comes in one
// read. It is only for commands that leave nothing behind with the connection, do not
// block, and have one reply each; and for clients whose replies have been small.
//
// A reply that is big after all is passed on as the client takes it, while those
// behind wait; the line takes nothing new from then on. If somebody waits behind, a
// client that takes nothing is closed.
//
// Safe for concurrent use.
type line struct {
	up   *upstream
	left func() // called once when it takes nothing more

	mu      sync.Mutex // guards the following fields
	out     []byte     // not given to the system yet
	spare   []byte     // room for out while that is written
	writing bool       // a session writes, or is about to
	asked   uint64     // bytes ever put in out
	given   uint64     // … and given to the system
	turns   []*turn    // those that wait for replies, in order
	retired bool       // it takes nothing more, and is closed when nobody waits
	used    bool       // since the last look
}

// turn is what a session waits for on a line. It is the session's, but for the time
// between put and told, when it is the line's.
type turn struct {
	out  []byte // the replies so far
	more bool   // out is full, and more comes once it is taken
	err  error  // the line broke
	sent bool   // … when some of the commands may have reached Redis

	replies int           // that are to come
	from    uint64        // the line's asked before it
	cut     func()        // closes the client
	told    chan struct{} // of one: look at the turn, or at whether the session is over
	taken   chan struct{} // of one: out may be filled anew
	gone    atomic.Bool   // nobody wants the replies any more
}

func newTurn(cut func()) *turn {
	return &turn{cut: cut, told: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
}

// tell wakes the session. It never waits: if it has been told already, then because
// it is over.
func (t *turn) tell() {
	select {
	case t.told <- struct{}{}:
	default:
	}
}

// take tells the line that it may go on.
func (t *turn) take() {
	select {
	case t.taken <- struct{}{}:
	default:
	}
}

// drop tells the line that nobody wants the replies, which it swallows.
func (t *turn) drop() {
	t.gone.Store(true)
	t.take()
}

// fits reports whether so many bytes more can be held.
func (t *turn) fits(n int) bool { return len(t.out)+n <= bufferSize }

func (t *turn) add(piece []byte, bufs *bufferPool) {
	if len(t.out)+len(piece) > cap(t.out) {
		big := append(bufs.get(), t.out...)
		bufs.put(t.out)
		t.out = big
	}
	t.out = append(t.out, piece...)
}

// put sends commands, for which the turn waits then. It reports false, and has done
// nothing, if the line takes no more.
func (l *line) put(t *turn, sends [][]byte) bool {
	l.mu.Lock()
	if l.retired || len(l.out) > maxLineOut {
		l.mu.Unlock()
		return false
	}
	t.from = l.asked
	for _, p := range sends {
		l.out = append(l.out, p...)
		l.asked += uint64(len(p))
	}
	l.turns = append(l.turns, t)
	l.used = true
	first := !l.writing
	l.writing = true
	l.mu.Unlock()
	if first {
		runtime.Gosched() // those who are about to send come along
		l.write()
	}
	return true
}

// write writes until there is nothing to write.
func (l *line) write() {
	l.mu.Lock()
	for len(l.out) > 0 {
		p := l.out
		l.out, l.spare = l.spare[:0], nil
		l.given += uint64(len(p))
		l.mu.Unlock()
		err := l.up.send(p)
		l.mu.Lock()
		l.spare = p
		if err != nil {
			l.up.close() // the reader sees it
			break
		}
	}
	l.writing = false
	l.mu.Unlock()
}

// read gives the replies to those who wait, until the connection ends.
func (l *line) read() {
	defer l.up.release()
	for {
		if err := l.up.fill(); err != nil {
			l.fail(err)
			return
		}
		if err := l.hand(); err != nil {
			l.fail(err)
			return
		}
		if l.finished() {
			l.up.close()
			return
		}
	}
}

// hand gives what has been read to those whose turn it is.
func (l *line) hand() error {
	for l.up.pending() {
		l.mu.Lock()
		turns := l.turns // the reader alone takes some away
		l.mu.Unlock()
		if len(turns) == 0 {
			return errLineReply
		}
		n := 0
		for more := true; more && n < len(turns) && l.up.pending(); {
			t := turns[n]
			piece, done, err := l.up.scanSome(t.replies)
			if tellsReplica(piece) {
				l.retire() // a new connection finds the master
			}
			if t.replies -= done; !t.fits(len(piece)) {
				l.next(n) // they do not wait for this one
				n, more = 0, false
				l.pour(t, piece)
			} else {
				t.add(piece, l.up.bufs)
			}
			if err != nil {
				l.next(n)
				return err
			}
			if t.replies > 0 {
				break
			}
			n++
		}
		l.next(n)
	}
	return nil
}

var replicaSays = []byte("-READONLY ")

// tellsReplica reports whether Redis says, or seems to, that it is no master any more.
func tellsReplica(piece []byte) bool {
	return len(piece) > 0 && (piece[0] == '-' || piece[0] == '+' || piece[0] == ':') && bytes.Contains(piece, replicaSays)
}

// next ends the first turns: they have their replies.
func (l *line) next(n int) {
	var few [64]*turn
	l.mu.Lock()
	ended := append(few[:0], l.turns[:n]...)
	k := copy(l.turns, l.turns[n:])
	clear(l.turns[k:])
	l.turns = l.turns[:k]
	l.mu.Unlock()
	for _, t := range ended {
		t.tell()
	}
}

// pour gives a session a piece that it has to pass on before all of it fits.
func (l *line) pour(t *turn, piece []byte) {
	for !t.fits(len(piece)) {
		n := max(0, bufferSize-len(t.out))
		t.add(piece[:n], l.up.bufs)
		piece = piece[n:]
		l.spill(t)
	}
	t.add(piece, l.up.bufs)
}

// spill has the session pass on what it has got so far.
func (l *line) spill(t *turn) {
	l.retire()
	if t.more = true; !t.gone.Load() {
		t.tell()
		stall := time.NewTicker(stallTime)
		defer stall.Stop()
		for taken := false; !taken; {
			select {
			case <-t.taken:
				taken = true
			case <-stall.C:
				if l.waiting() > 1 {
					t.cut()
				}
			}
		}
	}
	if t.more = false; t.gone.Load() {
		t.out = t.out[:0]
	}
}

// waiting is how many wait for replies.
func (l *line) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.turns)
}

// finished reports whether the line is retired and nobody waits.
func (l *line) finished() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.retired && len(l.turns) == 0
}

// fail ends the turns of all who wait.
func (l *line) fail(err error) {
	l.retire()
	l.up.close()
	l.mu.Lock()
	turns := l.turns
	l.turns = nil
	for _, t := range turns {
		t.err, t.sent = err, t.from < l.given
	}
	l.mu.Unlock()
	for _, t := range turns {
		t.tell()
	}
}

// retire has the line take nothing more.
func (l *line) retire() {
	l.mu.Lock()
	before := l.retired
	l.retired = true
	idle := len(l.turns) == 0
	l.mu.Unlock()
	if !before {
		l.left()
	}
	if idle {
		l.up.close() // which ends the reader
	}
}

// idle reports whether nobody has used the line since the last call.
func (l *line) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := l.used || len(l.turns) > 0
	l.used = false
	return !used
}
