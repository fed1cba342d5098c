package loopback

import (
	"io"
	"net"
	"sync"
	"time"
)

// Link is a TCP proxy to a server that can delay, cut, refuse, swallow, slow
// down, and lose replies. Safe for concurrent use.
type Link struct {
	ln net.Listener
	wg sync.WaitGroup
	mu sync.Mutex
	// mu guards the following fields.
	to     string // the server behind
	conns  map[net.Conn]struct{}
	faults Faults
	closed bool
}

// Faults is how a link misbehaves. The zero value is a good link.
type Faults struct {
	Delay   time.Duration // added to every piece of a reply
	Refuse  bool          // new connections are closed at once
	Lose    int           // so many pieces of replies are swallowed, their connection cut
	LoseAll bool          // every connection is cut with a lost reply
	Swallow bool          // replies are swallowed, connections stay
	Void    bool          // both directions are swallowed: the peer's machine is gone
	Halve   int           // so many pieces of replies are cut in half, and their connection with them
	Hole    bool          // connections made now lead nowhere, for as long as they live
	Stall   chan struct{} // requests are held back until it is closed; nil: they are not
	Trickle time.Duration // pause after every byte of a reply; zero: none
}

// NewLink starts a link to the server at the address.
func NewLink(to string) (*Link, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{ln: ln, to: to, conns: make(map[net.Conn]struct{})}
	l.wg.Add(1)
	go l.accept()
	return l, nil
}

// Close ends the link with all its connections.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.ln.Close()
	l.Cut()
	l.wg.Wait()
}

// Addr is where the link listens.
func (l *Link) Addr() string { return l.ln.Addr().String() }

// Set changes how the link behaves from now on.
func (l *Link) Set(change func(*Faults)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.faults)
}

// Redirect has new connections lead to another server.
func (l *Link) Redirect(to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

// Losing is how many pieces of replies are still to be lost.
func (l *Link) Losing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults.Lose
}

// Halving is how many pieces of replies are still to be cut in half.
func (l *Link) Halving() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults.Halve
}

// Conns is how many connections there are, both ends counted.
func (l *Link) Conns() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Cut closes every connection.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		conn.Close()
	}
}

// Down cuts the link until Up is called: the server cannot be reached.
func (l *Link) Down() {
	l.Set(func(f *Faults) { f.Refuse = true })
	l.Cut()
}

// Up ends Down.
func (l *Link) Up() { l.Set(func(f *Faults) { f.Refuse = false }) }

func (l *Link) accept() {
	defer l.wg.Done()
	for {
		near, err := l.ln.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		to := l.to
		l.mu.Unlock()
		far, err := net.Dial("tcp", to)
		l.mu.Lock()
		if err != nil || l.faults.Refuse || l.closed {
			l.mu.Unlock()
			near.Close()
			if far != nil {
				far.Close()
			}
			continue
		}
		l.conns[near], l.conns[far] = struct{}{}, struct{}{}
		hole := l.faults.Hole
		l.mu.Unlock()
		l.wg.Add(2)
		if hole {
			go l.discard(near, far)
			go l.discard(far, near)
			continue
		}
		go l.copy(far, near, false)
		go l.copy(near, far, true)
	}
}

// discard takes what comes and tells nobody.
func (l *Link) discard(src, other net.Conn) {
	defer l.wg.Done()
	_, _ = io.Copy(io.Discard, src)
	src.Close()
	other.Close()
	l.mu.Lock()
	delete(l.conns, src)
	l.mu.Unlock()
}

// copy moves bytes one way; all faults but Void and Stall apply to replies alone.
func (l *Link) copy(dst, src net.Conn, replies bool) {
	defer l.wg.Done()
	defer func() {
		dst.Close()
		src.Close()
		l.mu.Lock()
		delete(l.conns, dst)
		delete(l.conns, src)
		l.mu.Unlock()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && !l.pass(dst, buf[:n], replies) || err != nil {
			return
		}
	}
}

// pass hands on one piece as the faults of the moment say; false: the
// connection is over.
func (l *Link) pass(dst net.Conn, piece []byte, reply bool) bool {
	l.mu.Lock()
	f := l.faults
	if reply && f.Lose > 0 {
		l.faults.Lose--
		for conn := range l.conns {
			if f.LoseAll {
				conn.Close()
			}
		}
	} else if reply && f.Halve > 0 {
		l.faults.Halve--
	}
	l.mu.Unlock()
	switch {
	case f.Void:
		return true
	case !reply:
		if f.Stall != nil {
			<-f.Stall
		}
		_, err := dst.Write(piece)
		return err == nil
	case f.Lose > 0:
		return false
	case f.Halve > 0:
		_, _ = dst.Write(piece[:len(piece)/2])
		return false
	case f.Swallow:
		return true
	}
	if f.Delay > 0 {
		<-time.After(f.Delay)
	}
	for f.Trickle > 0 && len(piece) > 1 {
		if _, err := dst.Write(piece[:1]); err != nil {
			return false
		}
		piece = piece[1:]
		<-time.After(f.Trickle)
		l.mu.Lock()
		f = l.faults
		l.mu.Unlock()
	}
	_, err := dst.Write(piece)
	return err == nil
}
