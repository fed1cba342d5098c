package proxy

import (
	"strconv"
	"strings"
	"testing"
)

// marks is what Redis answers to a PING with the mark of that number.
func (w *wire) marks(number uint64) {
	w.send("$"+strconv.Itoa(len(mark(number))), mark(number))
}

// Ours are answered in their turn, and run then and not before.
func TestOursOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c, other := r.client(), r.client()
	c.send("CLIENT TRACKING ON", "DKC.INC k 10", "GET a", "DKC.INC k", "dk.mget", "DKC.INC k x")
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "PING "+mark(1), "GET a", "PING "+mark(2), "PING "+mark(3), "PING "+mark(4))
	other.send("DKC.GET k")
	other.expect(":0")
	up.send("+OK")
	up.marks(1)
	up.send(">1", "+push", "$1", "a")
	c.expect("+OK", ":10", ">1", "+push", "$1", "a")
	up.marks(2)
	up.marks(3)
	up.marks(4)
	c.expect(":11", "-ERR wrong number of arguments for 'dk.mget' command", "-ERR value is not an integer or out of range")
	other.send("DKC.GET k")
	other.expect(":11")
	if n := r.srv.budget.used.Load(); n != 0 {
		t.Errorf("%d bytes are booked", n)
	}
}

// What Redis refuses to do just there is not done here either.
func TestOursThatRedisRefusesOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT TRACKING ON", "DKC.INC k", "RESET", "DKC.INC k", "AUTH x", "DKC.INC k", "GET a")
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "PING "+mark(1), "RESET", "PING "+mark(2), "AUTH x", "PING "+mark(3), "GET a")
	up.send("+OK")
	up.marks(1)
	up.send("+RESET", errNoAuth[:len(errNoAuth)-2], "+OK")
	up.marks(3)
	up.send("$"+strconv.Itoa(len(markPrefix)), markPrefix) // nobody's
	c.expect("+OK", ":1", "+RESET", errNoAuth[:len(errNoAuth)-2], "+OK", ":2", "$"+strconv.Itoa(len(markPrefix)), markPrefix)
}

// In MULTI Redis gets ours as they are, does not know them and discards all.
func TestOursInMultiOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT TRACKING ON", "MULTI", "DKC.INC k", "EXEC", "DKC.INC k")
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "MULTI", "DKC.INC k", "EXEC", "PING "+mark(1))
	up.send("+OK", "+OK", "-ERR unknown command 'DKC.INC', with args beginning with: 'k' ", "-EXECABORT")
	up.marks(1)
	c.expect("+OK", "+OK", strings.TrimSpace(errInMulti), "-EXECABORT", ":1")
}

// Without a reply there is no turn to wait for, but for those before it.
func TestOursWithoutAReply(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT REPLY SKIP", "DKC.INC k", "DKC.INC k", "CLIENT REPLY SKIP", "GET a", "DKC.INC k",
		"CLIENT REPLY OFF", "DKC.INC k", "DKC.INC k", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "DKC.INC k")
	up := r.redis.accept()
	up.gets("CLIENT REPLY SKIP", "PING", "PING "+mark(1), "CLIENT REPLY SKIP", "GET a", "PING "+mark(2), "CLIENT REPLY OFF")
	up.marks(1)
	c.expect(":2")
	up.marks(2)
	c.expect(":3")
	up.gets("PING", "PING", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "PING "+mark(3))
	up.send("+OK")
	up.marks(3)
	c.expect("+OK", ":6")
}

// One that is too big for a pooled buffer is held whole, as everywhere.
func TestBigCommandOfOursOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("MONITOR")
	up := r.redis.accept()
	up.gets("MONITOR")
	up.send("+OK")
	c.expect("+OK")
	args := []string{"DKC.MGET"}
	for i := range 20_000 {
		args = append(args, strconv.Itoa(i))
	}
	c.raw(string(appendCommand(nil, args...)))
	up.gets("PING " + mark(1))
	up.marks(1)
	c.expect("*20000")
}

// What is answered before the client's end reaches it.
func TestPumpedClientThatEndsItsSide(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT TRACKING ON", "GET a", "DKC.INC k")
	c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "GET a", "PING "+mark(1))
	up.ends()
	up.send("+OK", "$1", "a")
	up.marks(1)
	up.Close()
	c.expect("+OK", "$1", "a", ":1")
	c.ends()
}

func TestMarks(t *testing.T) {
	for reply, want := range map[string]bool{
		"$36\r\n" + mark(7) + "\r\n":            true,
		"$40\r\n" + mark(12345) + "\r\n":        true,
		pong + "$36\r\n" + mark(7) + "\r\n":     true,
		"$35\r\n" + markPrefix + "\r\n":         false,
		"$36\r\n" + markPrefix + "x\r\n":        false,
		"*2\r\n$4\r\npong\r\n$0\r\n\r\n":        false,
		"*2\r\n$4\r\npost\r\n$36\r\n" + mark(7): false,
		"$-1\r\n":                               false,
		"*-1\r\n":                               false,
	} {
		_, subscribed, ok := marked([]byte(reply))
		if ok != want || ok && subscribed != strings.HasPrefix(reply, pong) {
			t.Errorf("%q: %v, in subscribed mode %v", reply, ok, subscribed)
		}
		for n := range reply {
			if ok && !mayBeMark([]byte(reply[:n])) {
				t.Errorf("%q: not seen after %d bytes", reply, n)
			}
		}
	}
	if mayBeMark([]byte("$36\r\ndistkit:x")) || mayBeMark([]byte("*3")) {
		t.Error("other replies are held")
	}
}
