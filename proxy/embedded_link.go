package proxy

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// What a connection to the embedded Redis may have been answered and not read.
const (
	// maxBacklog ends the connection, as client-output-buffer-limit does in
	// Redis. It is soft: the write that passes it is kept, so that a value of
	// any size can be read.
	maxBacklog = 64 << 20
	// easyBacklog stops the connection's next commands, so that only single
	// replies and messages to subscribers come to more.
	easyBacklog = 1 << 20
	// linkPiece is how much is sent at once.
	linkPiece = 256 << 10
)

var errBacklog = errors.New("proxy: too many replies of the embedded Redis are not read")

// link is miniredis' end of a connection. miniredis writes replies while it
// holds the lock that all its commands need, so a write here never waits: what
// the socket does not take at once is kept and sent by a goroutine, which lives
// until all is sent. Make one with newLink. Safe for concurrent use, but only
// one goroutine may read.
type link struct {
	net.Conn
	// Fixed after newLink.
	raw  syscall.RawConn // nil: writing without waiting is not done here
	wg   *sync.WaitGroup // of the goroutines that send
	gone func(*link)     // called when the socket is closed

	in []byte // received and not read yet; owned by the goroutine that reads

	mu      sync.Mutex // guards the following fields
	eased   sync.Cond  // out is short again, or the link is closing
	out     []byte     // to be sent
	sending bool       // the goroutine runs; true if out is not empty
	closing bool       // Close was called: out is still sent
	closed  bool       // the socket is closed
}

func newLink(conn net.Conn, wg *sync.WaitGroup, gone func(*link)) *link {
	l := &link{Conn: conn, raw: newSockReader(conn, nil, nil).raw, wg: wg, gone: gone}
	l.eased.L = &l.mu
	return l
}

// Write sends p, or keeps it to be sent.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing || l.closed {
		return 0, net.ErrClosed
	}
	n := 0
	if l.raw != nil && !l.sending {
		var err error
		if n, err = writeNow(l.raw, p); err != nil {
			l.cutLocked()
			return n, err
		}
	}
	switch {
	case n == len(p):
		return n, nil
	case len(l.out) > maxBacklog:
		l.cutLocked()
		return n, errBacklog
	}
	l.out = append(l.out, p[n:]...)
	if !l.sending {
		l.sending = true
		l.wg.Add(1)
		go l.send()
	}
	return len(p), nil
}

// send is the goroutine.
func (l *link) send() {
	defer l.wg.Done()
	for p := l.next(0); len(p) > 0; {
		n, err := l.Conn.Write(p)
		if err != nil {
			l.cut()
			return
		}
		p = l.next(n)
	}
}

// next takes off what was sent and returns what to send now. If that is nothing
// the goroutine has ended.
func (l *link) next(sent int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.out = l.out[sent:]
	if len(l.out) <= easyBacklog {
		l.eased.Broadcast()
	}
	if len(l.out) == 0 {
		l.out, l.sending = nil, false
		if l.closing {
			l.cutLocked()
		}
	}
	return l.out[:min(len(l.out), linkPiece)]
}

// Read reads from the connection, at most up to the end of a command, and not
// before its earlier replies are read: miniredis' reader takes in as many
// commands as it is given, and they are all executed.
func (l *link) Read(p []byte) (int, error) {
	if len(l.in) == 0 {
		n, err := l.Conn.Read(p)
		if n == 0 || err != nil {
			return n, err
		}
		end := commandEnd(p[:n])
		l.in = append([]byte(nil), p[end:n]...)
		l.ease()
		return end, nil
	}
	n := copy(p, l.in[:commandEnd(l.in)])
	l.in = l.in[n:]
	l.ease()
	return n, nil
}

// commandEnd is where the first command in p may end: a value can look like an
// end too, which does no harm.
func commandEnd(p []byte) int {
	if i := bytes.Index(p, []byte("\n*")); i >= 0 {
		return i + 1
	}
	return len(p)
}

// ease waits until few replies are to be sent.
func (l *link) ease() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.out) > easyBacklog && !l.closing {
		l.eased.Wait()
	}
}

// Close ends the reading and, once what was written is sent, the connection.
func (l *link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	if !l.sending {
		l.cutLocked()
		return nil
	}
	l.eased.Broadcast()
	return l.Conn.SetReadDeadline(time.Unix(1, 0))
}

// cut closes the connection at once.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cutLocked()
}

func (l *link) cutLocked() {
	if l.closed {
		return
	}
	l.closing, l.closed, l.out = true, true, nil
	l.Conn.Close()
	l.eased.Broadcast()
	l.gone(l)
}
