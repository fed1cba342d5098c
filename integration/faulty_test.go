package integration

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// faultyLink is a TCP proxy between our proxy and Redis that can delay, cut,
// refuse, and lose replies.
type faultyLink struct {
	t  testing.TB
	ln net.Listener
	wg sync.WaitGroup
	mu sync.Mutex
	// mu guards the following fields.
	to      string // the server behind
	conns   map[net.Conn]struct{}
	delay   time.Duration // added to every piece of a reply
	refuse  bool          // new connections are closed at once
	lose    int           // so many pieces of replies are swallowed, their connection cut
	swallow bool          // replies are swallowed, connections stay
}

// startLink starts a link to the server at addr; it is closed with the test.
func startLink(t testing.TB, to string) *faultyLink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &faultyLink{t: t, ln: ln, to: to, conns: make(map[net.Conn]struct{})}
	l.wg.Add(1)
	go l.accept()
	t.Cleanup(func() {
		ln.Close()
		l.cut()
		l.wg.Wait()
	})
	return l
}

func (l *faultyLink) addr() string { return l.ln.Addr().String() }

// set changes how the link behaves from now on.
func (l *faultyLink) set(change func(*faultyLink)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// cut closes every connection.
func (l *faultyLink) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		conn.Close()
	}
}

// down cuts the link until up is called: the proxy cannot reach Redis.
func (l *faultyLink) down() {
	l.set(func(l *faultyLink) { l.refuse = true })
	l.cut()
}

func (l *faultyLink) up() { l.set(func(l *faultyLink) { l.refuse = false }) }

func (l *faultyLink) accept() {
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
		if err != nil || l.refuse {
			l.mu.Unlock()
			near.Close()
			if far != nil {
				far.Close()
			}
			continue
		}
		l.conns[near], l.conns[far] = struct{}{}, struct{}{}
		l.mu.Unlock()
		l.wg.Add(2)
		go l.copy(far, near, false)
		go l.copy(near, far, true)
	}
}

// copy moves bytes one way; the link's faults apply to replies.
func (l *faultyLink) copy(dst, src net.Conn, replies bool) {
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
		if n > 0 && replies {
			l.mu.Lock()
			delay, swallow, lost := l.delay, l.swallow, l.lose > 0
			if lost {
				l.lose--
			}
			l.mu.Unlock()
			if lost {
				return
			}
			if swallow {
				continue
			}
			if delay > 0 {
				<-time.After(delay)
			}
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF {
				return
			}
			return
		}
	}
}
