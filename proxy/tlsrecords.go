package proxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// What is read of a client that speaks TLS.
const (
	recordHeader = 5
	// recordsAhead bounds what is read beyond the record that is asked for: what
	// is left over of it TLS makes room for beside the next record.
	recordsAhead = 2 << 10
	// maxDataless bounds what a client may send that brings no data: the
	// handshake, of which a certificate is the most, and whatever comes later.
	maxDataless = 32 << 10
)

// recordsFree is what TLS may keep for a client that does not count: it is what a
// handshake and short records take.
const recordsFree = 6 << 10

var errDataless = errors.New("proxy: the client sends much over TLS that is no data")

// errNoRecord tells TLS that there is nothing to read yet. It is one of those
// after which TLS can be asked again, which a timeout of its own making need not be.
var errNoRecord net.Error = noRecord{}

type noRecord struct{}

func (noRecord) Error() string   { return "proxy: nothing to read yet" }
func (noRecord) Timeout() bool   { return true }
func (noRecord) Temporary() bool { return true }

// tlsRecords is a client's connection as TLS reads it. TLS keeps, for as long as the
// connection lives, a buffer for the largest record that was begun and one for the most
// that came without data. So these are counted here, in the client's account, as
// soon as there is one, and before TLS makes room.
//
// Read is called by one goroutine at a time.
type tlsRecords struct {
	net.Conn
	raw     syscall.RawConn // nil: reads wait
	account atomic.Pointer[account]

	// Owned by who reads.
	nowait   bool // Read returns errNoRecord rather than wait
	head     [recordHeader]byte
	have     int // so many bytes of head
	left     int // of the record's body
	last     int // length of the last record
	dataless int // bytes of records that were read since data came

	mu      sync.Mutex // guards the following fields
	largest int        // record
	barren  int        // most of dataless
	counted int        // what of kept is in the account
}

func newTLSRecords(conn net.Conn) *tlsRecords {
	r := &tlsRecords{Conn: conn}
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil && canReadNow {
			r.raw = raw
		}
	}
	return r
}

// kept is about what TLS keeps for the client that counts.
func (r *tlsRecords) kept() int {
	return max(0, r.largest+r.largest/3+r.barren+r.barren/2-recordsFree)
}

// settle brings the account up to date, once there is one. It reports false if the client must go.
func (r *tlsRecords) settle() bool {
	a := r.account.Load()
	if a == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	change := r.kept() - r.counted
	if change == 0 {
		return true
	}
	r.counted += change
	return a.add(int64(change))
}

// grown notes what TLS is about to make room for.
func (r *tlsRecords) grown(at *int, n int) error {
	r.mu.Lock()
	grown := n > *at
	*at = max(*at, n)
	r.mu.Unlock()
	if grown && !r.settle() {
		return errEvicted
	}
	return nil
}

// data says that what was read so far has brought data.
func (r *tlsRecords) data() { r.dataless = 0 }

// Read reads no further than the end of a record, unless records are short.
func (r *tlsRecords) Read(p []byte) (int, error) {
	if r.have == 0 && r.left == 0 && r.dataless > 0 {
		if r.dataless > maxDataless {
			return 0, errDataless
		}
		if err := r.grown(&r.barren, r.dataless); err != nil {
			return 0, err
		}
	}
	switch {
	case r.left > 0:
		p = p[:min(len(p), r.left)]
	case r.last > recordsAhead:
		p = p[:min(len(p), recordHeader-r.have)]
	default:
		p = p[:min(len(p), recordsAhead)]
	}
	n, err := r.read(p)
	if n > 0 {
		if err := r.scan(p[:n]); err != nil {
			return 0, err
		}
	}
	return n, err
}

func (r *tlsRecords) read(p []byte) (int, error) {
	if !r.nowait || r.raw == nil {
		return r.Conn.Read(p)
	}
	n, err := readNow(r.raw, p)
	if n == 0 && (err == nil || isTimeout(err)) { // the deadline is for wait
		err = errNoRecord
	}
	return n, err
}

// scan follows where records begin and end.
func (r *tlsRecords) scan(p []byte) error {
	for len(p) > 0 {
		if r.left > 0 {
			n := min(r.left, len(p))
			p, r.left = p[n:], r.left-n
			continue
		}
		n := copy(r.head[r.have:], p)
		p, r.have = p[n:], r.have+n
		if r.have < recordHeader {
			return nil
		}
		r.have, r.left = 0, int(r.head[3])<<8|int(r.head[4])
		r.last = r.left
		r.dataless += recordHeader + r.left
		if err := r.grown(&r.largest, r.left); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until there is something to read, which takes no buffer.
func (r *tlsRecords) wait() error {
	if r.raw == nil {
		return nil
	}
	return waitReadable(r.raw)
}
