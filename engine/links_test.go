package engine

import (
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// blackhole is a way to Redis that can swallow whatever the connections that are
// open carry, without closing them; new ones work.
type blackhole struct {
	ln    net.Listener
	to    string
	mu    sync.Mutex
	conns []net.Conn        // guarded by mu; both ends
	dead  map[net.Conn]bool // guarded by mu
	known func() bool       // whether it is known that they are dead
	fell  map[net.Conn]bool // dead ones that something was sent on while it was; guarded by mu
	wg    sync.WaitGroup
}

func openBlackhole(t testing.TB, to string) *blackhole {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &blackhole{ln: ln, to: to, dead: make(map[net.Conn]bool), fell: make(map[net.Conn]bool)}
	b.wg.Go(b.accept)
	t.Cleanup(func() {
		ln.Close()
		b.mu.Lock()
		for _, conn := range b.conns {
			conn.Close()
		}
		b.mu.Unlock()
		b.wg.Wait()
	})
	return b
}

func (b *blackhole) accept() {
	for {
		near, err := b.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", b.to)
		if err != nil {
			near.Close()
			continue
		}
		b.mu.Lock()
		b.conns = append(b.conns, near, far)
		b.mu.Unlock()
		b.wg.Go(func() { b.copy(far, near) })
		b.wg.Go(func() { b.copy(near, far) })
	}
}

func (b *blackhole) copy(dst, src net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		b.mu.Lock()
		dead := b.dead[src]
		if dead && n > 0 && b.known() {
			b.fell[src] = true
		}
		b.mu.Unlock()
		if dead && err == nil {
			continue
		}
		if !dead && n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			dst.Close()
			src.Close()
			return
		}
	}
}

// swallow has the open connections lead nowhere, and returns how many there are.
// known says when whoever uses them knows.
func (b *blackhole) swallow(t testing.TB, known func() bool) int {
	last, err := net.Dial("tcp", b.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	eventually(t, 10*time.Second, "those that wait to be accepted", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.conns, func(c net.Conn) bool { return c.RemoteAddr().String() == last.LocalAddr().String() })
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = known
	for _, conn := range b.conns {
		b.dead[conn] = true
	}
	return len(b.conns) / 2
}

// fallen is on how many of them something was sent although it was known.
func (b *blackhole) fallen() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.fell)
}

// When all connections were cut without a word, one time-out is enough: the
// others in the pool are not tried one after the other.
func TestHalfOpenConnectionsAreNotTriedOneByOne(t *testing.T) {
	m := miniredis.RunT(t)
	hole := openBlackhole(t, m.Addr())
	e := connectForTest(t, hole.ln.Addr().String(), Options{CommandTimeout: time.Second}, func(s store) store { return s })
	mustInc(t, e, LaxPlain, "x", 1)
	mustFlush(t, e)
	links := e.opts.links
	before := links.distrusted.Load()
	known := func() bool { return links.distrusted.Load() > before }
	sum := 1
	for range 20 { // until a connection that was made just then is not the one taken
		if known() {
			break
		}
		var wg sync.WaitGroup
		for range 40 { // strict commands at once leave a pool full of connections
			wg.Go(func() { operateOn(t, e, StrictPlain, opInc, "y", 1) })
		}
		wg.Wait()
		before = links.distrusted.Load() // a busy machine may have kept some waiting
		if made := hole.swallow(t, known); made < 4 {
			t.Fatalf("%d connections, want a pool of them", made)
		}
		mustInc(t, e, LaxPlain, "x", 5)
		flushes(t, e)
		sum += 5
	}
	if got := m.HGet(booksForTest(t, m, LaxPlain).totalsKey(), "x"); got != strconv.Itoa(sum) {
		t.Errorf("Redis has %q, want %d", got, sum)
	}
	if !known() {
		t.Error("no request went to a dead connection")
	}
	if n := hole.fallen(); n > 0 {
		t.Errorf("%d dead connections were tried after one had not answered", n)
	}
}
