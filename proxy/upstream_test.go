package proxy

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestDialerReachesUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, network := range []string{"", "unix"} {
		conn, err := dialRedis(context.Background(), &redis.Options{Network: network, Addr: path})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

func TestDialerRemembersFailureForAMoment(t *testing.T) {
	fake := newFakeRedis(t)
	fake.ln.Close()
	var m metrics
	var bufs bufferPool
	d := dialer{opts: &redis.Options{Addr: fake.addr()}, bufs: &bufs, m: &m, heard: func() {}}
	_, first := d.dial(context.Background())
	if first == nil {
		t.Fatal("reached nothing")
	}
	if err := d.recentFailure(time.Now()); err != first {
		t.Errorf("right after it: %v, want %v", err, first)
	}
	if err := d.recentFailure(time.Now().Add(dialPause)); err != nil {
		t.Errorf("after the pause: %v", err)
	}
	if m.upstreams.Load() != 0 || m.upstreamsOpened.Load() != 0 {
		t.Error("a failure is counted as a connection")
	}
}

func TestUpstreamWritesCommandsInOrderAndUnchanged(t *testing.T) {
	fake := newFakeRedis(t)
	var m metrics
	var bufs bufferPool
	d := dialer{opts: &redis.Options{Addr: fake.addr()}, bufs: &bufs, m: &m, heard: func() {}}
	up, err := d.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer up.close()
	redisSide := fake.accept()
	var raws [][]byte
	for _, n := range []int{1, 30_000, 30_000, 10, 60_000, 200_000, 5} {
		raws = append(raws, appendCommand(nil, "ECHO", strings.Repeat("x", n)))
	}
	written := make(chan error, 1)
	go func() { written <- up.write(raws) }()
	for _, raw := range raws {
		redisSide.expect(strings.TrimSuffix(string(raw), "\r\n"))
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if !up.alive() {
		t.Error("alive, but seems gone")
	}
	redisSide.Close()
	eventually(t, "the end of an idle connection shows", func() bool { return !up.alive() })
}
