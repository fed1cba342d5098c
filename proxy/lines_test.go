package proxy

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// newSharingRig is a rig whose clients share connections, even one alone.
func newSharingRig(t *testing.T) *rig {
	return newRig(t, func(o *Options) { o.ShareFrom = 1 })
}

// sharer is a client that has shown that its replies are small, after having set its
// connection up with some commands, and own its connection to Redis.
func (r *rig) sharer(setup ...string) (c, own *wire) {
	r.t.Helper()
	c, own = setUp(r, setup...)
	for range shareAfter {
		c.send("GET a")
		if own == nil {
			own = r.redis.accept()
		}
		own.gets("GET a")
		own.send(":1")
		c.expect(":1")
	}
	return c, own
}

// open has a client's first command that may be shared answered, upon which a
// connection is opened that begins with a PING and some commands, and returns that.
func (r *rig) open(c, own *wire, cmd string, begins ...string) *wire {
	r.t.Helper()
	n := r.srv.lines.count()
	c.send(cmd)
	own.gets(cmd)
	own.send(":2")
	c.expect(":2")
	shared := r.redis.accept()
	shared.gets("PING")
	shared.gets(begins...)
	for range 1 + len(begins) {
		shared.send("+OK")
	}
	eventually(r.t, "the shared connection is ready", func() bool { return r.srv.lines.count() == n+1 })
	return shared
}

// pours writes what the other side may take its time for, or never take.
func (w *wire) pours(s string) { _, _ = io.WriteString(w.Conn, s) }

// count is the number of lines that are ready.
func (ls *lines) count() (n int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, set := range ls.sets {
		for i := range set.slots {
			if set.slots[i].line.Load() != nil {
				n++
			}
		}
	}
	return n
}

// Clients whose replies have been small share a connection: each gets its own replies,
// in order, however they are cut, and everything that may not be shared goes over
// their own connections.
func TestClientsShareAConnection(t *testing.T) {
	r := newSharingRig(t)
	a, ownA := r.sharer()
	b, ownB := r.sharer()
	shared := r.open(a, ownA, "GET x")

	a.send("GET a1", "HGETALL a2")
	shared.gets("GET a1", "HGETALL a2")
	b.send("GET b1")
	shared.gets("GET b1")
	for _, c := range []byte("$1\r\nA\r\n*2\r\n$1\r\nf\r\n:7\r\n-ERR b1\r\n") {
		shared.raw(string(c))
	}
	a.expect("$1", "A", "*2", "$1", "f", ":7")
	b.expect("-ERR b1")

	for i, cmd := range []string{"BLPOP a 0", "LRANGEX a", "CLIENT ID", "SUBSTR a 0 1", "EVAL x 0", "MULTI", "INCR a", "EXEC"} {
		a.send(cmd)
		ownA.gets(cmd)
		reply := fmt.Sprintf(":%d", i)
		if cmd == "INCR a" {
			reply = "+QUEUED"
		}
		ownA.send(reply)
		a.expect(reply)
	}
	b.send("GET b2", "CLIENT ID") // in one batch, so in one go
	ownB.gets("GET b2", "CLIENT ID")
	ownB.send(":1", ":2")
	b.expect(":1", ":2")
	b.send("GET b3")
	shared.gets("GET b3")
	shared.send("_")
	b.expect("_")
	if st := r.srv.Stats(); st.SharedConnections != 1 || st.PrivateConnections != 2 {
		t.Errorf("%d shared and %d private connections, want 1 and 2", st.SharedConnections, st.PrivateConnections)
	}
}

// What changes something has a connection of its own, so that CLIENT PAUSE WRITE holds
// up no reads; a batch of both goes there.
func TestWritesHaveASharedConnectionOfTheirOwn(t *testing.T) {
	r := newSharingRig(t)
	c, own := r.sharer()
	reads := r.open(c, own, "GET x")
	writes := r.open(c, own, "SET x 1")
	c.send("GET a")
	reads.gets("GET a")
	reads.send(":1")
	c.expect(":1")
	c.send("GET a", "SET a 2")
	writes.gets("GET a", "SET a 2")
	writes.send(":1", "+OK")
	c.expect(":1", "+OK")
}

// Those share who have set up the same: user, protocol, database. A new set-up has to
// prove itself on the client's own connection first; what is particular is not shared.
func TestOnlyThoseWhoAreAlikeShare(t *testing.T) {
	r := newSharingRig(t)
	a, ownA := r.sharer("AUTH u p", "SELECT 3")
	sharedA := r.open(a, ownA, "GET x", "AUTH u p", "SELECT 3")
	b, ownB := r.sharer("SELECT 3")
	sharedB := r.open(b, ownB, "GET x", "SELECT 3")
	c, _ := r.sharer("SELECT 3", "AUTH u p", "CLIENT SETNAME me")
	a.send("GET a")
	sharedA.gets("GET a")
	b.send("GET b")
	sharedB.gets("GET b")
	c.send("GET c")
	sharedA.gets("GET c")
	sharedA.send(":1", ":3")
	sharedB.send(":2")
	a.expect(":1")
	b.expect(":2")
	c.expect(":3")

	b.send("SELECT 4", "GET b")
	ownB.gets("SELECT 4")
	ownB.send("+OK")
	ownB.gets("GET b")
	ownB.send(":4")
	b.expect("+OK", ":4")
	b.send("GET b")
	ownB.gets("GET b")
	ownB.send(":4")
	b.expect(":4")

	d, ownD := r.sharer("CLIENT NO-TOUCH on")
	d.send("GET d")
	ownD.gets("GET d")
	ownD.send(":1")
	d.expect(":1")
}

// Errors prove nothing: Redis may not serve the client at all.
func TestErrorsAreNoReasonToShare(t *testing.T) {
	r := newSharingRig(t)
	c, own := r.sharer()
	r.open(c, own, "GET x")
	stranger := r.client()
	var its *wire
	for range 2 * shareAfter {
		stranger.send("GET a")
		if its == nil {
			its = r.redis.accept()
		}
		its.gets("GET a")
		its.send("-NOAUTH Authentication required.")
		stranger.expect("-NOAUTH Authentication required.")
	}
}

// bigAsked is a rig where a client waits for a big reply on a shared connection, and
// another one may join it.
func bigAsked(t *testing.T) (r *rig, a, ownA, b, ownB, shared *wire) {
	t.Helper()
	r = newSharingRig(t)
	a, ownA = r.sharer()
	b, ownB = r.sharer()
	shared = r.open(a, ownA, "GET x")
	a.send("GET big")
	shared.gets("GET big")
	return r, a, ownA, b, ownB, shared
}

// A big reply is passed on as the client takes it. Those behind it wait, nobody joins
// them, and the client shares no more.
func TestBigReplyOnASharedConnection(t *testing.T) {
	r, a, ownA, b, ownB, shared := bigAsked(t)
	b.send("GET b")
	shared.gets("GET b")
	big := strings.Repeat("x", 5*bufferSize+7)
	go shared.pours(fmt.Sprintf("$%d\r\n%s\r\n:2\r\n", len(big), big))
	a.expect(fmt.Sprintf("$%d", len(big)), big)
	b.expect(":2")
	if _, err := shared.r.ReadByte(); err == nil {
		t.Fatal("the connection of the big reply is used further")
	}
	a.send("GET a")
	ownA.gets("GET a")
	ownA.send(":3")
	a.expect(":3")
	again := r.open(b, ownB, "GET b")
	b.send("GET b")
	again.gets("GET b")
	again.send(":5")
	b.expect(":5")
}

// A client that takes nothing of a big reply is closed if others wait behind it, who
// get their replies.
func TestStalledClientIsClosedIfOthersWait(t *testing.T) {
	r, _, _, b, _, shared := bigAsked(t)
	b.send("GET b")
	shared.gets("GET b")
	big := strings.Repeat("x", 64<<20) // more than the sockets hold
	go shared.pours(fmt.Sprintf("$%d\r\n%s\r\n:2\r\n", len(big), big))
	b.expect(":2")
	eventually(t, "the client is closed", func() bool { return r.srv.Stats().Clients == 1 })
}

// One that takes nothing has all the time there is if nobody waits behind it.
func TestSlowClientIsLetBe(t *testing.T) {
	r, a, _, b, ownB, shared := bigAsked(t)
	big := strings.Repeat("x", 16<<20)
	go shared.pours(fmt.Sprintf("$%d\r\n%s\r\n", len(big), big))
	eventually(t, "the line takes nothing more", func() bool { return r.srv.lines.count() == 0 })
	again := r.open(b, ownB, "GET b")
	b.send("GET b")
	again.gets("GET b")
	again.send(":5")
	b.expect(":5")
	stalled := time.NewTimer(stallTime + stallTime/2)
	defer stalled.Stop()
	<-stalled.C
	a.expect(fmt.Sprintf("$%d", len(big)), big)
}

// With a shared connection those are lost who wait for a reply on it, and get what has
// come of it; others do not notice.
func TestSharedConnectionIsLost(t *testing.T) {
	r := newSharingRig(t)
	a, ownA := r.sharer()
	b, ownB := r.sharer()
	c, ownC := r.sharer()
	shared := r.open(a, ownA, "GET x")
	a.send("GET a")
	shared.gets("GET a")
	b.send("GET b", "GET b")
	shared.gets("GET b", "GET b")
	shared.raw(":1\r\n:2\r\n:3")
	shared.Close()
	a.expect(":1")
	b.expect(":2")
	rest := make([]byte, 2)
	if _, err := b.r.Read(rest); err != nil || string(rest) != ":3" {
		t.Fatalf("%q (%v), want what has come of a reply", rest, err)
	}
	b.ends()
	for cl, own := range map[*wire]*wire{a: ownA, c: ownC} {
		cl.send("BLPOP a 0")
		own.gets("BLPOP a 0")
		own.send("*-1")
		cl.expect("*-1")
	}
	_ = ownB
	again := r.open(c, ownC, "GET c")
	c.send("GET c")
	again.gets("GET c")
	again.send(":5")
	c.expect(":5")
}

// A reply that nobody waits for makes a shared connection useless.
func TestSharedConnectionWithAReplyTooMany(t *testing.T) {
	r := newSharingRig(t)
	a, ownA := r.sharer()
	shared := r.open(a, ownA, "GET x")
	shared.send(":1")
	if _, err := shared.r.ReadByte(); err == nil {
		t.Fatal("something is sent")
	}
	eventually(t, "the line is gone", func() bool { return r.srv.lines.count() == 0 })
}

// Where Redis refuses what a shared connection begins with clients use their own.
func TestSharedConnectionIsRefused(t *testing.T) {
	r := newSharingRig(t)
	a, own := r.sharer("AUTH u p")
	a.send("GET x")
	own.gets("GET x")
	own.send(":1")
	a.expect(":1")
	shared := r.redis.accept()
	shared.gets("PING", "AUTH u p")
	shared.send("+PONG", "-WRONGPASS no")
	shared.ends()
	for range 3 {
		a.send("GET x")
		own.gets("GET x")
		own.send(":1")
		a.expect(":1")
	}
}

// The replies to a client that has left are for nobody, and those behind are right.
func TestClientLeavesASharedConnection(t *testing.T) {
	r := newSharingRig(t)
	a, ownA := r.sharer()
	b, _ := r.sharer()
	shared := r.open(a, ownA, "GET x")
	a.send("GET a")
	shared.gets("GET a")
	b.send("GET b")
	shared.gets("GET b")
	a.Close()
	eventually(t, "the client is gone", func() bool { return r.srv.Stats().Clients == 1 })
	shared.send("+a's", "+b's")
	b.expect("+b's")
}

// WAIT asks for what its own connection has written. After writes on a shared one, what
// is sent before it makes that everything so far.
func TestWaitAfterSharedWrites(t *testing.T) {
	r := newSharingRig(t)
	c, own := r.sharer()
	writes := r.open(c, own, "SET x 1")
	for _, wait := range []string{"WAIT 1 0", "waitaof 1 0 0"} {
		c.send("SET a 1")
		writes.gets("SET a 1")
		writes.send("+OK")
		c.expect("+OK")
		c.send(wait)
		own.gets("PING", wait)
		own.send("+PONG", ":1")
		c.expect(":1")
	}
}

// A shared connection that nobody uses is closed after a while, and opened anew.
func TestIdleSharedConnection(t *testing.T) {
	r := newSharingRig(t)
	c, own := r.sharer()
	shared := r.open(c, own, "GET x")
	for range idleLooks - 1 {
		r.srv.lines.look()
	}
	c.send("GET a")
	shared.gets("GET a")
	shared.send(":1")
	c.expect(":1")
	for range idleLooks + 1 {
		r.srv.lines.look()
	}
	shared.ends()
	r.srv.lines.look() // there is nothing any more
	if r.srv.lines.count() != 0 {
		t.Fatal("an idle line is still there")
	}
	r.open(c, own, "GET x")
}

// Shutdown waits for a reply, but not for ever.
func TestShutdownWithSharedConnections(t *testing.T) {
	r := newSharingRig(t)
	a, ownA := r.sharer()
	shared := r.open(a, ownA, "GET x")
	a.send("GET a")
	shared.gets("GET a")
	// The rig's clean-up shuts down while Redis does not answer.
}

// Few who send in turns use their own connections.
func TestFewDoNotShare(t *testing.T) {
	r := newRig(t, func(o *Options) { o.ShareFrom = 2 })
	a, ownA := r.sharer()
	b, ownB := r.sharer()
	shared := r.open(a, ownA, "GET a") // b has sent since its last one
	for range 2 {
		a.send("GET a")
		ownA.gets("GET a")
		ownA.send(":1")
		a.expect(":1")
	}
	b.send("GET b")
	shared.gets("GET b")
	shared.send(":2")
	b.expect(":2")
	a.send("GET a")
	shared.gets("GET a")
	shared.send(":3")
	a.expect(":3")
	b.send("GET b")
	shared.gets("GET b")
	shared.send(":4")
	b.expect(":4")
	b.send("GET b")
	ownB.gets("GET b")
	ownB.send(":5")
	b.expect(":5")
}

// Where Redis says that it is no master any more the next commands go over a new
// connection, which finds the master.
func TestSharedConnectionToAReplica(t *testing.T) {
	r := newSharingRig(t)
	c, own := r.sharer()
	writes := r.open(c, own, "SET x 1")
	c.send("SET a 1")
	writes.gets("SET a 1")
	writes.send("-READONLY You can't write against a read only replica.")
	c.expect("-READONLY You can't write against a read only replica.")
	writes.ends()
	r.open(c, own, "SET x 1")
}

// Much at once goes over the client's own connection.
func TestBigBatchesAreNotShared(t *testing.T) {
	r := newSharingRig(t)
	c, own := r.sharer()
	writes := r.open(c, own, "SET x 1")
	for _, size := range []int{maxShared / 2, maxShared} {
		line := "SET a " + strings.Repeat("x", size)
		c.send(line)
		to := writes
		if size == maxShared {
			to = own
		}
		to.gets(line)
		to.send("+OK")
		c.expect("+OK")
	}
}

// When a line breaks it is told whether some of a session's commands may have reached
// Redis: those that nobody had begun to write have not.
func TestWhatALineHasSent(t *testing.T) {
	conn, other := net.Pipe()
	defer other.Close()
	l := &line{up: newUpstream(conn, &bufferPool{}, func() {}, func() {}), left: func() {}}
	sent, unsent := newTurn(nil), newTurn(nil)
	l.writing = true // somebody else writes
	l.put(sent, [][]byte{[]byte("abc")})
	l.given = 1
	l.put(unsent, [][]byte{[]byte("def")})
	l.fail(errLineReply)
	for _, turn := range []*turn{sent, unsent} {
		<-turn.told
		if turn.err != errLineReply || turn.sent != (turn == sent) {
			t.Errorf("told %v, sent %v", turn.err, turn.sent)
		}
	}
	if l.put(newTurn(nil), nil) {
		t.Error("a broken line takes something")
	}
}
