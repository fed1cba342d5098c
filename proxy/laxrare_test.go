package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// newRareRig is a rig whose engine counts ordinary keys, in an embedded Redis of its
// own, and one client, with the connection on which increments of rare keys go.
func newRareRig(t *testing.T) (r *rig, c, own *wire) {
	e := laxEngine(t, engine.Options{RareFrom: 1})
	r = newRig(t, func(o *Options) { o.Engine, o.ShareFrom = e, 1 })
	c = r.client()
	c.send("INCR n:warm") // there is no connection yet
	c.expect(":1")
	own = r.redis.accept()
	own.gets("PING")
	own.send("+PONG")
	eventually(t, "the connection is ready", func() bool { return r.srv.lines.count() == 1 })
	return r, c, own
}

// Increments of keys that nobody has asked for lately go to Redis as they are, those of
// a pipeline together; the others are counted in memory.
func TestRareIncrementsAreSentAsTheyAre(t *testing.T) {
	r, c, own := newRareRig(t)
	c.send("INCR n:a", "INCRBY n:b 5", "INCR n:warm", "DECR n:a", "GET n:warm")
	own.gets("INCR n:a", "INCRBY n:b 5", "DECR n:a")
	own.send(":1", ":-9223372036854775808", ":0")
	c.expect(":1", ":-9223372036854775808", ":2", ":0", "$1", "2")
	c.send("INCR n:a") // asked for again: worth being in memory
	c.expect(":1")
	own.silent()
	if st := r.srv.Stats(); st.Forwarded != 3 || st.Counted != 4 || st.Engine.Rare != 3 {
		t.Errorf("%d forwarded, %d counted, %d rare", st.Forwarded, st.Counted, st.Engine.Rare)
	}
}

// Redis' errors about a key are the client's; where Redis takes nothing now the engine
// says what is to be said; what only the client's own user may do goes over its own
// connection.
func TestErrorsOfRareIncrements(t *testing.T) {
	r, c, own := newRareRig(t)
	c.send("INCR n:a", "INCR n:b", "INCR n:c", "INCR n:d")
	own.gets("INCR n:a", "INCR n:b", "INCR n:c", "INCR n:d")
	own.send("-WRONGTYPE Operation against a key holding the wrong kind of value", "-ERR increment or decrement would overflow", "-OOM command not allowed", ":4")
	c.expect("-WRONGTYPE Operation against a key holding the wrong kind of value", "-ERR increment or decrement would overflow", ":1", ":4")

	c.send("INCR n:e")
	own.gets("INCR n:e")
	own.send("-NOPERM this user has no permissions")
	its := r.redis.accept()
	its.gets("INCR n:e")
	its.send(":5")
	c.expect(":5")
}

// An increment whose reply does not come is told that nobody knows; one that was not
// sent is carried out by the engine.
func TestLostRareIncrements(t *testing.T) {
	_, c, own := newRareRig(t)
	c.send("INCR n:a", "INCR n:b", "INCR n:warm")
	own.gets("INCR n:a", "INCR n:b")
	own.send(":1")
	own.Close()
	unknown := "-" + strings.TrimSpace(engine.ErrUnknown.Error())
	c.expect(":1", unknown, ":2")
	c.send("INCR n:c")
	c.expect(":1")
}

// A client that leaves takes nobody with it, and its keys are free.
func TestClientLeavesWithRareIncrements(t *testing.T) {
	r, c, own := newRareRig(t)
	other := r.client()
	c.send("INCR n:a")
	own.gets("INCR n:a")
	c.Close()
	eventually(t, "the client is gone", func() bool { return r.srv.Stats().Clients == 1 })
	other.send("INCR n:b")
	own.gets("INCR n:b")
	own.send(":1", ":2")
	other.expect(":2")
	other.send("INCR n:a", "INCR n:a")
	other.expect(":1", ":2")
}

// laxEngine counts ordinary keys that begin with n:, in an embedded Redis of its own,
// and what is in memory stays fresh.
func laxEngine(t *testing.T, opts engine.Options) *engine.Engine {
	t.Helper()
	opts.Redis, opts.InstanceID = testEmbedded(t).RedisOptions(), "test"
	opts.Lax = []engine.Pattern{{Glob: "n:*"}}
	opts.FlushInterval, opts.AllowedLag, opts.CommandTimeout = time.Minute, time.Minute, 10*time.Second
	return startEngine(t, opts)
}
