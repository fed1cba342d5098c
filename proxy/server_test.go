package proxy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a server without an engine")
	}
	if _, err := New(Options{Engine: testEngine(t)}); err == nil {
		t.Error("a server without Redis")
	}
}

// Inputs that once killed the process or made it spin.
func TestKillerInputsHarmOnlyTheirSender(t *testing.T) {
	r := newRig(t, nil)
	healthy := r.client()
	trickle := append([]byte("*1\r\n$200000\r\n"), bytes.Repeat([]byte("x"), 100_000)...)
	many := appendCommand(nil, strings.Split(strings.Repeat("DKC.GET ", 160_000), " ")...)
	for _, in := range [][]byte{
		[]byte("*1\r\n$9223372036854775807\r\n"), []byte("*1000000000\r\n"), []byte("*2147483647\r\n"), []byte("*-2147483648\r\n"),
		[]byte("*1\r\n$0\r\n\r\n"), []byte("*1048576\r\n"), []byte("*1\r\n$536870912\r\n"), bytes.Repeat([]byte("x"), 1<<20),
		bytes.Repeat([]byte("*1\r\n$0\r\n"), 1000), bytes.Repeat([]byte("\r\n"), 1000), many, []byte("\x00\xff\x00\n"), trickle,
	} {
		c := r.client()
		for step := min(len(in), 700); len(in) > 0; in = in[min(step, len(in)):] {
			if _, err := c.Conn.Write(in[:min(step, len(in))]); err != nil {
				break // refused already
			}
		}
		healthy.send("DKC.GET k")
		healthy.expect(":0")
		c.Close()
	}
	if n := r.srv.metrics.panics.Load(); n != 0 {
		t.Errorf("%d panics", n)
	}
}

func TestMaxClients(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxClients = 2 })
	a, b := r.client(), r.client()
	for _, c := range []*wire{a, b} {
		c.send("DKC.GET k")
		c.expect(":0")
	}
	c := r.client()
	c.expect("-ERR max number of clients reached")
	c.ends()
	a.Close()
	eventually(t, "a place is free again", func() bool { return r.srv.metrics.clients.Load() == 1 })
	c = r.client()
	c.send("DKC.GET k")
	c.expect(":0")
}

func TestMaxSockets(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxSockets = 3 })
	a, b := r.client(), r.client()
	a.send("GET x")
	up := r.redis.accept()
	up.gets("GET x")
	up.send("+1")
	a.expect("+1")
	// No socket is left: what needs no other is served, the rest refused.
	b.send("DKC.GET k", "GET x")
	b.expect(":0", "-LOADING distkit: Redis cannot be reached")
	c := r.client()
	c.expect("-ERR max number of clients reached")
	c.ends()
	a.send("GET y")
	up.gets("GET y")
	up.send("+2")
	a.expect("+2")
	a.Close()
	eventually(t, "sockets are free again", func() bool {
		return r.srv.metrics.clients.Load()+r.srv.metrics.upstreams.Load() == 1
	})
	b.send("GET z")
	up = r.redis.accept()
	up.gets("GET z")
	up.send("+3")
	b.expect("+3")
}

func TestIdleTimeout(t *testing.T) {
	r := newRig(t, func(o *Options) { o.IdleTimeout = 30 * time.Millisecond })
	c := r.client()
	subscriber := r.client()
	subscriber.send("SUBSCRIBE a")
	up := r.redis.accept()
	up.gets("SUBSCRIBE a")
	c.ends()
	up.send("+still here")
	subscriber.expect("+still here")
}

// failingListener fails like a process without file descriptors.
type failingListener struct {
	net.Listener
	fail  atomic.Int32
	calls atomic.Int32
}

func (l *failingListener) Accept() (net.Conn, error) {
	l.calls.Add(1)
	if l.fail.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptPausesOnErrors(t *testing.T) {
	r := newRig(t, nil)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := &failingListener{Listener: inner}
	ln.fail.Store(4)
	begin := time.Now()
	go r.srv.Serve(ln)
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newWire(t, conn)
	c.send("DKC.GET k")
	c.expect(":0")
	if took, want := time.Since(begin), (5+10+20+40)*time.Millisecond; took < want {
		t.Errorf("four failures took %v, want pauses of %v together", took, want)
	}
	if n := ln.calls.Load(); n > 6 {
		t.Errorf("%d accepts", n)
	}
}

func TestShutdown(t *testing.T) {
	fake := newFakeRedis(t)
	var logged bytes.Buffer
	srv, err := New(Options{Engine: testEngine(t), Redis: &redis.Options{Addr: fake.addr()}, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv.demand.never, srv.acl = true, nil
	served := make(chan error, 2)
	var addrs []net.Addr
	for range 2 { // as many listeners as one likes
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, ln.Addr())
		go func() { served <- srv.Serve(ln) }()
	}
	r := &rig{t: t, srv: srv, redis: fake, addr: addrs[0].String()}
	idle, subscriber := r.client(), r.client()
	r.addr = addrs[1].String()
	busy, blocked := r.client(), r.client()
	idle.send("DKC.GET k")
	idle.expect(":0")
	busy.send("GET a")
	busyUp := fake.accept()
	busyUp.gets("GET a")
	blocked.send("BLPOP l 0")
	blockedUp := fake.accept()
	blockedUp.gets("BLPOP l 0")
	subscriber.send("SUBSCRIBE s")
	subscriberUp := fake.accept()
	subscriberUp.gets("SUBSCRIBE s")

	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begin := time.Now()
	go func() { done <- srv.Shutdown(ctx) }()
	idle.ends()
	subscriberUp.ends() // Redis sees the end, and closes
	subscriberUp.Close()
	subscriber.ends()
	busyUp.send("+a") // what has been read is answered
	busy.expect("+a")
	busy.ends()
	blocked.ends() // but nobody waits for ever
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if took := time.Since(begin); took > 3*drainGrace {
		t.Errorf("took %v", took)
	}
	for range 2 {
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	}
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("again: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(ln); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if n := srv.metrics.upstreams.Load(); n != 0 {
		t.Errorf("%d private connections left", n)
	}
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("BLPOP l 0")
	r.redis.accept().gets("BLPOP l 0")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.srv.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	c.ends()
}
