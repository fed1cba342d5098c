package proxy

import (
	"io"
	"strconv"
	"strings"
	"testing"
)

func TestPump(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("DKC.INC k", "SUBSCRIBE ch", "DKC.INC k", "SHUTDOWN", "NOPE", "PING")
	up := r.redis.accept()
	up.gets("SUBSCRIBE ch", "PING "+mark(1), refusedPrefix+"shutdown", "NOPE", "PING")
	up.send("*3", "$9", "subscribe", "$2", "ch", ":1")
	c.expect(":1", "*3", "$9", "subscribe", "$2", "ch", ":1")

	// A refusal comes in order and tears no message.
	up.raw("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhe")
	c.expect("*3", "$7", "message", "$2", "ch", "$5")
	up.send("llo", "*2", "$4", "pong", "$"+strconv.Itoa(len(mark(1))), mark(1))
	c.expect("hello", strings.TrimSpace(refusedSubscribed("dkc.inc")))
	up.send("-ERR unknown command `" + refusedPrefix + "shutdown`, with args beginning with: ")
	c.expect("-NOPERM distkit: 'shutdown' is refused by this proxy")
	up.send("-ERR unknown command 'NOPE', with args beginning with: ", ">2", "+a", "-ERR unknown command 'DKC.INC'", "+PONG")
	c.expect("-ERR unknown command 'NOPE', with args beginning with: ", ">2", "+a", "-ERR unknown command 'DKC.INC'", "+PONG")

	long := "-ERR unknown command 'DKC.INC' " + strings.Repeat("x", 2*maxHeldError)
	up.send(long)
	c.expect(long)

	up.Close() // Redis is gone, and the client learns it
	c.ends()
}

// A big reply goes straight through, and not past the small one before it.
func TestPumpKeepsSmallBeforeBig(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT TRACKING ON", "GET small", "GET big")
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "GET small", "GET big")
	for _, size := range []int{bufferSize/2 + 1, 40_000, bufferSize - 100} {
		big := strings.Repeat("b", size)
		up.send("+small", "$"+strconv.Itoa(size), big)
		c.expect("+small", "$"+strconv.Itoa(size), big)
	}
}

// What came before a big command that is refused reaches Redis unharmed.
func TestPumpRefusesABigCommand(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Deny = []string{"SET"} })
	c := r.client()
	c.send("CLIENT REPLY OFF")
	up := r.redis.accept()
	up.gets("CLIENT REPLY OFF")
	head, value, end := bigCommand(1 << 20)
	before := strings.Repeat(string(appendCommand(nil, "GET", "first")), 1000)
	for range 2 { // the first is looked at alone, for whether it may be big
		go io.WriteString(c.Conn, before+head+value+end+"GET last\r\n")
		up.expect(strings.TrimSuffix(before, "\r\n"))
		up.gets(refusedPrefix+"set", "GET last")
	}
}

func TestPumpEndsWithTheClient(t *testing.T) {
	for _, enter := range []string{"SUBSCRIBE a", "psubscribe a", "SSUBSCRIBE a", "UNSUBSCRIBE", "MONITOR", "CLIENT REPLY OFF", "client tracking on"} {
		r := newRig(t, nil)
		c := r.client()
		c.send(enter)
		up := r.redis.accept()
		up.gets(enter)
		c.Close()
		up.ends()
	}
}

// A subscriber that comes back before Redis does is sent away until it is there:
// the error that other commands get would be no reason to come again.
func TestPumpIsClosedWhileRedisIsAway(t *testing.T) {
	onAway(t, func(t *testing.T, r *rig) {
		for _, enter := range []string{"SUBSCRIBE a", "MONITOR", "CLIENT TRACKING ON"} {
			c := r.client()
			c.send("DKC.INC k 0", enter, "PING")
			c.expect(":0")
			c.ends()
		}
	})
}

func TestPumpedClientThatBreaksTheProtocolIsClosed(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("MONITOR")
	up := r.redis.accept()
	up.gets("MONITOR")
	c.raw("*1\r\nx\r\n")
	c.ends()
	up.ends()
}
