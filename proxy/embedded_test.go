package proxy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// newEmbeddedRig is a server whose Redis is the embedded one, as without --redis.
func newEmbeddedRig(t *testing.T) *rig {
	emb := testEmbedded(t)
	return newRig(t, func(o *Options) { o.Redis, o.Embedded = emb.RedisOptions(), true })
}

func TestEmbeddedExpiresInRealTime(t *testing.T) {
	c := newEmbeddedRig(t).client()
	begin := time.Now()
	c.send("SET a 1 PX 60")
	c.expect("+OK")
	for {
		before := time.Now()
		c.send("EXISTS a")
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == ":0\r\n" {
			if took := time.Since(begin); took < 50*time.Millisecond {
				t.Errorf("expired after %v", took)
			}
			return
		}
		if before.Sub(begin) > time.Second {
			t.Fatal("does not expire")
		}
	}
}

// What would kill or exhaust miniredis, and so this process.
func TestEmbeddedSurvives(t *testing.T) {
	r := newEmbeddedRig(t)
	healthy := r.client()
	for _, in := range []string{
		"*1\r\n$0\r\n\r\n", "*0\r\nPING\r\n", "*2\r\n$0\r\n\r\n$0\r\n\r\n",
		"SETRANGE k 536870911 x\r\n", "SETRANGE k 9223372036854775807 x\r\n", "SETRANGE k -1 x\r\n", "SETBIT k 9223372036854775807 1\r\n", "SETBIT k 4294967295 1\r\n",
		"SADD s a b\r\nSRANDMEMBER s -9999999999\r\nSRANDMEMBER s -9223372036854775808\r\n",
		"HSET h a b\r\nHRANDFIELD h -9999999999\r\n", "ZADD z 1 a\r\nZRANDMEMBER z -9999999999\r\n",
		"RPUSH l a b\r\nLPOP l -1\r\nLPOP l 99999999999\r\n", "SELECT 2147483647\r\nSET a 1\r\n", "SELECT -1\r\nSET a 1\r\n",
		"EVAL \"return redis.call('nope')\" 0\r\nEVAL \"return redis.pcall('SETRANGE','k','99999999999','x')\" 0\r\n",
		"EVAL x -1\r\nEVAL \"return 1\" 99999999999\r\n", "ZUNIONSTORE d 9223372036854775807 a\r\nZINTERSTORE d -1 a\r\n",
		"XREAD COUNT -1 STREAMS\r\nXRANGE a - + COUNT -5\r\n", "BITFIELD k GET u99 -1\r\n", "GETRANGE k -99999999999 99999999999\r\n",
		"ZSCAN z -99999999999\r\nEVAL \"return redis.pcall('ZSCAN','z','-99999999999')\" 0\r\n",
		"COMMAND GETKEYS\r\nCOMMAND DOCS nope\r\nCONFIG GET [\r\nCLIENT\r\nINFO nope\r\nHELLO\r\n",
	} {
		c := r.client()
		c.raw(in + "QUIT\r\n")
		for err := error(nil); err == nil; {
			_, err = c.r.ReadString('\n')
		}
		healthy.send("SET ok 1", "GET ok")
		healthy.expect("+OK", "$1", "1")
	}
}

func TestEmbeddedServesAClientLibrary(t *testing.T) {
	r := newEmbeddedRig(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, protocol := range []int{2, 3} {
		c := redis.NewClient(&redis.Options{Addr: r.addr, Protocol: protocol})
		defer c.Close()
		if got, err := c.Set(ctx, "a", protocol, 0).Result(); err != nil {
			t.Errorf("RESP%d: %v %v", protocol, got, err)
		}
		if got, err := c.Do(ctx, "DKC.INC", fmt.Sprint("k", protocol), 7).Int(); err != nil || got != 7 {
			t.Errorf("RESP%d: %v %v", protocol, got, err)
		}
		if got, err := c.ConfigGet(ctx, "save").Result(); err != nil || len(got) != 1 {
			t.Errorf("RESP%d: %v %v", protocol, got, err)
		}
		if got, err := c.Command(ctx).Result(); err != nil || got["dk.inc"] == nil || got["get"] == nil {
			t.Errorf("RESP%d: COMMAND has %d entries, %v", protocol, len(got), err)
		}
		if got, err := c.ClientID(ctx).Result(); err != nil || got == 0 {
			t.Errorf("RESP%d: %v %v", protocol, got, err)
		}
		sub := c.Subscribe(ctx, "ch")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(ctx, "ch", "hi").Err(); err != nil {
			t.Fatal(err)
		}
		if msg, err := sub.ReceiveMessage(ctx); err != nil || msg.Payload != "hi" {
			t.Errorf("RESP%d: %v %v", protocol, msg, err)
		}
	}
}

func TestEmbeddedScriptErrorsAreRedisOwn(t *testing.T) {
	c := newEmbeddedRig(t).client()
	c.send("SET s x", `EVAL "redis.call('HGET','s','f')" 0`, `EVAL "return {1,redis.call('GET','s')}" 0`, "SELECT 3",
		`EVAL "return redis.call('GET','s')" 0`, "MULTI", `EVAL "return 5" 0`, "EXEC")
	c.expect("+OK", "-WRONGTYPE Operation against a key holding the wrong kind of value", "*2", ":1", "$1", "x", "+OK",
		"$-1", "+OK", "+QUEUED", "*1", ":5")
}

func TestEmbeddedOursInMulti(t *testing.T) {
	c := newEmbeddedRig(t).client()
	c.send("MULTI", "SET a 1", "DKC.INC k", "EXEC", "GET a")
	c.expect("+OK", "+QUEUED", errInMulti[:len(errInMulti)-2], "-EXECABORT Transaction discarded because of previous errors.", "$-1")
}

func TestEmbeddedPassesTimeWhileAScriptRuns(t *testing.T) {
	r := newEmbeddedRig(t)
	busy := r.client()
	busy.send(`EVAL "for i=1,2000 do redis.call('INCR','n') end return redis.call('GET','n')" 0`)
	c := r.client()
	for range 50 {
		c.send("SET a 1 PX 5")
		c.expect("+OK")
	}
	busy.expect("$4", "2000")
}

// The embedded Redis refuses marks and what stands for denied commands in capitals.
func TestEmbeddedBesideASubscription(t *testing.T) {
	emb := testEmbedded(t)
	r := newRig(t, func(o *Options) { o.Redis, o.Embedded, o.Deny = emb.RedisOptions(), true, []string{"SET"} })
	c := r.client()
	c.send("SUBSCRIBE ch", "DKC.INC k", "SET a 1", "UNSUBSCRIBE", "DKC.INC k")
	c.expect("*3", "$9", "subscribe", "$2", "ch", ":1")
	c.expect(strings.TrimSpace(refusedSubscribed("dkc.inc")), strings.TrimSpace(refusal("set")))
	c.expect("*3", "$11", "unsubscribe", "$2", "ch", ":0", ":1")
	c.send("COMMAND GETKEYS DKC.INC k", "AUTH x", "GET a", "MULTI", "DKC.INC k", "EXEC", "DKC.INC k")
	c.expect("*1", "$1", "k")
	if line, err := c.r.ReadString('\n'); err != nil || line[0] != '-' {
		t.Errorf("AUTH: %q, %v", line, err)
	}
	c.expect("$-1", "+OK", strings.TrimSpace(errInMulti), "-EXECABORT Transaction discarded because of previous errors.", ":2")
}
