package proxy

import (
	"net"
	"testing"
)

// The end of a stream behind unread bytes shows on Linux only, so these tests
// are for Linux only.

func TestPeek(t *testing.T) {
	for name, pair := range map[string]func(*testing.T) (ours, theirs net.Conn){"tcp": tcpPair, "unix": unixPair} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := pair(t)
			if got := peek(ours); got != peerQuiet {
				t.Errorf("nothing sent: %d", got)
			}
			if _, err := theirs.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "bytes show", func() bool { return peek(ours) == peerSent })
			theirs.Close()
			eventually(t, "the end shows behind bytes", func() bool { return peek(ours) == peerGone })
			ours.Close()
			if got := peek(ours); got != peerGone {
				t.Errorf("closed here: %d", got)
			}
		})
	}
}

func TestBlockedClientThatLeavesWithUnreadBytes(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("BLPOP q 0")
	up := r.redis.accept()
	up.gets("BLPOP q 0")
	c.send("PING")
	c.Close()
	up.ends()
	eventually(t, "the slot is free", func() bool { return r.srv.metrics.clients.Load() == 0 })
}

func unixPair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func tcpPair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	fake := newFakeRedis(t)
	ours, err := net.Dial("tcp", fake.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return ours, fake.accept().Conn
}
