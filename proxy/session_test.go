package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestRunIsSentAtOnceAndAnsweredInOrder(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET a", "DKC.INC k 5", "SET b 1", "DKC.INC k", "GET c")
	up := r.redis.accept()
	up.gets("GET a", "SET b 1", "GET c") // across our commands, before any reply
	up.send("$1", "a", "-ERR no", "*1", "|1", "+x", "+y", ":1")
	c.expect("$1", "a", ":5", "-ERR no", ":6", "*1", "|1", "+x", "+y", ":1")
}

func TestForeignRepliesPassAsBytes(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("PING")
	up := r.redis.accept()
	up.gets("PING")
	up.send("+PONG")
	c.expect("+PONG")
	for reply := range wholeReplies {
		c.send("ANY thing")
		up.gets("ANY thing")
		for _, b := range []byte(reply[:min(len(reply), 40)]) { // the start in small pieces
			up.raw(string(b))
		}
		up.raw(reply[min(len(reply), 40):])
		if strings.HasPrefix(reply, ">") {
			up.send("+the reply itself")
			reply += "+the reply itself\r\n"
		}
		c.expect(strings.TrimSuffix(reply, "\r\n"))
	}
}

func TestBarrierWaitsForWhatIsBefore(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET a", "DKCS.INC k 3", "GET b")
	up := r.redis.accept()
	up.gets("GET a")
	up.silent()
	c.silent()
	up.send("+a")
	c.expect("+a", ":3")
	up.gets("GET b")
	up.send("+b")
	c.expect("+b")
}

func TestRepliesLeaveBeforeABlockingCommand(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("DKC.INC k", "BLPOP l 0")
	c.expect(":1")
	up := r.redis.accept()
	up.gets("BLPOP l 0")
	up.send("*-1")
	c.expect("*-1")
}

func TestOursInMulti(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("MULTI", "DKC.INC k", "SET a 1", "DKS.INC k", "SHUTDOWN", "EXEC", "DKC.GET k")
	up := r.redis.accept()
	up.gets("MULTI")
	up.silent() // whether this is a transaction shows its reply
	up.send("+OK")
	up.gets("GET", "SET a 1", "GET", "GET", "EXEC")
	up.send("-ERR wrong", "+QUEUED", "-ERR wrong", "-ERR wrong", "-EXECABORT discarded")
	refused := strings.TrimSpace(errInMulti)
	c.expect("+OK", refused, "+QUEUED", refused, "-NOPERM distkit: 'shutdown' is refused by this proxy", "-EXECABORT discarded", ":0")

	for _, end := range []string{"EXEC", "DISCARD", "RESET"} {
		c.send("MULTI", end, "DKC.GET k")
		up.gets("MULTI", end)
		up.send("+OK", "+OK")
		c.expect("+OK", "+OK", ":0")
	}
	c.send("MULTI", "DKC.GET k") // a MULTI that Redis refuses is none
	up.gets("MULTI")
	up.send("-NOAUTH no")
	c.expect("-NOAUTH no", ":0")
}

func TestUnreachableRedisIsAnError(t *testing.T) {
	r := newRig(t, nil)
	r.redis.ln.Close()
	c := r.client()
	no := strings.TrimSpace(errNoRedis)
	for range 3 {
		c.send("GET a", "DKC.INC k 0", "GET b", "INFO", "COMMAND COUNT")
		c.expect(no, ":0", no, no, no)
	}
	c.send("SUBSCRIBE x") // an error would be the last that it hears
	c.ends()
}

func TestCommandInFlightIsNeverRepeated(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("INCR a", "DKC.INC k")
	up := r.redis.accept()
	up.gets("INCR a")
	up.Close()
	c.ends()
	c = r.client()
	c.send("DKC.GET k", "PING")
	c.expect(":0") // ours behind the lost one was not executed
	up = r.redis.accept()
	up.gets("PING")
}

func TestIdleUpstreamThatDiedIsReplaced(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET a")
	up := r.redis.accept()
	up.gets("GET a")
	up.send("+a")
	c.expect("+a")
	up.Close()
	c.send("GET b")
	up = r.redis.accept()
	up.gets("GET b")
	up.send("+b")
	c.expect("+b")

	c.send("WATCH a") // now there is state to lose
	up.gets("WATCH a")
	up.send("+OK")
	c.expect("+OK")
	up.Close()
	c.send("GET c")
	c.ends()
}

func TestDenied(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("shutdown NOSAVE", "REPLCONF x", "DKC.GET k")
	c.expect("-NOPERM distkit: 'shutdown' is refused by this proxy", "-NOPERM distkit: 'replconf' is refused by this proxy", ":0")
	r = newRig(t, func(o *Options) { o.Deny = []string{"dkc.clear", "A-Very-Long-Command-Name-Of-Some-Module"} })
	c = r.client()
	c.send("DKC.CLEAR", "a-very-long-command-name-of-some-module", "DKC.GET k")
	c.expect("-NOPERM distkit: 'dkc.clear' is refused by this proxy",
		"-NOPERM distkit: 'a-very-long-command-name-of-some-module' is refused by this proxy", ":0")
}

// A subcommand is refused alone, in every state of the session.
func TestDeniedSubcommand(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Deny = []string{"config|set"} })
	c := r.client()
	c.send("Config SET a b", "CONFIG GET a", "MULTI", "config set a b", "EXEC", "SUBSCRIBE s", "CONFIG sEt a b")
	up := r.redis.accept()
	up.gets("CONFIG GET a")
	up.send("*0")
	up.gets("MULTI")
	up.send("+OK")
	up.gets("GET")
	up.send("-ERR wrong number of arguments for 'get' command")
	up.gets("EXEC")
	up.send("-EXECABORT")
	up.gets("SUBSCRIBE s")
	up.send("*3", "$9", "subscribe", "$1", "s", ":1")
	up.gets("distkit:refused:config|set")
	up.send("-ERR unknown command 'distkit:refused:config|set', with args beginning with: ")
	text := "-NOPERM distkit: 'config|set' is refused by this proxy"
	c.expect(text, "*0", "+OK", text, "-EXECABORT", "*3", "$9", "subscribe", "$1", "s", ":1", text)
}

func TestQuitAndCrossProtocolGuard(t *testing.T) {
	r := newRig(t, nil)
	for in, want := range map[string]string{
		"DKC.GET k\r\nQUIT\r\nDKC.GET k\r\n":     ":0\r\n+OK\r\n",
		"POST / HTTP/1.1\r\nDKC.INC k\r\n":       "",
		"Host: localhost:6380\r\nDKC.INC k\r\n":  "",
		"*1\r\n$4\r\npost\r\nDKC.INC k\r\n":      "",
		"DKC.GET k\r\n*1\r\n$z\r\nDKC.INC k\r\n": ":0\r\n-ERR Protocol error: invalid bulk length\r\n",
	} {
		c := r.client()
		c.raw(in)
		if got, _ := io.ReadAll(c); string(got) != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A big reply costs the proxy no memory, and a big request no deadlock with it.
func TestBigReplyStreams(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET a")
	up := r.redis.accept()
	up.gets("GET a")
	const n = 64 << 20
	go func() {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		io.WriteString(up.Conn, "$"+strconv.Itoa(n)+"\r\n")
		for range n / len(piece) {
			up.Conn.Write(piece)
		}
		io.WriteString(up.Conn, "\r\n")
	}()
	c.expect("$" + strconv.Itoa(n))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := io.CopyN(io.Discard, c.r, n); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	c.expect("")
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes allocated for a reply of %d", got, n)
	}
}

func TestBigPipelineAgainstBigReplies(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	const n = 300
	value := strings.Repeat("v", 50_000)
	go func() {
		for range n {
			c.Conn.Write(appendCommand(nil, "ECHO", value))
		}
	}()
	go func() { // as a Redis that reads no command before the last reply is out
		up := r.redis.accept()
		for range n {
			up.gets("ECHO " + value)
			up.send("$50000", value)
		}
	}()
	for range n {
		c.expect("$50000", value)
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Redis.Dialer = func(context.Context, string, string) (net.Conn, error) { panic("a bug") }
	})
	other := r.client()
	other.send("DKC.GET k")
	other.expect(":0")
	c := r.client()
	c.send("GET a")
	c.ends()
	other.send("DKC.GET k")
	other.expect(":0")
	if n := r.srv.metrics.panics.Load(); n != 1 {
		t.Errorf("%d panics counted, want 1", n)
	}
}

func TestClientThatLeavesWhileBlockedIsNoticed(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("BLPOP l 0")
	up := r.redis.accept()
	up.gets("BLPOP l 0")
	c.Close()
	up.ends()
}
