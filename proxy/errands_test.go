package proxy

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
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

// refusesMark is what Redis answers to the mark of that number as a command.
func (w *wire) refusesMark(number uint64) {
	w.send("-ERR unknown command '" + mark(number) + "', with args beginning with: ")
}

// What Redis refuses to do just there is not done here either.
func TestOursThatRedisRefusesOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT TRACKING ON", "DKC.INC k", "RESET", "DKC.INC k", "AUTH x", "DKC.INC k", "GET a")
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "PING "+mark(1), mark(2), "RESET")
	up.send("+OK")
	up.marks(1)
	up.refusesMark(2)
	up.send("+RESET")
	up.gets("PING "+mark(3), mark(4), "AUTH x")
	up.send(noAuth)
	up.refusesMark(4)
	up.send("+OK")
	up.gets("PING "+mark(5), "GET a")
	up.marks(5)
	up.send("$"+strconv.Itoa(len(markPrefix)), markPrefix) // nobody's
	c.expect("+OK", ":1", "+RESET", noAuth, "+OK", ":2", "$"+strconv.Itoa(len(markPrefix)), markPrefix)
	eventually(t, "nothing is booked", func() bool { return r.srv.budget.used.Load() == 0 })
}

// In MULTI Redis refuses a mark that is sent as a command, and discards all.
func TestOursInMultiOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("CLIENT TRACKING ON", "MULTI", "DKC.INC k", "EXEC", "DKC.INC k")
	up := r.redis.accept()
	up.gets("CLIENT TRACKING ON", "MULTI", mark(1), "PING "+mark(1), "EXEC", "PING "+mark(2))
	up.send("+OK", "+OK")
	up.refusesMark(1)
	up.send(">1", "+push", "+1700000000.1 [0 127.0.0.1:1] \"GET\"", "+QUEUED", "-EXECABORT")
	up.marks(2)
	c.expect("+OK", "+OK", ">1", "+push", "+1700000000.1 [0 127.0.0.1:1] \"GET\"", strings.TrimSpace(errInMulti), "-EXECABORT", ":1")
}

// What was sent is not what happened: Redis says in the place of ours whether
// there is a MULTI.
func TestMultiThatRedisRefusesOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("SUBSCRIBE ch", "MULTI", "DKC.INC k", "DKC.INC k", "DKC.INC")
	up := r.redis.accept()
	up.gets("SUBSCRIBE ch", "MULTI")
	for n := uint64(1); n <= 3; n++ {
		up.gets(mark(n), "PING "+mark(n))
	}
	up.send("-ERR only SUBSCRIBE")
	for n := uint64(1); n <= 3; n++ {
		up.refusesMark(n)
		up.send("*3", "$7", "message", "$2", "ch", "$2", "hi", "*2", "$4", "pong", "$"+strconv.Itoa(len(mark(n))), mark(n))
	}
	message := []string{"*3", "$7", "message", "$2", "ch", "$2", "hi"}
	c.expect("-ERR only SUBSCRIBE")
	for range 2 {
		c.expect(append(message, strings.TrimSpace(refusedSubscribed("dkc.inc")))...)
	}
	c.expect(append(message, "-ERR wrong number of arguments for 'dkc.inc' command")...) // as Redis looks at that first

	c.send("DKC.INC k", "MULTI", "DKC.INC k") // it is known now
	up.gets("PING "+mark(4), "MULTI", mark(5), "PING "+mark(5))
	up.marks(4)
	up.send("-NOPERM no MULTI")
	up.refusesMark(5)
	up.marks(5)
	c.expect(":1", "-NOPERM no MULTI", ":2")
}

// COMMAND and INFO are changed as everywhere, and told apart from what Redis says unasked.
func TestCommandAndInfoOnAPumpedConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("MONITOR", "COMMAND COUNT", "COMMAND INFO dkc.inc get", "COMMAND GETKEYS DKC.INC key", "INFO distkit", "INFO", "GET a")
	up := r.redis.accept()
	up.gets("MONITOR", mark(1), "COMMAND COUNT", mark(2), "COMMAND INFO dkc.inc get", mark(3), "COMMAND GETKEYS DKC.INC key",
		mark(4), "INFO distkit", mark(5), "INFO", "GET a")
	line := "+1700000000.1 [0 127.0.0.1:1] \"GET\""
	up.send("+OK")
	up.refusesMark(1)
	up.send(line, ":240")
	up.refusesMark(2)
	up.send(line, "*2", "*-1", "*1", "+get")
	up.refusesMark(3)
	up.send("-ERR Invalid command specified")
	up.refusesMark(4)
	up.send("$0", "")
	up.refusesMark(5)
	up.send("$11", "# Server", "a", "$-1")
	c.expect("+OK", line, ":"+strconv.Itoa(240+len(commands.All())), line, "*2")
	c.expect(strings.TrimSuffix(string(commands.Lookup([]byte("DKC.INC")).AppendInfo(nil)), "\r\n"), "*1", "+get", "*1", "$3", "key")
	if text := c.bulk(); !strings.HasPrefix(text, "# distkit\r\n") {
		t.Errorf("INFO distkit: %.100q", text)
	}
	if text := c.bulk(); !strings.HasPrefix(text, "# Server\r\na\r\n# distkit\r\n") {
		t.Errorf("INFO: %.100q", text)
	}
	c.expect("$-1")

	c.send("INFO distkit", "MULTI", "INFO distkit", "EXEC")
	up.gets(mark(6), "INFO distkit", "MULTI", "INFO distkit", "EXEC")
	up.refusesMark(6)
	up.send(noAuth)
	c.expect(noAuth)
	eventually(t, "nothing is booked", func() bool { return r.srv.budget.used.Load() == 0 })
}

// bulk reads a bulk string.
func (w *wire) bulk() string {
	w.t.Helper()
	line, err := w.r.ReadString('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "$")))
	if err != nil {
		w.t.Fatalf("%q is no bulk string", line)
	}
	text := make([]byte, n+2)
	if _, err := io.ReadFull(w.r, text); err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

var disguised = strings.TrimSpace(errDisguised)

// Whom an AUTH has made of the client is known from Redis' reply to it, also where
// others come between.
func TestAuthOnAPumpedConnection(t *testing.T) {
	told := &aclRedis{
		rights: map[string]engine.Permit{"default": engine.PermitAll, "some": engine.PermitSome},
		may:    map[string]engine.Permit{"yes": engine.PermitYes, "no": engine.PermitNoCommand},
	}
	r := newACLRig(t, told)
	c := r.client()
	c.send("HELLO 3", "CLIENT TRACKING ON", "DKC.INC no:a")
	up := r.redis.accept()
	up.gets("HELLO 3")
	up.send("%0")
	up.gets("CLIENT TRACKING ON", "PING "+mark(1))
	up.send("+OK")
	up.marks(1)
	c.expect("%0", "+OK", ":1")
	number := uint64(1)
	for _, step := range []struct {
		cmd, reply string
		want       [2]string // of DKC.INC no:a and DKC.INC yes:a
	}{
		{"AUTH some bad", "-WRONGPASS", [2]string{":2", ":1"}},
		{"AUTH some pw", "+OK", [2]string{noHIncrBy, ":2"}},
		{"AUTH", "-ERR wrong number of arguments", [2]string{noHIncrBy, ":3"}},
		{"RESET", "-NOPERM", [2]string{noHIncrBy, ":4"}},
		{"HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'", [2]string{noHIncrBy, ":5"}},
		{"HELLO 3 AUTH default pw", "%0", [2]string{":3", ":6"}},
		{"HELLO 3 AUTH some pw BAD", "-ERR Syntax error in HELLO option 'BAD'", [2]string{disguised, disguised}},
		{"RESET", "+RESET", [2]string{":4", ":7"}},
		{"HELLO 2 AUTH some pw", "*14" + strings.Repeat("\r\n+x", 14), [2]string{noHIncrBy, ":8"}},
	} {
		c.send(step.cmd, "DKC.INC no:a", "DKC.INC yes:a")
		if step.cmd != "AUTH" {
			number++
			up.gets(mark(number))
			up.refusesMark(number)
		}
		up.gets(step.cmd)
		up.send("*3", "$7", "message", "$2", "ch", "$2", "hi", step.reply)
		up.gets("PING "+mark(number+1), "PING "+mark(number+2))
		up.marks(number + 1)
		up.marks(number + 2)
		number += 2
		c.expect("*3", "$7", "message", "$2", "ch", "$2", "hi", step.reply, step.want[0], step.want[1])
	}

	c.send("CLIENT REPLY SKIP", "AUTH default pw", "DKC.INC yes:a") // nobody sees it
	up.gets("CLIENT REPLY SKIP", "AUTH default pw", "PING "+mark(number+1))
	up.marks(number + 1)
	c.expect(disguised)
}

// Where Redis may refuse to be silent it is asked, and the client sees nothing of that.
func TestClientReplyOfASubscriber(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("SUBSCRIBE ch", "CLIENT REPLY OFF", "DKC.INC k")
	up := r.redis.accept()
	up.gets("SUBSCRIBE ch", mark(1), "PING "+mark(1))
	up.refusesMark(1)
	up.send("*2", "$4", "pong", "$"+strconv.Itoa(len(mark(1))), mark(1))
	up.gets("CLIENT REPLY OFF", "PING "+mark(2))
	up.send("-ERR only SUBSCRIBE", "*2", "$4", "pong", "$"+strconv.Itoa(len(mark(2))), mark(2))
	c.expect("-ERR only SUBSCRIBE", strings.TrimSpace(refusedSubscribed("dkc.inc")))

	c.send("RESET", "CLIENT REPLY SKIP", "DKC.INC k", "SUBSCRIBE ch", "CLIENT REPLY SKIP", "DKC.INC k", "DKC.INC k")
	up.gets(mark(3), "RESET")
	up.refusesMark(3)
	up.send("+RESET")
	up.gets("CLIENT REPLY SKIP", "PING", "SUBSCRIBE ch", mark(4), "PING "+mark(4))
	up.refusesMark(4)
	up.marks(4) // in some way it is not subscribed
	up.gets("CLIENT REPLY SKIP", "PING", "PING "+mark(5))
	up.marks(5)
	c.expect("+RESET", ":3")
	eventually(t, "nothing is booked", func() bool { return r.srv.budget.used.Load() == 0 })
}

// A reply that does not come in time leaves it open who the client is.
func TestAuthThatIsNotAnsweredInTime(t *testing.T) {
	r := newACLRig(t, &aclRedis{rights: map[string]engine.Permit{"default": engine.PermitAll}})
	r.srv.hearWait = time.Millisecond
	c := r.client()
	c.send("MONITOR", "BLPOP q 0", "AUTH x", "DKC.INC k", "CLIENT REPLY OFF")
	up := r.redis.accept()
	up.gets("MONITOR", "BLPOP q 0", mark(1), "AUTH x", "PING "+mark(2), mark(3), "PING "+mark(3), "CLIENT REPLY OFF")
	up.send("+OK", "*-1")
	up.refusesMark(1)
	up.send("+OK")
	up.marks(2)
	up.refusesMark(3)
	up.marks(3)
	c.expect("+OK", "*-1", "+OK", disguised)
	eventually(t, "nothing is booked", func() bool { return r.srv.budget.used.Load() == 0 })
}

// A session that waits for a reply that does not come ends with the pump.
func TestRedisGoneWhileAuthIsWaitedFor(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("MONITOR", "AUTH x", "GET a")
	up := r.redis.accept()
	up.gets("MONITOR", mark(1), "AUTH x")
	up.Close()
	c.ends()
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

// However many wait, one that has its turn moves none of the others.
func TestErrandsStayWhereTheyAre(t *testing.T) {
	var e errands
	for range 100 {
		e.add(errand{})
	}
	last := &e.waiting[99]
	for number := uint64(1); number < 100; number++ {
		if _, _, found := e.take(number); !found {
			t.Fatalf("no errand %d", number)
		}
		if left := 100 - int(number); len(e.waiting) != left || &e.waiting[left-1] != last {
			t.Fatalf("after %d: %d wait, or they were moved", number, len(e.waiting))
		}
	}
}

// What is queued in MULTI is for EXEC to do.
func TestClientReplyInMulti(t *testing.T) {
	for _, sent := range []string{ // those that are silent are in capitals
		"multi,reply off,get,exec,GET,REPLY on,get",
		"multi,reply skip,get,exec,GET,get",
		"multi,reply off,discard,get",
		"multi,reply off,reset,get",
		"multi,reply off,reply on,exec,get",
		"multi,reply off,exec x,get",
		"multi,spoil,reply off,exec,get",
		"multi,reply off,spoil,exec,get",
		"reply off,MULTI,REPLY on,GET,EXEC,get",
		"reply off,MULTI,REPLY on,DISCARD,GET",
		"reply skip,MULTI,get,exec,get",
		"multi,spoil,exec,multi,reply off,exec,GET",
	} {
		var v voice
		inMulti := false
		for line := range strings.SplitSeq(sent, ",") {
			if line == "spoil" {
				v.spoil()
				continue
			}
			words := strings.Fields(line)
			if words[0] == "reply" || words[0] == "REPLY" {
				words = append([]string{"client"}, words...)
			}
			var args [][]byte
			for _, word := range words {
				args = append(args, []byte(word))
			}
			table := newKindTable(nil, false)
			k, _ := table.of(args)
			silent := v.hear(k, args, inMulti)
			if loud := strings.ToLower(line) == line; silent == loud {
				t.Errorf("%s: silent at %s: %v", sent, line, silent)
			}
			inMulti = k == opensMulti || inMulti && !k.uncertain()
		}
	}
}
