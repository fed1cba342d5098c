package engine

import (
	"net"
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
	fell  map[net.Conn]bool // dead ones that something was sent on; guarded by mu
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
		if dead && n > 0 {
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
func (b *blackhole) swallow() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.conns {
		b.dead[conn] = true
	}
	return len(b.conns) / 2
}

// fallen is on how many of them something was sent since.
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
	e := connectForTest(t, hole.ln.Addr().String(), Options{CommandTimeout: 300 * time.Millisecond}, func(s store) store { return s })
	mustInc(t, e, LaxPlain, "x", 1)
	mustFlush(t, e)
	var wg sync.WaitGroup
	for range 200 { // strict commands at once leave a pool full of connections
		wg.Go(func() { operateOn(t, e, StrictPlain, opInc, "y", 1) })
	}
	wg.Wait()
	made := hole.swallow()
	if made < 10 {
		t.Fatalf("%d connections, want a pool of them", made)
	}
	mustInc(t, e, LaxPlain, "x", 5)
	flushes(t, e)
	if got := m.HGet(booksForTest(t, m, LaxPlain).totalsKey(), "x"); got != "6" {
		t.Errorf("Redis has %q, want 6", got)
	}
	// One each of those who ask Redis at the time: flushers, and whoever looks if it is back.
	if n := hole.fallen(); n > 5 {
		t.Errorf("%d of %d dead connections were tried, want one for each that asks at once", n, made)
	}
}
