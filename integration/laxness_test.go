package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// hoard makes a proxy that flushes only when it must.
var hoard = engine.Options{FlushInterval: time.Hour}

// onHoards runs a test with one proxy that flushes only when it must.
func onHoards(t *testing.T, run func(t *testing.T, r *rig)) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, hoard)
		for _, f := range laxFamilies {
			t.Run(f.prefix, func(t *testing.T) { run(t, r.in(t, f)) })
		}
	})
}

func TestLaxIncrementsAreVisibleBeforeTheFlush(t *testing.T) {
	onHoards(t, func(t *testing.T, r *rig) {
		u, again := r.users[0], r.users[0]
		again.c = client(t, u.p.addr)
		u.want("INC x 1", u.f.own(1)) // the first flush comes without waiting
		u.flush()
		u.want("INC x 5", u.f.own(6))
		u.want("GET x", u.f.own(6))
		again.want("GET x", u.f.own(6))
		again.want("DEC x 2", u.f.own(4))
		same(t, "in Redis", raw(t, u.c, "HGET", u.f.totals("distkit"), "x"), "1")
		u.want("FLUSH x", int64(1))
		same(t, "in Redis", raw(t, u.c, "HGET", u.f.totals("distkit"), "x"), "4")
	})
}

func TestLaxIncrementsReachRedisByThemselves(t *testing.T) {
	onRigs(t, 1, laxFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		for i := int64(1); i <= 3; i++ {
			u.want("INC x 5", u.f.own(i*5))
			eventually(t, 5*time.Second, func() error {
				// Through the proxy: an ordinary command on the container.
				if got := raw(t, u.c, "HGET", u.f.totals("distkit"), "x"); got != fmt.Sprint(i*5) {
					return fmt.Errorf("in Redis: %v", got)
				}
				return nil
			})
		}
		u.want("SET x 100", u.f.own(100))
		same(t, "in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "x"), "100")
	})
}

func TestFlushReturnsHowManyCountersItFlushed(t *testing.T) {
	onHoards(t, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("MINC f:a 1 f:b 1 f:c 1 x 1", []any{u.f.own(1), u.f.own(1), u.f.own(1), u.f.own(1)})
		u.flush()
		u.want("FLUSH", int64(0))
		u.want("FLUSH f:a f:b", int64(0))
		u.want("MINC f:a 1 f:b 1 f:c 1 x 1", []any{u.f.own(2), u.f.own(2), u.f.own(2), u.f.own(2)})
		u.want("FLUSH f:a f:b f:ghost", int64(2))
		for _, key := range []string{"a", "b"} {
			same(t, key+" in Redis", raw(t, r.redis, "HGET", u.f.totals("f"), key), "2")
		}
		u.flush()
		u.want("MINC f:a 1 x 1", []any{u.f.own(3), u.f.own(3)})
		u.want("FLUSH", int64(2))
		u.want("FLUSH", int64(0))
		same(t, "x in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "x"), "3")
	})
}

func TestFlushIsOfAllFamilies(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, hoard)
		aware, plain := r.in(t, laxAware).users[0], r.in(t, laxPlain).users[0]
		for i := int64(1); i <= 2; i++ {
			aware.want("INC x 5", aware.f.own(i*5))
			plain.want("INC x 7", plain.f.own(i*7))
			plain.want("INC ns:x 9", plain.f.own(i*9))
			if i == 1 {
				plain.flush()
			}
		}
		aware.want("FLUSH", int64(3))
		same(t, "plain in Redis", raw(t, r.redis, "HGET", laxPlain.totals("ns"), "x"), "18")
	})
}

func TestFlushOfAStrictFamilyIsZero(t *testing.T) {
	onRigs(t, 1, []counters{strictAware, strictPlain}, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("INC x 5", u.f.own(5))
		u.want("FLUSH", int64(0))
		u.want("FLUSH x y", int64(0))
	})
}

func TestPendingDeltasCountInWhatSetAndDelReport(t *testing.T) {
	onHoards(t, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("SET x 10", u.f.own(10))
		u.want("INC x 5", u.f.own(15))
		u.want("SET x 1 IF GT 15", u.f.ownCond(0, 15, 15))
		u.want("INC x 5", u.f.own(20))
		u.want("SET x 2 IF EQ 20", u.f.ownCond(1, 2, 20))
		u.want("INC x 5", u.f.own(7))
		u.want("SET x 3", u.f.own(3))
		u.want("INC x 4", u.f.own(7))
		u.want("DEL x", u.f.own(7))
		u.want("INC x 6", u.f.own(6))
		u.want("CLEAR", "OK")
		u.want("GET x", u.f.own(0))
		u.want("FLUSH", int64(0))
		same(t, "in Redis", raw(t, r.redis, "HGET", u.f.totals("distkit"), "x"), nil)
	})
}
