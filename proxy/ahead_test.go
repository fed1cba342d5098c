package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A client may write its whole pipeline before it reads the first reply.
func TestClientThatReadsOnlyWhenAllIsWritten(t *testing.T) {
	r := newRig(t, nil)
	const n = 12_000 // not more than is read ahead
	value := strings.Repeat("v", 2000)
	go func() { // far more replies than the sockets hold
		up := r.redis.accept()
		for range n {
			up.expect("*2", "$4", "ECHO", fmt.Sprintf("$%d", len(value)), value)
			up.send(fmt.Sprintf("$%d", len(value)), value)
		}
	}()
	c := r.client()
	c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	w := bufio.NewWriter(c.Conn)
	for range n {
		w.Write(appendCommand(nil, "ECHO", value))
		io.WriteString(w, "DKC.INC k\r\n")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.expect(fmt.Sprintf("$%d", len(value)), value, fmt.Sprintf(":%d", i+1))
	}
	eventually(t, "all memory for reading ahead is given back", func() bool { return r.srv.budget.used.Load() == 0 })
}

// What a client holds read ahead is given back when it goes.
func TestAheadIsGivenBackAtTheEnd(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	go func() {
		up := r.redis.accept()
		io.WriteString(up.Conn, "$67108864\r\n")
		for piece := make([]byte, 1<<20); ; {
			if _, err := up.Conn.Write(piece); err != nil {
				return
			}
		}
	}()
	c.send("GET big")
	c.raw(strings.Repeat("PING\r\n", 1<<16))
	eventually(t, "something is read ahead", func() bool { return r.srv.budget.used.Load() > 0 })
	c.Close()
	eventually(t, "it is given back", func() bool { return r.srv.budget.used.Load() == 0 })
}

// aheadRig is a clientConn and the client's end.
func aheadRig(t *testing.T, all *budget) (*clientConn, net.Conn) {
	t.Helper()
	client, conn, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	c := newClientConn(conn, Limits{}, &bufferPool{}, &workspaces{}, all, 0)
	c.session = noSession{}
	t.Cleanup(func() { client.Close(); conn.Close() })
	return c, client
}

// numbers are n bytes in which every place can be told from the others.
func numbers(n int) []byte {
	p := make([]byte, 0, n+8)
	for i := uint64(0); len(p) < n; i++ {
		p = binary.BigEndian.AppendUint64(p, i)
	}
	return p[:n]
}

// Many rounds of a little taken and a little more read cost no more than the
// bytes that came: the rest is neither copied nor allocated again.
func TestAheadCostsWhatComes(t *testing.T) {
	all := budget{limit: 2 * (maxAhead + 8*bufferSize)}
	a := ahead{bufs: &bufferPool{}, mine: &account{budget: &all}}
	in := numbers(48 << 20)
	come, taken, piece := 0, 0, make([]byte, 50_000)
	fill := func(limit int) {
		a.fill(func(p []byte) (int, error) {
			n := copy(p, in[come:min(limit, len(in))])
			come += n
			return n, nil
		})
	}
	fill(16 << 20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rounds := 0
	for ; taken < len(in); rounds++ {
		n := a.take(func() []byte { return piece })
		if !bytes.Equal(piece[:n], in[taken:taken+n]) {
			t.Fatalf("other bytes than came at %d", taken)
		}
		if n < len(piece) && taken+n < len(in) {
			t.Fatalf("took %d, there was more", n)
		}
		taken += n
		fill(16<<20 + taken)
		if held := come - taken; all.used.Load() >= int64(held+2*bufferSize) {
			t.Fatalf("%d bytes of memory for %d", all.used.Load(), held)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > uint64(len(in)) {
		t.Errorf("allocated %d bytes in %d rounds", got, rounds)
	}
	if all.used.Load() != 0 || len(a.chunks) > 0 {
		t.Errorf("%d bytes of memory for nothing", all.used.Load())
	}
}

func TestAheadBoundOfOneClient(t *testing.T) {
	all := budget{limit: 2 * (maxAhead + 8*bufferSize)}
	c, client := aheadRig(t, &all)
	in := numbers(maxAhead + 1<<20)
	go client.Write(in)
	eventually(t, "the bound is reached", func() bool {
		c.readAhead()
		return all.used.Load() == maxAhead
	})
	for range 10 {
		c.readAhead()
	}
	if all.used.Load() != maxAhead {
		t.Errorf("holds %d bytes, the bound is %d", all.used.Load(), maxAhead)
	}
	got := readAll(t, c, len(in))
	if !bytes.Equal(got, in) {
		t.Error("read other bytes than were sent")
	}
	if all.used.Load() != 0 {
		t.Errorf("%d bytes are held at the end", all.used.Load())
	}
}

func TestAheadBoundOfAllClients(t *testing.T) {
	all := budget{limit: 2 * (maxAhead + 8*bufferSize)}
	const others = maxAhead
	all.limit = 2 * (others + 2*bufferSize)
	all.used.Store(others)
	one, client1 := aheadRig(t, &all)
	two, client2 := aheadRig(t, &all)
	in := numbers(1 << 20)
	go client1.Write(in)
	go client2.Write(in)
	eventually(t, "the bound is reached", func() bool {
		one.readAhead()
		two.readAhead()
		return all.used.Load() == others+3*bufferSize
	})
	for range 10 {
		one.readAhead()
		two.readAhead()
	}
	if got := len(one.ahead.chunks) + len(two.ahead.chunks); got != 3 {
		t.Errorf("%d chunks, want 3", got)
	}
	for _, c := range []*clientConn{one, two} {
		if got := readAll(t, c, len(in)); !bytes.Equal(got, in) {
			t.Error("read other bytes than were sent")
		}
	}
	if got := all.used.Load(); got != others {
		t.Errorf("%d bytes are held at the end", got)
	}
}

func TestAheadDropGivesBack(t *testing.T) {
	all := budget{limit: 2 * (maxAhead + 8*bufferSize)}
	c, client := aheadRig(t, &all)
	if _, err := client.Write(numbers(100_000)); err != nil {
		t.Fatal(err)
	}
	c.readAhead()
	if all.used.Load() == 0 {
		t.Fatal("nothing was read ahead")
	}
	c.drop()
	if all.used.Load() != 0 {
		t.Errorf("%d bytes are held", all.used.Load())
	}
}

// readAll reads n bytes as the session does: first what was read ahead.
func readAll(t *testing.T, c *clientConn, n int) []byte {
	t.Helper()
	c.Conn.SetReadDeadline(time.Now().Add(patience))
	var got []byte
	piece := make([]byte, 100_000)
	for len(got) < n {
		k := c.ahead.take(func() []byte { return piece })
		if k == 0 {
			var err error
			if k, err = c.Conn.Read(piece); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, piece[:k]...)
	}
	return got
}
