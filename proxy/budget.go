package proxy

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultClientMemory is the budget when Options say nothing. With it the
// process stays below 400 MB whatever strangers send it:
//
//	 48 MB  the budget
//	 70 MB  freeHeld for each of 10,000 clients, which few of them use up
//	 40 MB  their connections, two sockets and a goroutine each
//	        = 158 MB that live at most
//	x 2     the collector lets the heap grow to twice what lives
//	 20 MB  the program and its runtime
//
// or, where they speak TLS, instead of the second and the third
//
//	118 MB  for each of 5,000 clients keys and buffers, four sockets, three goroutines
//	 20 MB  handshakes under way
//
// Past the budget lies only what the client that is about to be closed holds
// already; what it asked for is not allocated.
const DefaultClientMemory = 48 << 20

// freeHeld is what a client may hold without an entry in its account: one that
// sends short commands one by one holds no more, and costs no shared counter.
const freeHeld = 2*smallSize + smallSpace + 1<<10

// collectPart is the part of the budget that is booked between two collections.
const collectPart = 4

// leavePause is how long a read waits at most while many clients are leaving.
const leavePause = 10 * time.Millisecond

// A command of many arguments waits for others to end before somebody has to go
// for it: for roomWait since the last of them has, and for maxRoomWait in all.
const (
	roomWait    = 1500 * time.Millisecond
	maxRoomWait = 5 * time.Second
	bigRelease  = 1 << 20 // what one of them gives back at least
)

// evictPause is the time between two warnings of evictions.
const evictPause = 10 * time.Second

// budget bounds the memory that all clients together make the proxy hold:
// commands that are not complete or not answered, what is read ahead, and
// replies that are not taken. Where it is passed the client that holds most is
// closed, as by Redis' maxmemory-clients, until the rest fits. Safe for
// concurrent use.
type budget struct {
	limit int64
	used  atomic.Int64 // what all accounts hold
	// leaving is the part of used that is of clients who were told to go.
	leaving atomic.Int64
	freed   atomic.Int64 // how often bigRelease and more was given back

	mu      sync.Mutex // one relief at a time
	holders func() []holder

	taken      atomic.Int64 // bytes booked since the last collection that was asked for
	collecting atomic.Bool
}

// account is one client's part of the budget. Safe for concurrent use.
type account struct {
	// Fixed after the accept.
	budget *budget
	evict  func(held int64) // closes the client

	mu   sync.Mutex // used follows held, until gone
	held atomic.Int64
	gone atomic.Bool // held counts no more
}

// add books n bytes more, or less. It reports false if the client must go; then
// nothing more may be held for it.
func (a *account) add(n int64) bool {
	if !a.book(n) {
		return false
	}
	if n <= 0 {
		return true
	}
	a.budget.collect(n)
	if a.budget.over() > 0 {
		a.budget.relieve()
	}
	return !a.gone.Load()
}

// reserve books n bytes if they leave half of the budget free: it is for what
// need not be held, and nobody is closed for it.
func (a *account) reserve(n int64) bool {
	if a.budget.tight() || !a.book(n) {
		return false
	}
	return true
}

// await books n bytes as soon as they fit, for which it waits as long as others
// give some back. It reports whether they are booked.
func (a *account) await(n int64) bool {
	begun := time.Now()
	last, freed := begun, a.budget.freed.Load()
	for ; ; time.Sleep(leavePause) {
		booked, open := a.fit(n)
		if booked {
			a.budget.collect(n)
			return true
		}
		now := time.Now()
		if f := a.budget.freed.Load(); f != freed {
			last, freed = now, f
		}
		if !open || now.Sub(last) > roomWait || now.Sub(begun) > maxRoomWait {
			return false
		}
	}
}

// fit books n bytes if they leave a quarter of the budget free, so that nobody has
// to go for what the others send meanwhile. It reports whether the account is
// still open.
func (a *account) fit(n int64) (booked, open bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone.Load() {
		return false, false
	}
	for b := a.budget; ; {
		used := b.used.Load()
		if used+n > b.limit-b.limit/4 {
			return false, true
		}
		if b.used.CompareAndSwap(used, used+n) {
			a.held.Add(n)
			return true, true
		}
	}
}

// book reports whether the account is still open.
func (a *account) book(n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone.Load() {
		return false
	}
	a.held.Add(n)
	a.budget.used.Add(n)
	if n <= -bigRelease {
		a.budget.freed.Add(1)
	}
	return true
}

// expel ends the account because its client must go, and reports whether it was
// open. What it holds counts as leaving until it is closed.
func (a *account) expel() (held int64, open bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone.Load() {
		return 0, false
	}
	a.gone.Store(true)
	held = a.held.Load()
	a.budget.leaving.Add(held)
	return held, true
}

// close ends the account: nothing is held any more.
func (a *account) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.held.Swap(0)
	a.budget.used.Add(-held)
	if a.gone.Swap(true) {
		a.budget.leaving.Add(-held)
	}
}

// tight reports whether half of the budget is used: time to get on with little.
func (b *budget) tight() bool { return b.used.Load() > b.limit/2 }

// over is what is held beyond the limit when those who leave have left.
func (b *budget) over() int64 { return b.used.Load() - b.leaving.Load() - b.limit }

// ease lets those who leave go before more is read, for a moment at most: they
// may wait for the processor.
func (b *budget) ease() {
	if b.leaving.Load() > b.limit/2 {
		time.Sleep(leavePause)
	}
}

// collect has the garbage collected, in a goroutine of its own, when much was
// booked while the budget is tight: what clients let go would else count for
// as much again as what they hold.
func (b *budget) collect(n int64) {
	if !b.tight() || b.taken.Add(n) < b.limit/collectPart || !b.collecting.CompareAndSwap(false, true) {
		return
	}
	b.taken.Store(0)
	go func() {
		defer b.collecting.Store(false)
		runtime.GC()
	}()
}

// relieve closes the clients that hold most until the others are within the limit.
func (b *budget) relieve() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.over() > 0 {
		holders := b.holders()
		if len(holders) == 0 {
			return
		}
		slices.SortFunc(holders, func(x, y holder) int { return cmp.Compare(y.held, x.held) })
		// Where many hold about the same some more go, so that they are not
		// looked through for each.
		for _, h := range holders {
			over := b.over()
			if over <= 0 && (h.held < holders[0].held/2 || over <= -b.limit/16) {
				break
			}
			if held, open := h.expel(); open {
				h.evict(held)
			}
		}
	}
}

// holder is an account and what it held when that was looked at.
type holder struct {
	*account
	held int64
}

// holders are the clients that hold anything.
func (srv *Server) holders() []holder {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	var all []holder
	for c := range srv.conns {
		if n := c.account.held.Load(); n > 0 && !c.account.gone.Load() {
			all = append(all, holder{&c.account, n})
		}
	}
	return all
}

// evicted closes a client that holds too much, and tells so, not too often.
func (srv *Server) evicted(c *clientConn, held int64) {
	n := srv.metrics.clientsEvicted.Add(1)
	// Not here: a close waits for who is about to read or write, and that may be
	// us. Who books is counted in wg, so that this is not too late for it.
	srv.wg.Add(1)
	go func() {
		defer srv.wg.Done()
		c.Close()
	}()
	now, last := time.Now().UnixNano(), srv.lastEviction.Load()
	if now-last < int64(evictPause) || !srv.lastEviction.CompareAndSwap(last, now) {
		return
	}
	srv.log.Warn("clients hold too much memory, the one that holds most is closed",
		"client", c.RemoteAddr().String(), "held", held, "limit", srv.budget.limit, "evicted", n)
}
