package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A failover that Sentinel is told to make, under load: every increment that was
// acknowledged is at the new master, once, and ordinary commands go there.
func TestSentinelFailoverUnderLoad(t *testing.T) {
	rig := startSentinels(t, 1)
	former := rig.servers[0]
	p := rig.startWaitingProxy()
	ctx := context.Background()
	ordinary := client(t, p.addr)
	sub := ordinary.Subscribe(ctx, "news") // a session with state
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := ordinary.Set(ctx, "where", former.addr, 0).Err(); err != nil {
		t.Fatal(err)
	}
	l := startLedger(t, p.addr)
	l.more(50)

	rig.failover()
	now := rig.awaitMaster(former)
	awaitWrite(t, ordinary, now, "where")
	// The former master takes writes until Sentinel makes it a replica. That takes
	// it long, so the test does it; but nobody is left there before.
	look := client(t, former.addr)
	eventually(t, 10*time.Second, func() error { return deserted(look) })
	former.follow(now.addr)
	l.more(50)
	l.check(p, now.addr)
	if err := deserted(look); err != nil {
		t.Error(err)
	}
}

// The master dies under load; Sentinel makes another one. When it is back it is a
// replica, and nothing goes there.
func TestSentinelFailoverFromADeadMaster(t *testing.T) {
	rig := startSentinels(t, 2)
	former := rig.servers[0]
	p := rig.startWaitingProxy()
	ordinary := client(t, p.addr)
	l := startLedger(t, p.addr)
	l.more(50)

	former.kill()
	now := rig.awaitMaster(former)
	awaitWrite(t, ordinary, now, "where")
	l.more(50)

	// It is back as a master, for as long as Sentinel takes to notice, and then as
	// a replica.
	former.start()
	look := client(t, former.addr)
	l.more(50)
	if err := deserted(look); err != nil {
		t.Error(err)
	}
	n, err := look.DBSize(context.Background()).Result()
	role, err2 := look.Do(context.Background(), "ROLE").Slice()
	if err != nil || err2 != nil || role[0] == "master" && n != 0 {
		t.Errorf("%d keys at the former master, role %v; %v, %v", n, role, err, err2)
	}
	former.follow(now.addr)
	l.more(50)
	if err := deserted(look); err != nil {
		t.Error(err)
	}
	l.check(p, now.addr)
}

// awaitWrite writes a key through the proxy until a server has it.
func awaitWrite(t testing.TB, through *redis.Client, s *redisServer, key string) {
	t.Helper()
	c := client(t, s.addr)
	eventually(t, 20*time.Second, func() error {
		if err := through.Set(context.Background(), key, s.addr, 0).Err(); err != nil {
			return err
		}
		got, err := c.Get(context.Background(), key).Result()
		if err == nil && got != s.addr {
			err = fmt.Errorf("%s has %q", s.addr, got)
		}
		return err
	})
}
