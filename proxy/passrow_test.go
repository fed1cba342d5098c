package proxy

import (
	"strings"
	"testing"
)

// A pipeline of ordinary commands is sent in one go, and its replies come as they
// are, with what is pushed between them, however they are cut.
func TestRowOfOrdinaryCommands(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	big := strings.Repeat("x", 3*bufferSize)
	replies := []string{"$1", "a", ">2", "+message", ":1", "*2", "*0", "$-1", "-ERR no", "|1", "+ttl", ":3", "$196608", big, ">1", "+tail", ":7"}
	c.send("GET a", "LRANGE b 0 1", "LPUSH c", "GET d", "INCR e", "PING")
	up := r.redis.accept()
	up.gets("GET a", "LRANGE b 0 1", "LPUSH c", "GET d", "INCR e")
	all := strings.Join(replies, "\r\n") + "\r\n"
	for _, b := range []byte(all[:60]) {
		up.raw(string(b))
	}
	up.raw(all[60:])
	c.expect(replies...)
	up.gets("PING")
	up.send("+PONG")
	c.expect("+PONG")
	if got := r.srv.Stats().Forwarded; got != 6 {
		t.Errorf("%d commands forwarded, want 6", got)
	}
}

// A row of which a reply is lost ends the client's connection: it is not known what
// became of the command. What was answered before is delivered.
func TestRowWithALostReply(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET a", "INCR b", "INCR c")
	up := r.redis.accept()
	up.gets("GET a", "INCR b", "INCR c")
	up.send("+a")
	up.raw(":1")
	up.Close()
	c.raw("")
	c.expect("+a")
	rest := make([]byte, 2)
	if _, err := c.r.Read(rest); err != nil || string(rest) != ":1" {
		t.Fatalf("%q (%v), want what has come of a reply", rest, err)
	}
	c.ends()
	if up := r.redis.tryAccept(); up != nil {
		t.Error("something is sent again")
	}
}

// Each command of a row that cannot be sent has its own error, and the client stays.
func TestRowWithoutRedis(t *testing.T) {
	r := newRig(t, nil)
	r.redis.ln.Close()
	c := r.client()
	c.send("GET a", "INCR b", "DKC.INC k")
	away := strings.TrimSuffix(errNoRedis, "\r\n")
	c.expect(away, away, ":1")
	c.send("GET a", "INCR b")
	c.expect(away, away)
}
