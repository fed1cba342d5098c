package engine

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Keys that somebody holds are read in one round trip, like those that are cold.
func TestHeldKeysAreReadTogether(t *testing.T) {
	e, m := laxForTest(t)
	mustIncr(t, e, "b", 5)
	mustHold(t, e, Touch{Keys: keys("a", "b", "list")})
	m.Lpush("list", "x")
	before := e.Stats().FlushScripts
	out := make([]Number, 5)
	e.Read(t.Context(), 0, keys("a", "b", "list", "free", "b"), out)
	if got := e.Stats().FlushScripts - before; got != 1 {
		t.Errorf("%d scripts, want one", got)
	}
	if !out[0].Missing || out[1].N != 5 || !out[2].Foreign || !out[3].Missing || out[4].N != 5 {
		t.Errorf("%+v", out)
	}
}

// While Redis is away a key that is held cannot be answered, and whoever asks is
// told so at once.
func TestHeldKeysWhileRedisIsAway(t *testing.T) {
	opts := unhurried
	opts.Lax, opts.CommandTimeout = everyKey, time.Hour
	e, gate := gateForTest(t, miniredis.RunT(t).Addr(), opts)
	mustIncr(t, e, "k", 1)
	mustHold(t, e, Touch{Keys: keys("k")})
	p, err := e.ordinary(0, []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	gate.shut()
	eventually(t, 20*time.Second, "Redis is missed", func() bool {
		p.kick()
		if !p.away.Load() {
			p.flushNow()
			e.AskKeys(0, keys("other"))
		}
		return p.pausing(e.now())
	})
	var got [1]Number
	if e.Read(t.Context(), 0, keys("k"), got[:]); got[0].Err != ErrLoading {
		t.Errorf("get: %+v", got)
	}
	if got := e.IncrBy(t.Context(), 0, []byte("k"), 1); got.Err != ErrLoading {
		t.Errorf("incr: %+v", got)
	}
	gate.open()
}
