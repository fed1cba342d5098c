package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// direct connects to the embedded Redis without a proxy.
func direct(t *testing.T, e *Embedded) *wire {
	t.Helper()
	conn, err := e.dial(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, conn)
}

// do sends a command as a RESP array, as proxy and engine do.
func (w *wire) do(args ...string) {
	w.t.Helper()
	w.raw(string(appendCommand(nil, args...)))
}

func TestEmbeddedReaderThatDoesNotReadDelaysNobody(t *testing.T) {
	e := testEmbedded(t)
	big := strings.Repeat("v", 4<<20)
	lazy, other := direct(t, e), direct(t, e)
	lazy.do("SET", "big", big)
	lazy.expect("+OK")
	for range 5 {
		lazy.do("GET", "big")
	}
	eventually(t, "the replies have begun", func() bool {
		_, err := lazy.r.Peek(1)
		return err == nil
	})
	for i := range 20 {
		other.do("PING")
		other.expect("+PONG")
		other.do("INCR", "n")
		other.expect(fmt.Sprintf(":%d", i+1))
	}
	for range 5 { // and nothing is lost
		lazy.expect("$4194304", big)
	}
}

// Through the proxy the engine is another holder of connections.
func TestEmbeddedClientThatDoesNotReadDelaysNobody(t *testing.T) {
	e := testEmbedded(t)
	eng, err := engine.New(engine.Options{Redis: e.RedisOptions(), InstanceID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eng.Close(context.Background()) })
	r := newRig(t, func(o *Options) { o.Engine, o.Redis, o.Embedded = eng, e.RedisOptions(), true })
	big := strings.Repeat("v", 4<<20)
	lazy, other := r.client(), r.client()
	lazy.do("SET", "big", big)
	lazy.expect("+OK")
	for range 5 {
		lazy.do("GET", "big")
	}
	if _, err := lazy.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		other.send("PING", "DKS.INC k")
		other.expect("+PONG", "*2", fmt.Sprintf(":%d", i+1), fmt.Sprintf(":%d", i+1))
	}
}

// A pipeline may have more replies than are kept: its commands wait for them to be read.
func TestEmbeddedPipelineBeyondTheBound(t *testing.T) {
	e := testEmbedded(t)
	c := direct(t, e)
	big := strings.Repeat("v", 2<<20)
	c.do("SET", "big", big)
	c.expect("+OK")
	const n = 2 * maxBacklog / (2 << 20)
	go io.WriteString(c.Conn, strings.Repeat(string(appendCommand(nil, "GET", "big")), n))
	for range n {
		c.expect("$2097152", big)
	}
}

// A subscriber does not ask for its messages, so only the bound ends it.
func TestEmbeddedSubscriberThatDoesNotReadIsClosed(t *testing.T) {
	e := testEmbedded(t)
	lazy, other := direct(t, e), direct(t, e)
	lazy.do("SUBSCRIBE", "ch")
	lazy.expect("*3", "$9", "subscribe", "$2", "ch", ":1")
	big := strings.Repeat("v", 4<<20)
	eventually(t, "the subscriber is gone", func() bool {
		other.do("PUBLISH", "ch", big)
		line, err := other.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line == ":0\r\n"
	})
	// It reads what was in the socket, and the end.
	if n, err := io.Copy(io.Discard, lazy.r); isTimeout(err) || n > maxBacklog {
		t.Errorf("read %d bytes: %v", n, err)
	}
}

func TestEmbeddedSendsAllBeforeItCloses(t *testing.T) {
	e := testEmbedded(t)
	c := direct(t, e)
	big := strings.Repeat("v", 1<<20)
	c.do("SET", "big", big)
	c.expect("+OK")
	c.do("GET", "big")
	c.do("QUIT")
	c.expect("$1048576", big, "+OK")
	c.ends()
}

func TestEmbeddedCloseWithUnreadReplies(t *testing.T) {
	e, err := NewEmbedded(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := direct(t, e)
	c.do("SET", "big", strings.Repeat("v", 8<<20))
	c.expect("+OK")
	c.do("GET", "big")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { e.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("Close waits for a reader that does not read")
	}
	if n := countLinks(e); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

func TestEmbeddedForgetsClosedConnections(t *testing.T) {
	e := testEmbedded(t)
	for range 20 {
		c := direct(t, e)
		c.do("SET", "big", strings.Repeat("v", 4<<20))
		c.expect("+OK")
		c.do("GET", "big")
		c.Close()
	}
	eventually(t, "no link is left", func() bool { return countLinks(e) == 0 })
	e.wg.Wait()
}

func countLinks(e *Embedded) (n int) {
	e.links.Range(func(any, any) bool { n++; return true })
	return n
}

// The link alone: every write that is past the bound ends it, and none waits.
func TestLinkBound(t *testing.T) {
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	var wg sync.WaitGroup
	var gone atomic.Int32
	l := newLink(theirs, &wg, func(*link) { gone.Add(1) })
	piece := make([]byte, 1<<20)
	written := 0
	for {
		n, err := l.Write(piece)
		if err != nil {
			break
		}
		if written += n; written > 2*maxBacklog {
			t.Fatal("no bound")
		}
	}
	if written < maxBacklog {
		t.Errorf("ended after %d bytes, the bound is %d", written, maxBacklog)
	}
	wg.Wait()
	l.Close()
	if gone.Load() != 1 {
		t.Errorf("gone %d times", gone.Load())
	}
}

// Commands come one at a time, so that no more are executed than were let in.
func TestLinkReadsOneCommandAtATime(t *testing.T) {
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	l := newLink(theirs, &sync.WaitGroup{}, func(*link) {})
	defer l.Close()
	get := string(appendCommand(nil, "GET", "a\n*b"))
	if _, err := io.WriteString(ours, get+get+"PING\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(l)
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}
	if n := r.Buffered(); n > len(get) {
		t.Errorf("%d bytes at once", n)
	}
	got := make([]byte, 2*len(get)+6)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != get+get+"PING\r\n" {
		t.Errorf("%q %v", got, err)
	}
}

// A panic while time passes is one command's error, and time passes on.
func TestEmbeddedSurvivesPanicWhileTimePasses(t *testing.T) {
	e := testEmbedded(t)
	c := direct(t, e)
	c.do("PING")
	c.expect("+PONG")
	e.mu.Lock()
	forward, panics := e.forward, 0
	e.forward = func(d time.Duration) {
		if panics++; panics == 1 {
			panic("test")
		}
		forward(d)
	}
	e.next = time.Time{}
	e.mu.Unlock()
	c.do("PING")
	c.expect("-ERR distkit: the embedded Redis failed to execute this command")
	c.do("SET", "a", "1", "PX", "20")
	c.expect("+OK")
	eventually(t, "the key expires", func() bool {
		c.do("EXISTS", "a")
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line == ":0\r\n"
	})
}

// After EXEC has announced its replies an error would be taken for one of them.
func TestEmbeddedPanicInExecClosesTheConnection(t *testing.T) {
	e := testEmbedded(t)
	c, other := direct(t, e), direct(t, e)
	c.do("ZADD", "z", "1", "a")
	c.expect(":1")
	c.do("ZSCAN", "z", "-5")
	c.expect("-ERR distkit: the embedded Redis failed to execute this command")
	for _, command := range [][]string{{"MULTI"}, {"SET", "a", "1"}, {"ZSCAN", "z", "-5"}, {"SET", "b", "1"}, {"EXEC"}} {
		c.do(command...)
	}
	c.expect("+OK", "+QUEUED", "+QUEUED", "+QUEUED", "*3", "+OK")
	c.ends()
	other.do("GET", "a")
	other.expect("$1", "1")
}

// A script's command that panics within EXEC is the script's error.
func TestEmbeddedPanicInAScriptInExec(t *testing.T) {
	e := testEmbedded(t)
	c := direct(t, e)
	c.do("ZADD", "z", "1", "a")
	c.expect(":1")
	for _, command := range [][]string{{"MULTI"}, {"EVAL", "redis.pcall('ZSCAN','z','-5') return 1", "0"}, {"PING"}, {"EXEC"}} {
		c.do(command...)
	}
	c.expect("+OK", "+QUEUED", "+QUEUED", "*2", ":1", "+PONG")
}
