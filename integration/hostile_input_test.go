package integration

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/hostile"
)

// What a connection and a byte, sent or answered, may allocate in this process,
// where proxy and client run. It is about the work that a byte makes, so it
// counts what is long garbage, too.
const (
	allocatedByConn = 768 << 10
	allocatedByByte = 150
)

// enginePool is more than the connections that the engine keeps to Redis after
// it was asked for much at once.
const enginePool = 70

// usage is what this process has used or uses.
type usage struct {
	allocated  uint64
	heap       uint64 // after a collection
	goroutines int
	files      int
	cpu        time.Duration
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func readUsage(t testing.TB) usage {
	t.Helper()
	runtime.GC()
	runtime.GC() // the first leaves what pools hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		t.Fatal(err)
	}
	cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	return usage{m.TotalAlloc, m.HeapInuse, runtime.NumGoroutine(), len(files), cpu}
}

// hostileRig is a Redis, a proxy and a neighbour who is served whatever comes.
type hostileRig struct {
	t         *testing.T
	redis     *redisServer
	proxy     *testProxy
	neighbour func()
	ways      int
	bytes     int
	most      float64 // of the bound on what is allocated
}

func newHostileRig(t *testing.T) *hostileRig {
	r := startRedis(t)
	h := &hostileRig{t: t, redis: r, proxy: startProxy(t, realBackend(r.addr), engine.Options{InstanceID: "me"})}
	c := client(t, h.proxy.addr).Conn()
	t.Cleanup(func() { c.Close() })
	// A cold counter needs Redis to answer in time, even on a busy machine.
	eventually(t, 20*time.Second, func() error { return c.Do(t.Context(), "DKC.INC", "neighbour:n", 0).Err() })
	var count int64
	h.neighbour = func() {
		t.Helper()
		count++
		if pong, err := c.Ping(t.Context()).Result(); err != nil || pong != "PONG" {
			t.Fatalf("a neighbour's PING: %q, %v", pong, err)
		}
		if n, err := c.Do(t.Context(), "DKC.INC", "neighbour:n").Int64(); err != nil || n != count {
			t.Fatalf("a neighbour's count: %d, %v, want %d", n, err, count)
		}
	}
	h.neighbour()
	return h
}

// send gives the proxy an input, on so many connections at once, and checks the
// answers and what they cost.
//
// What is allocated is the whole process', whose own work may fall into the same
// moment. So a cost above the bound is looked at again: an input that has it has it
// every time.
func (h *hostileRig) send(in hostile.Input, want string, conns int, pieces ...string) {
	h.t.Helper()
	const looks = 3
	for range looks - 1 {
		if used, bound := h.cost(in, want, conns, pieces); used <= bound {
			h.most = max(h.most, float64(used)/float64(bound))
			return
		}
	}
	used, bound := h.cost(in, want, conns, pieces)
	if used > bound {
		h.t.Errorf("%s on %d connections: %d bytes allocated, %d times more than %d", in.Name, conns, used, looks, bound)
	}
	h.most = max(h.most, float64(used)/float64(bound))
}

// cost sends an input once, and returns what was allocated meanwhile and what may be.
func (h *hostileRig) cost(in hostile.Input, want string, conns int, pieces []string) (used, bound uint64) {
	h.t.Helper()
	before := allocated()
	var replied atomic.Int64
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			got := exchangeUntil(h.t, h.proxy.addr, len(want)+len(in.Begins), pieces...)
			replied.Add(int64(len(got)))
			if in.Differs == "" && got != want || !strings.HasPrefix(got, in.Begins) {
				h.t.Errorf("%s: %.200q, want %.200q%.200q", in.Name, got, want, in.Begins)
			}
		})
	}
	wg.Wait()
	sent := conns * len(in.Bytes)
	h.ways += conns
	h.bytes += sent
	return allocated() - before, uint64(conns*allocatedByConn + allocatedByByte*(sent+int(replied.Load())))
}

// Everything in the collection is answered as by Redis, byte for byte, whole, cut
// and by many at once, except where the collection says why not; costs what its
// bytes may cost; and leaves nothing behind.
func TestHostileInput(t *testing.T) {
	h := newHostileRig(t)
	before := readUsage(t)
	all, different := hostile.Requests(), map[string]int{}
	for _, in := range all {
		whole, want := string(in.Bytes), ""
		if in.Differs == "" {
			want = exchange(t, h.redis.addr, whole)
		} else {
			different[in.Differs]++
		}
		h.send(in, want, 1, whole)
		if !in.Derived {
			for _, at := range cuts(len(whole)) {
				h.send(in, want, 1, whole[:at], whole[at:])
			}
			conns := 20
			if len(whole) > 10_000 {
				conns = 3
			}
			h.send(in, want, conns, whole)
		}
		h.neighbour()
	}
	var after usage
	eventually(t, 20*time.Second, func() error {
		after = readUsage(t)
		if after.goroutines > before.goroutines+2 || after.files > before.files+enginePool {
			return fmt.Errorf("%d goroutines and %d files, %d and %d before", after.goroutines, after.files, before.goroutines, before.files)
		}
		return nil
	})
	if most := before.heap + 16<<20; after.heap > most {
		t.Errorf("%d bytes of heap in use, %d before", after.heap, before.heap)
	}
	t.Logf("%d inputs in %d ways, %d bytes; allocated %d MB, at most %.0f %% of the bound; heap %d KB, before %d KB; goroutines %d, before %d; files %d, before %d; CPU %v, the clients' part included; not as Redis: %v",
		len(all), h.ways, h.bytes, (after.allocated-before.allocated)>>20, 100*h.most, after.heap>>10, before.heap>>10,
		after.goroutines, before.goroutines, after.files, before.files, after.cpu-before.cpu, different)
	if text := raw(t, client(t, h.proxy.addr), "INFO", "distkit").(string); !strings.Contains(text, "\r\npanics:0\r\n") {
		t.Errorf("a session has panicked: %s", text)
	}
}

// Clients that send half a command and then nothing, or a reset, cost what has come.
func TestHalfACommandAndThenSilence(t *testing.T) {
	h := newHostileRig(t)
	before := readUsage(t)
	var open []interface {
		SetLinger(int) error
		Close() error
	}
	for _, half := range []string{"*", "*2\r\n$3\r\nGE", "*1000000\r\n", "*2\r\n$3\r\nGET\r\n$536870912\r\nab", "ECHO \"a", "\x00", "*3\r\n$7\r\nDKC.INC\r\n$1\r\nk\r\n$1\r\n"} {
		for range 50 {
			conn := dialTCP(t, h.proxy.addr)
			if _, err := conn.Write([]byte("PING\r\n" + half)); err != nil {
				t.Fatal(err)
			}
			reply := make([]byte, len("+PONG\r\n"))
			if _, err := conn.Read(reply); err != nil || string(reply) != "+PONG\r\n" {
				t.Fatalf("%q, %v", reply, err)
			}
			open = append(open, conn)
		}
		h.neighbour()
	}
	// A buffer each for what has come, and what a goroutine and a socket take.
	during := readUsage(t)
	if used, most := int64(during.heap)-int64(before.heap), int64(len(open)*(256<<10)); used > most {
		t.Errorf("%d clients hold %d bytes, more than %d", len(open), used, most)
	}
	t.Logf("%d clients hold %d KB", len(open), (int64(during.heap)-int64(before.heap))>>10)
	for i, conn := range open {
		if i%2 == 0 {
			conn.SetLinger(0) // a reset
		}
		conn.Close()
	}
	eventually(t, 20*time.Second, func() error {
		if now := readUsage(t); now.goroutines > before.goroutines+2 || now.files > before.files+enginePool {
			return errors.New("sessions are left over")
		}
		return nil
	})
	h.neighbour()
}
