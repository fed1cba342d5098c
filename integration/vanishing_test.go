package integration

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

var vanish = flag.Duration("vanish", 10*time.Second, "how long the clients of TestClientsThatVanishLeaveNothing come and go")

// stays are what a client does of which it may not see the end: what it sends,
// and how many lines of replies it reads if it waits for them.
var stays = []struct {
	send  string
	lines int
}{
	{"WATCH k\nMULTI\nINCR k\nEXEC", 5},
	{"MULTI\nSET k v", 2},
	{"WATCH k", 1},
	{"SUBSCRIBE a b", 12},
	{"HELLO 3\nSUBSCRIBE a\nDKC.INC n", 30},
	{"PSUBSCRIBE p*\nUNSUBSCRIBE\nPUNSUBSCRIBE\nGET k", 1},
	{"BLPOP nothing 0", 0},
	{"BLPOP nothing 0.01", 1},
	{"XREAD BLOCK 0 STREAMS none $", 0},
	{"CLIENT TRACKING ON\nGET k", 1},
	{"CLIENT REPLY OFF\nDKC.INC n\nSET k v", 0},
	{"SELECT 3\nCLIENT SETNAME me\nGET k", 2},
	{"DKC.INC n\nDKC.GET n\nGET big", 2},
	{"GET big\nGET big\nGET big\nGET big", 0},
	{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nhalf", 0},
	{"", 0},
}

// visit is one connection: some stays, and a departure at any moment.
func visit(addr string, r *rand.Rand) error {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	tcp := conn.(*net.TCPConn)
	if r.IntN(2) == 0 {
		if err := tcp.SetLinger(0); err != nil { // a reset
			return err
		}
	}
	in := bufio.NewReaderSize(conn, 1<<10)
	for range 1 + r.IntN(4) {
		stay := stays[r.IntN(len(stays))]
		conn.SetDeadline(time.Now().Add(time.Duration(r.IntN(300)) * time.Millisecond)) // its patience
		if _, err := conn.Write([]byte(strings.ReplaceAll(stay.send, "\n", "\r\n") + "\r\n")); err != nil {
			return nil
		}
		for range r.IntN(stay.lines + 1) {
			if _, err := in.ReadString('\n'); err != nil {
				return nil
			}
		}
	}
	if r.IntN(4) == 0 {
		tcp.CloseWrite()
		in.ReadString('\n')
	}
	return nil
}

// Two thousand clients that come, do something that Redis keeps for them, and are
// gone: no goroutine, no connection to Redis and no memory is left of them.
func TestClientsThatVanishLeaveNothing(t *testing.T) {
	r := startRedis(t, "maxclients 20000")
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	direct := client(t, r.addr)
	if err := direct.Set(t.Context(), "big", strings.Repeat("x", 50_000), 0).Err(); err != nil {
		t.Fatal(err)
	}
	c := client(t, p.addr)
	figure := func(name string) (n int) {
		t.Helper()
		text, err := c.Info(context.Background(), "distkit").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ = strings.Cut(text, "\n"+name+":")
		fmt.Sscan(text, &n)
		return n
	}
	crowd := func(clients int, limit time.Duration) {
		var wg sync.WaitGroup
		end := time.Now().Add(limit)
		for i := range clients {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(uint64(i), 1))
				for time.Now().Before(end) {
					if err := visit(p.addr, random); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	// What is at rest, with everything warm: pools, counters, the pool of the engine.
	settled := func() (goroutines, private, atRedis int, heap uint64) {
		t.Helper()
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		list, err := direct.ClientList(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), figure("private_connections"), strings.Count(list, "\n"), m.HeapAlloc
	}
	crowd(50, time.Second)
	eventually(t, 20*time.Second, func() error { return leftOver(figure("clients")-1, figure("private_connections")) })
	goroutines, _, atRedis, heap := settled()

	crowd(2000, *vanish)
	total := figure("clients_total")
	eventually(t, 30*time.Second, func() error {
		if err := leftOver(figure("clients")-1, figure("private_connections")); err != nil {
			return err
		}
		g, _, n, h := settled()
		const pool, margin = 64, 8 << 20
		switch {
		case g > goroutines:
			return fmt.Errorf("%d goroutines, were %d", g, goroutines)
		case n > atRedis+pool:
			return fmt.Errorf("Redis has %d clients, had %d", n, atRedis)
		case h > heap+margin:
			return fmt.Errorf("%d bytes in use, were %d", h, heap)
		}
		return nil
	})
	if total < 5000 {
		t.Errorf("%d clients came, want thousands", total)
	}
	if n := figure("panics"); n > 0 {
		t.Errorf("%d panics", n)
	}
	t.Logf("%d clients came and went, %d private connections were opened", total, figure("private_connections_opened"))
}

// leftOver is an error if there are any.
func leftOver(clients, private int) error {
	if clients+private > 0 {
		return fmt.Errorf("%d clients and %d private connections are left", clients, private)
	}
	return nil
}
