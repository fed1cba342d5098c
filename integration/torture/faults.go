package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// lane is what a fault strikes.
type lane uint8

const (
	laneRedis   lane = iota // the process of a Redis
	laneState               // what it is ready to do
	laneInstant             // over as soon as it has happened
	laneLink                // one proxy's way to it
	laneProxy               // one proxy
)

// lanes are all lanes with the average pause between two faults.
var lanes = []struct {
	lane  lane
	pause time.Duration
}{
	{laneRedis, 7 * time.Second},
	{laneState, 7 * time.Second},
	{laneInstant, 2 * time.Second},
	{laneLink, 5 * time.Second},
	{laneProxy, 12 * time.Second},
}

// fault is something that goes wrong.
type fault struct {
	name        string
	lane        lane
	least, most time.Duration // how long it lasts
	setup       string        // the only set-up that has it; "": both
	// happens makes it happen, lasts, and undoes it as far as it can; the rest
	// is undone before the next check. Its error is that it did not happen.
	happens func(ctx context.Context, t *torture, in injection) error
}

const ms = time.Millisecond

// faults are all there are.
var faults = []*fault{
	{"cut", laneLink, 0, 0, "standalone", onLink(func(l *loopback.Link, _ injection) { l.Cut() })},
	{"cut again and again", laneLink, 300 * ms, 1500 * ms, "standalone", onLink(func(l *loopback.Link, in injection) {
		for end := time.Now().Add(in.length); time.Now().Before(end); {
			l.Cut()
			<-time.After(5*ms + time.Duration(in.lot%40)*ms)
		}
	})},
	{"refused", laneLink, 200 * ms, 4000 * ms, "standalone", onLink(func(l *loopback.Link, in injection) {
		l.Down()
		<-time.After(in.length)
		l.Up()
	})},
	{"delayed replies", laneLink, 300 * ms, 2000 * ms, "standalone", misbehaving(func(f *loopback.Faults, in injection) {
		f.Delay = time.Duration(5+in.lot/2) * ms // some longer than the proxy waits
	})},
	{"lost replies", laneLink, 300 * ms, 1500 * ms, "standalone", misbehaving(func(f *loopback.Faults, in injection) {
		f.Lose = int(1 + in.lot%8)
	})},
	{"swallowed replies", laneLink, 300 * ms, 1500 * ms, "standalone", misbehaving(func(f *loopback.Faults, _ injection) {
		f.Swallow = true
	})},
	{"half-open", laneLink, 300 * ms, 2500 * ms, "standalone", misbehaving(func(f *loopback.Faults, _ injection) {
		f.Void = true
	})},
	{"trickled replies", laneLink, 300 * ms, 1500 * ms, "standalone", misbehaving(func(f *loopback.Faults, in injection) {
		f.Trickle = time.Duration(1+in.lot%5) * ms / 2
	})},

	{"Redis kill -9", laneRedis, 0, 1500 * ms, "standalone", killRedis},
	{"Redis restart", laneRedis, 0, 500 * ms, "standalone", restartRedis},
	{"Redis SIGSTOP", laneRedis, 100 * ms, 2000 * ms, "", onMaster(func(_ context.Context, r *redisServer, in injection) error {
		r.pause()
		<-time.After(in.length)
		r.resume()
		return nil
	})},
	{"master kill -9", laneRedis, 500 * ms, 5000 * ms, "sentinel", killRedis},
	{"failover", laneRedis, 1000 * ms, 1000 * ms, "sentinel", failover},

	{"out of memory", laneState, 200 * ms, 2000 * ms, "", onMaster(func(ctx context.Context, r *redisServer, in injection) error {
		return state(ctx, r, in, []any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"})
	})},
	{"read-only replica", laneState, 200 * ms, 2000 * ms, "standalone", onMaster(func(ctx context.Context, r *redisServer, in injection) error {
		// Of a master that is not there: it loses nothing.
		return state(ctx, r, in, []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"})
	})},
	{"CLIENT PAUSE", laneState, 100 * ms, 1500 * ms, "", onMaster(func(ctx context.Context, r *redisServer, in injection) error {
		what := []string{"WRITE", "ALL"}[in.lot%2]
		return state(ctx, r, in, []any{"CLIENT", "PAUSE", in.length.Milliseconds(), what}, nil)
	})},
	{"busy script", laneState, busyAfter + 100*ms, 1500 * ms, "", onMaster(busy)},

	{"SCRIPT FLUSH", laneInstant, 0, 0, "", onMaster(func(ctx context.Context, r *redisServer, _ injection) error {
		return r.admin.Do(ctx, "SCRIPT", "FLUSH").Err()
	})},
	{"CLIENT KILL", laneInstant, 0, 0, "", onMaster(func(ctx context.Context, r *redisServer, _ injection) error {
		return r.admin.Do(ctx, "CLIENT", "KILL", "TYPE", "normal").Err()
	})},
	{"clock jump", laneInstant, 0, 0, "standalone", jumpClock},

	{"proxy SIGSTOP", laneProxy, deadAfter + 500*ms, deadAfter + 2500*ms, "", stopProxy},
	{"proxy kill -9", laneProxy, 0, deadAfter + 2000*ms, "", killProxy},
	{"proxy SIGTERM", laneProxy, 0, 1000 * ms, "", terminateProxy},
}

func onLink(do func(*loopback.Link, injection)) func(context.Context, *torture, injection) error {
	return func(_ context.Context, t *torture, in injection) error {
		do(t.field.proxies[in.target].link, in)
		return nil
	}
}

// misbehaving is a link that behaves otherwise for a while and is cut then.
func misbehaving(change func(*loopback.Faults, injection)) func(context.Context, *torture, injection) error {
	return onLink(func(l *loopback.Link, in injection) {
		l.Set(func(f *loopback.Faults) { change(f, in) })
		<-time.After(in.length)
		l.Set(func(f *loopback.Faults) { *f = loopback.Faults{} })
		if in.lot%2 == 0 {
			l.Cut()
		}
	})
}

func onMaster(do func(context.Context, *redisServer, injection) error) func(context.Context, *torture, injection) error {
	return func(ctx context.Context, t *torture, in injection) error {
		r, err := t.field.master(ctx)
		if err != nil {
			return err
		}
		return do(ctx, r, in)
	}
}

// state changes what a Redis is ready to do for a while.
func state(ctx context.Context, r *redisServer, in injection, on, off []any) error {
	if err := r.admin.Do(ctx, on...).Err(); err != nil {
		return err
	}
	<-time.After(in.length)
	if off == nil {
		return nil
	}
	return r.do(ctx, off...)
}

// busy runs a script that does not end until it is killed.
func busy(ctx context.Context, r *redisServer, in injection) error {
	conn, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "*3\r\n$4\r\nEVAL\r\n$18\r\nwhile true do end \r\n$1\r\n0\r\n"); err != nil {
		return err
	}
	<-time.After(in.length)
	return poll(ctx, 5*time.Second, func() error {
		err := r.admin.Do(ctx, "SCRIPT", "KILL").Err()
		if err != nil && err.Error() == "NOTBUSY No scripts in execution right now." {
			return nil
		}
		return err
	})
}

func killRedis(ctx context.Context, t *torture, in injection) error {
	r, err := t.field.master(ctx)
	if err != nil {
		return err
	}
	r.resume()
	r.kill()
	<-time.After(in.length)
	return r.start(ctx)
}

func restartRedis(ctx context.Context, t *torture, in injection) error {
	r := t.field.redis[0]
	r.terminate()
	if r.wait(3*time.Second) != 0 {
		r.kill() // it was busy, and would not have ended
	}
	<-time.After(in.length)
	return r.start(ctx)
}

func failover(ctx context.Context, t *torture, _ injection) error {
	return t.field.sentinels[0].admin.Do(ctx, "SENTINEL", "FAILOVER", masterName).Err()
}

// jumpClock sets the clock of Redis forth, by up to a minute, or back.
func jumpClock(_ context.Context, t *torture, in injection) error {
	if t.field.clock == nil {
		return t.field.noClock
	}
	by := time.Duration(in.lot*60) * ms
	if in.lot%3 == 0 {
		by = -time.Duration(in.lot*3) * ms
	}
	return t.field.clock.jump(by)
}
