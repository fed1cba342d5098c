package proxy

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/commands"
)

// noSession is the session of a clientConn that is tested alone.
type noSession struct{}

func (noSession) flush() error               { return nil }
func (noSession) violation(protocolError)    {}
func (noSession) panicked(any)               {}
func (noSession) quiet() bool                { return false }
func (noSession) stranger() (yes, sure bool) { return false, true }
func (noSession) footprint() int             { return 0 }

// budgetRig is a budget of 1,000 and the accounts of clients that hold so much;
// gone are the numbers of those that were told to go.
func budgetRig(helds ...int64) (b *budget, accounts []*account, gone *[]int) {
	b, gone = &budget{limit: 1000}, new([]int)
	b.holders = func() (all []holder) {
		for _, a := range accounts {
			if n := a.held.Load(); n > 0 && !a.gone.Load() {
				all = append(all, holder{a, n})
			}
		}
		return all
	}
	for i, held := range helds {
		accounts = append(accounts, &account{budget: b, evict: func(int64) { *gone = append(*gone, i) }})
		accounts[i].book(held)
	}
	return b, accounts, gone
}

func TestBudgetEvictsWhoHoldsMost(t *testing.T) {
	b, a, gone := budgetRig(300, 400, 10, 200)
	if !a[2].add(90) || len(*gone) > 0 {
		t.Fatalf("%v gone at the limit", *gone)
	}
	if !a[2].add(1) || fmt.Sprint(*gone) != "[1]" {
		t.Fatalf("%v gone, want the one that holds most", *gone)
	}
	if a[1].add(1) || a[1].reserve(1) {
		t.Error("who was told to go holds more")
	}
	if b.over() != 601-b.limit || b.used.Load() != 1001 {
		t.Errorf("%d over, %d used before it has left", b.over(), b.used.Load())
	}
	for range 2 {
		a[1].close()
	}
	if b.used.Load() != 601 || b.leaving.Load() != 0 {
		t.Errorf("%d used, %d leaving when it has left", b.used.Load(), b.leaving.Load())
	}
	if a[0].add(500) || fmt.Sprint(*gone) != "[1 0]" {
		t.Errorf("%v gone, want the one that asked", *gone)
	}
	for _, a := range a {
		a.close()
	}
	if b.used.Load() != 0 || b.leaving.Load() != 0 {
		t.Errorf("%d used, %d leaving at the end", b.used.Load(), b.leaving.Load())
	}
}

// Among many that hold the same a few more go at once; one that holds little stays.
func TestBudgetEvictsEqualsTogether(t *testing.T) {
	helds := make([]int64, 99)
	for i := range helds {
		helds[i] = 10
	}
	_, a, gone := budgetRig(append(helds, 4)...)
	a[0].add(8)
	if n := len(*gone); n < 5 || n > 8 || strings.Contains(fmt.Sprint(*gone), "99") {
		t.Errorf("%v gone", *gone)
	}
}

func TestBudgetReservesHalf(t *testing.T) {
	_, a, gone := budgetRig(500, 0)
	if !a[1].reserve(1) || a[1].reserve(1) || len(*gone) > 0 {
		t.Error("reserved other than half")
	}
}

// A hog is closed and counted, whoever sends little goes on.
func TestClientThatHoldsMostIsEvicted(t *testing.T) {
	r := newRig(t, func(o *Options) { o.ClientMemory = 4 << 20 })
	small := r.client()
	small.raw("*2\r\n$7\r\nDKC.GET\r\n$1000\r\n" + strings.Repeat("k", 999)) // half a command
	hog := r.client()
	go func() {
		io.WriteString(hog.Conn, "*2\r\n$7\r\nDKC.GET\r\n$16777216\r\n")
		for piece := make([]byte, 1<<16); ; {
			if _, err := hog.Conn.Write(piece); err != nil {
				return
			}
		}
	}()
	if _, err := hog.r.ReadByte(); err == nil || isTimeout(err) {
		t.Fatalf("the hog is not closed: %v", err)
	}
	small.raw("\r\n\r\n")
	if line, err := small.r.ReadString('\n'); err != nil || line[0] != '-' {
		t.Errorf("the small one got %q, %v", line, err)
	}
	if got := r.srv.metrics.clientsEvicted.Load(); got != 1 {
		t.Errorf("%d clients evicted", got)
	}
	eventually(t, "all is given back", func() bool { return r.srv.budget.used.Load() == 0 && r.srv.budget.leaving.Load() == 0 })
}

// The beginning of a command costs what was sent of it, whether it came at once
// or byte by byte, and the client is none the worse.
func TestRemainderIsHeldInLittle(t *testing.T) {
	for n, most := range map[int]int{1: minPark, 100: 128, 1500: 2048, 5000: 8192, 20_000: 32_768} {
		for _, step := range []int{n, 1, 7} {
			f := newFramer(Limits{}, &bufferPool{})
			f.trusted = true
			in := appendCommand(nil, "DKC.GET", strings.Repeat("k", n+50))
			sent := 0
			for sent < n {
				k := copy(f.space(), in[sent:min(sent+step, n)])
				f.commit(k)
				sent += k
				if _, _, ok := f.next(nil); ok || f.err != "" {
					t.Fatal("complete before its end")
				}
				f.release()
			}
			if got := cap(f.buf) + cap(f.park); got > most+maxRepark {
				t.Errorf("%d bytes in steps of %d are held in %d", n, step, got)
			}
			for sent < len(in) {
				k := copy(f.space(), in[sent:])
				f.commit(k)
				sent += k
			}
			if req, _, ok := f.next(nil); !ok || string(req.raw) != string(in) {
				t.Errorf("%d bytes in steps of %d: another command comes out", n, step)
			}
			if f.release(); f.footprint() > 8*2*marksKept {
				t.Errorf("%d bytes are held for nothing", f.footprint())
			}
		}
	}
}

// A client that sends byte by byte has each byte copied a few times, no more.
func TestTrickleIsLinear(t *testing.T) {
	f := newFramer(Limits{}, &bufferPool{})
	f.trusted = true
	in := appendCommand(nil, "DKC.GET", strings.Repeat("k", 30_000))
	grown := 0
	for _, c := range in {
		before := cap(f.buf)
		f.space()[0] = c
		f.commit(1)
		f.next(nil)
		f.release()
		if len(f.buf)-f.start > maxRepark && cap(f.buf) != before {
			grown++
		}
	}
	if grown > 8 {
		t.Errorf("moved %d times beyond %d bytes", grown, maxRepark)
	}
}

// Clients that wait for a blocking command hold little, whatever they did before.
func TestWaitingClientsHoldLittle(t *testing.T) {
	r := newRig(t, nil)
	for range 20 {
		c := r.client()
		c.raw(strings.Repeat("DKC.GET a\r\n", 500))
		for range 500 {
			c.expect(":0")
		}
		c.send("BLPOP q 0")
		r.redis.accept().gets("BLPOP q 0")
	}
	eventually(t, "nothing is in the accounts", func() bool { return r.srv.budget.used.Load() == 0 })
}

// Subscribers that do not read are in the accounts while they do not.
func TestPumpedClientThatDoesNotReadIsCounted(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.Conn.(*net.TCPConn).SetReadBuffer(4096)
	c.send("SUBSCRIBE ch")
	up := r.redis.accept()
	up.gets("SUBSCRIBE ch")
	go func() {
		for {
			if _, err := io.WriteString(up.Conn, "$65536\r\n"+strings.Repeat("x", 65536)+"\r\n"); err != nil {
				return
			}
		}
	}()
	eventually(t, "it is counted", func() bool { return r.srv.budget.used.Load() == 2*bufferSize })
	c.Close()
	eventually(t, "it is counted no more", func() bool { return r.srv.budget.used.Load() == 0 })
}

// A pipeline of many commands goes on in a larger workspace; the commands that
// came before keep their arguments.
func TestLargerWorkspaceKeepsTheBatch(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	for range 50 { // until the pools have what they hand out again
		const n = 3 * fewCommands
		var pipeline []byte
		for i := range n {
			pipeline = append(pipeline, appendCommand(nil, "DKC.INC", "k"+strconv.Itoa(i), "0")...)
		}
		c.raw(string(pipeline))
		for range n {
			c.expect(":0")
		}
	}
}

// Who sends short commands one by one and takes the replies is charged with
// nothing, so it stays however little memory there is.
func TestModestClientsAreNotEvicted(t *testing.T) {
	r := newRig(t, func(o *Options) { o.ClientMemory = 1 })
	c := r.client()
	c.send("GET k")
	up := r.redis.accept()
	for range 3 {
		up.gets("GET k")
		up.send("$1000", strings.Repeat("x", 1000))
		c.expect("$1000", strings.Repeat("x", 1000))
		c.send("DKC.INC a 0", "GET k")
		c.expect(":0")
	}
	if n := r.srv.metrics.clientsEvicted.Load(); n > 0 {
		t.Errorf("%d evicted", n)
	}
}

// A command of ours costs more while it runs than while it came.
func TestBigCommandOfOursIsChargedWhileItRuns(t *testing.T) {
	const n = 50_000
	command := string(appendCommand(nil, slices.Repeat([]string{"DKC.MGET"}, n)...))
	for memory, fits := range map[int64]bool{n * argCost / 2: false, 2 * n * argCost: true} {
		r := newRig(t, func(o *Options) { o.ClientMemory = memory })
		c := r.client()
		c.raw(command)
		if !fits {
			c.ends()
		} else if c.expect("*" + strconv.Itoa(n-1)); r.srv.metrics.clientsEvicted.Load() > 0 {
			t.Error("evicted")
		}
		c.Close()
		eventually(t, "all is given back", func() bool { return r.srv.budget.used.Load() == 0 && r.srv.budget.leaving.Load() == 0 })
	}
}

// One with more arguments than any takes is not closed for what it would cost.
func TestTooManyArgumentsOfOurs(t *testing.T) {
	const n = commands.MaxArgs + 1
	r := newRig(t, func(o *Options) { o.ClientMemory = n * argCost / 2 })
	c := r.client()
	c.raw(string(appendCommand(nil, slices.Repeat([]string{"DKC.MGET"}, n)...)) + "DKC.INC a\r\n")
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "-ERR distkit: more than") {
		t.Fatalf("read %.80q, %v", line, err)
	}
	c.expect(":1")
}

// Commands that need much for a moment wait for one another; nobody is closed.
func TestBigCommandsOfOursTakeTurns(t *testing.T) {
	const n = 10_000
	r := newRig(t, func(o *Options) { o.ClientMemory = 2 * n * argCost })
	other := &account{budget: &r.srv.budget, evict: func(int64) { t.Error("another is evicted") }}
	other.book(n * argCost)
	c := r.client()
	c.raw(string(appendCommand(nil, slices.Repeat([]string{"DKC.MGET"}, n)...)))
	eventually(t, "the command waits for room", func() bool { return r.srv.metrics.ours.Load() == 1 })
	other.book(-n * argCost)
	c.expect("*" + strconv.Itoa(n-1))
	if got := r.srv.metrics.clientsEvicted.Load(); got > 0 {
		t.Errorf("%d evicted", got)
	}
}

func TestBudgetIsWaitedFor(t *testing.T) {
	_, a, gone := budgetRig(650, 0)
	if booked, open := a[1].fit(101); booked || !open {
		t.Fatalf("101 beside 650 of 750: %v, %v", booked, open)
	}
	done := make(chan bool)
	go func() { done <- a[1].await(101) }()
	a[0].book(-1)
	if !<-done || a[1].held.Load() != 101 {
		t.Error("not booked when there was room")
	}
	if a[0].await(1) {
		t.Error("booked without room")
	}
	a[0].expel()
	if booked, open := a[0].fit(-1); booked || open {
		t.Error("booked by who was told to go")
	}
	if len(*gone) > 0 {
		t.Errorf("%v gone", *gone)
	}
}
