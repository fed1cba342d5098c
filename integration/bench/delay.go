package main

import (
	"net"
	"sync"
	"time"
)

// delayedLink is a TCP proxy that holds back every piece, there and back, for
// half of a round trip. Unlike a fault, it does not make a connection slower: any
// number of pieces may be on their way.
type delayedLink struct {
	ln     net.Listener
	to     string
	oneWay time.Duration
	wg     sync.WaitGroup
	lanes  [2]chan parcel // there and back
	mu     sync.Mutex
	// mu guards the following fields.
	conns  []net.Conn
	closed bool
}

// parcel is a piece on its way. No bytes: the connection ends.
type parcel struct {
	due   time.Time
	bytes []byte
	to    net.Conn
}

// onTheWay is how many pieces a lane holds; a sender of more waits.
const onTheWay = 1 << 14

// newDelayedLink starts a link to a server.
func newDelayedLink(to string, roundTrip time.Duration) (*delayedLink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &delayedLink{ln: ln, to: to, oneWay: roundTrip / 2}
	for i := range l.lanes {
		l.lanes[i] = make(chan parcel, onTheWay)
		go deliver(l.lanes[i])
	}
	l.wg.Add(1)
	go l.accept()
	return l, nil
}

// delayed is a delayed link to the testbed's Redis, that ends with the testbed.
func (bed *testbed) delayed(roundTrip time.Duration) (*delayedLink, error) {
	l, err := newDelayedLink(bed.redis.addr, roundTrip)
	if err == nil {
		bed.links = append(bed.links, l)
	}
	return l, err
}

func (l *delayedLink) addr() string { return l.ln.Addr().String() }

// close ends the link and its connections.
func (l *delayedLink) close() {
	l.ln.Close()
	l.mu.Lock()
	l.closed = true
	for _, conn := range l.conns {
		conn.Close()
	}
	l.mu.Unlock()
	l.wg.Wait() // nobody sends any more
	for _, lane := range l.lanes {
		close(lane)
	}
}

func (l *delayedLink) accept() {
	defer l.wg.Done()
	for {
		near, err := l.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		if l.closed {
			near.Close()
			far.Close()
		}
		l.conns = append(l.conns, near, far)
		l.mu.Unlock()
		l.wg.Add(2)
		go l.collect(near, far, l.lanes[0])
		go l.collect(far, near, l.lanes[1])
	}
}

// collect puts what comes from one side into a lane.
func (l *delayedLink) collect(from, to net.Conn, lane chan<- parcel) {
	defer l.wg.Done()
	for {
		buf := make([]byte, 16<<10)
		n, err := from.Read(buf)
		if n > 0 {
			lane <- parcel{time.Now().Add(l.oneWay), buf[:n], to}
		}
		if err != nil {
			lane <- parcel{time.Now().Add(l.oneWay), nil, to}
			return
		}
	}
}

// deliver hands out what is due. All parcels take equally long, so they are due
// in the order in which they were sent.
func deliver(lane <-chan parcel) {
	for p := range lane {
		sleepUntil(p.due)
		if len(p.bytes) == 0 {
			p.to.Close()
			continue
		}
		if _, err := p.to.Write(p.bytes); err != nil {
			p.to.Close()
		}
	}
}
