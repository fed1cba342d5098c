package integration

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// feeding makes a server that feeds its replicas at once.
const feeding = "repl-diskless-sync-delay 0"

// startReplica starts a replica of the server at addr and waits until it has
// all of it.
func startReplica(t testing.TB, addr string, conf ...string) *redisServer {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	r := startRedis(t, append([]string{"replicaof " + host + " " + port, feeding}, conf...)...)
	r.inSync()
	return r
}

// inSync waits until the server is a replica that its master feeds.
func (r *redisServer) inSync() {
	r.t.Helper()
	c := client(r.t, r.addr)
	defer c.Close() // some tests look at who is connected
	eventually(r.t, 20*time.Second, func() error {
		text, err := c.Info(context.Background(), "replication").Result()
		if err == nil && !strings.Contains(text, "master_link_status:up\r\n") {
			err = fmt.Errorf("%s is not in sync: %s", r.addr, text)
		}
		return err
	})
}

// follow makes the server a replica by hand.
func (r *redisServer) follow(addr string) {
	r.t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	c := client(r.t, r.addr)
	defer c.Close()
	if err := c.Do(context.Background(), "REPLICAOF", host, port).Err(); err != nil {
		r.t.Fatal(err)
	}
	r.inSync()
}

// promote makes a replica a master by hand.
func (r *redisServer) promote() {
	r.t.Helper()
	if err := client(r.t, r.addr).Do(context.Background(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		r.t.Fatal(err)
	}
}

// What the replica does not have stays pending, is read and counted meanwhile,
// and is not counted twice when the replica is back.
func TestFlushWaitsForAStoppedReplica(t *testing.T) {
	master := startRedis(t, feeding)
	replica := startReplica(t, master.addr)
	p := join(t, master, "DKC.", "me", engine.Options{WaitReplicas: 1, CommandTimeout: 500 * time.Millisecond})
	b := openBooks(t, master, "DKC.")
	p.want([]int64{5}, "INC", "x", 5)
	p.flushed()
	if n := openBooks(t, replica, "DKC.").total("x"); n != 5 {
		t.Fatalf("flushed, and the replica has %d, want 5", n)
	}

	replica.signal(syscall.SIGSTOP)
	defer replica.signal(syscall.SIGCONT)
	p.want([]int64{8}, "INC", "x", 3)
	eventually(t, 10*time.Second, func() error {
		switch s := p.engine.Stats(); {
		case s.ReplicaWaitsFailed < 2, s.OldestPending < 600*time.Millisecond, s.Pending != 1:
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if n := b.total("x"); n != 8 {
		t.Errorf("the master has %d, want 8, once", n)
	}
	p.want([]int64{8}, "GET", "x")
	p.want([]int64{9}, "INC", "x", 1)
	if got := infoLine(t, p, "replicas_lacking"); got != "1" {
		t.Errorf("INFO says replicas_lacking:%s, want 1", got)
	}
	if err := p.c.Do(context.Background(), "DKCS.INC", "y", 1).Err(); err == nil || err.Error() != engine.ErrUnreplicated.Error() {
		t.Errorf("a strict command that no replica has: %v", err)
	}

	replica.signal(syscall.SIGCONT)
	p.flushed()
	if n := b.total("x"); n != 9 {
		t.Errorf("the master has %d, want 9", n)
	}
	if s := p.engine.Stats(); s.Pending != 0 || s.ReplicasLacking {
		t.Errorf("with the replica back: %+v", s)
	}
	if err := p.c.Do(context.Background(), "DKCS.INC", "y", 1).Err(); err != nil {
		t.Errorf("a strict command with the replica back: %v", err)
	}
}

// A replica that was cut off takes over by hand: what the former master had alone
// is sent to it, and what both have is not counted twice.
func TestFailoverByHandLosesNothing(t *testing.T) {
	master := startRedis(t, feeding)
	toMaster := startLink(t, master.addr)
	replica := startReplica(t, toMaster.Addr())
	link := startLink(t, master.addr)
	p := startProxy(t, realBackend(link.Addr()), engine.Options{WaitReplicas: 1, CommandTimeout: 500 * time.Millisecond})
	l := startLedger(t, p.addr)
	l.more(50)

	toMaster.Down()
	failed := p.engine.Stats().ReplicaWaitsFailed
	eventually(t, 10*time.Second, func() error {
		if p.engine.Stats().ReplicaWaitsFailed < failed+4 {
			return errNot
		}
		return nil
	})
	var gap bool
	for _, prefix := range []string{"DK.", "DKC."} {
		gap = gap || openBooks(t, master, prefix).total("n") > openBooks(t, replica, prefix).total("n")
	}
	if !gap {
		t.Error("the master has nothing that the replica lacks")
	}
	link.Down()
	link.Redirect(replica.addr)
	master.kill()
	replica.promote()
	startReplica(t, replica.addr)
	link.Up()
	l.more(50)
	l.check(p, replica.addr)
}

// A master that became a replica, and refuses to write over the connections it
// has, is left: new connections lead to the new master.
func TestDemotedMasterIsLeft(t *testing.T) {
	former := startRedis(t, feeding)
	now := startReplica(t, former.addr)
	p := join(t, former, "DKC.", "me", engine.Options{WaitReplicas: 1})
	p.ints("INC", "x", 5)
	p.flushed()
	p.link.Redirect(now.addr)
	now.promote()
	former.follow(now.addr)
	p.want([]int64{8}, "INC", "x", 3)
	p.flushed()
	if n := openBooks(t, now, "DKC.").total("x"); n != 8 {
		t.Errorf("the new master has %d, want 8", n)
	}
}

// A replica that lags knows neither the last batches nor that it does not: what
// it says of them is not taken for a loss, and the batch on its way stays one.
func TestLaggingReplicaIsNotBelieved(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		master := startRedis(t, feeding)
		toMaster := startLink(t, master.addr)
		replica := startReplica(t, toMaster.Addr())
		p := join(t, master, prefix, "me", engine.Options{DeadAfter: 30 * time.Second, FlushInterval: time.Minute})
		toMaster.Down()
		for range 3 {
			p.ints("INC", "x", 1)
			p.flushed()
		}
		p.ints("INC", "x", 1)
		failures := p.engine.Stats().Failures
		p.link.Redirect(replica.addr)
		p.link.Set(func(f *loopback.Faults) { f.Lose, f.LoseAll = 1, true })
		_ = p.c.Do(context.Background(), "DK.FLUSH") // its reply is late
		p.lost()
		eventually(t, 10*time.Second, func() error {
			if n := p.engine.Stats().Failures; n < failures+3 {
				return fmt.Errorf("%d failures", n-failures)
			}
			return nil
		})
		p.link.Redirect(master.addr)
		p.link.Cut()
		p.flushed()
		if n := openBooks(t, master, prefix).total("x"); n != 4 {
			t.Errorf("the master has %d, want 4", n)
		}
		if n := p.engine.Stats().RecordsLost; n != 0 {
			t.Errorf("%d records counted as lost on the word of a replica", n)
		}
	}, "DK.", "DKC.")
}

// infoLine is a value of our section of INFO.
func infoLine(t testing.TB, p *party, name string) string {
	t.Helper()
	text, err := p.c.Info(context.Background(), "distkit").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "\r\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
