package proxy

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// answersDemand is the Redis of the test when it is asked what it demands.
func (r *rig) answersDemand(reply string) {
	r.t.Helper()
	up := r.redis.accept()
	up.gets("PING")
	up.send(reply)
	up.ends()
}

// expire makes the last answer too old.
func (d *authDemand) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = time.Time{}
}

// grow makes it too old without forgetting that it was tried.
func (d *authDemand) grow() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = d.asked.Add(-2 * d.age)
}

const (
	noAuth  = "-NOAUTH Authentication required."
	loading = "-LOADING distkit: Redis cannot be reached"
)

func TestReadDemand(t *testing.T) {
	for reply, want := range map[string]demand{
		"+PONG\r\n": demandNothing,
		"-NOPERM this user has no permissions to run the 'ping' command\r\n": demandNothing,
		noAuth + "\r\n": demandAuth,
		"-LOADING Redis is loading the dataset in memory\r\n":                       demandUnknown,
		"-ERR max number of clients reached\r\n":                                    demandUnknown,
		"-DENIED Redis is running in protected mode because protected mode is on\n": demandUnknown,
		"HTTP/1.1 400 Bad Request\r\n":                                              demandUnknown,
	} {
		if got := readDemand([]byte(reply)); got != want {
			t.Errorf("%q: %v, want %v", reply, got, want)
		}
	}
}

func TestDemandIsAskedOnceForAll(t *testing.T) {
	r := newAuthRig(t)
	r.client().silent() // a client that says nothing costs nothing
	var clients []*wire
	for range 20 {
		c := r.client()
		c.send("DKC.INC k 0", "DKC.GET k")
		clients = append(clients, c)
	}
	r.answersDemand("+PONG")
	for _, c := range clients {
		c.expect(":0", ":0")
	}
	r.srv.demand.expire()
	for _, c := range clients { // they keep what they have
		c.send("DKC.GET k")
		c.expect(":0")
	}
	if up := r.redis.tryAccept(); up != nil {
		t.Error("asked again")
	}
}

// What a stranger may not have, while Redis demands AUTH.
func TestStrangerIsRefusedOurs(t *testing.T) {
	r := newAuthRig(t)
	c := r.client()
	c.send("DKC.INC k", "dks.set k 1", "DK.MGET a b", "DKC.SCAN 0", "INFO distkit", "COMMAND GETKEYS DKC.GET k", "DKC.INC", "SUBSCRIBE s", "DKC.FLUSH")
	r.answersDemand(noAuth)
	c.expect(noAuth, noAuth, noAuth, noAuth, noAuth, noAuth, "-ERR wrong number of arguments for 'dkc.inc' command", noAuth, noAuth)

	c.send("AUTH no", "DKC.INC k", "AUTH yes", "DKC.INC k", "RESET", "DKC.INC k", "HELLO 2 AUTH u yes", "DKC.INC k", "RESET", "HELLO 2 SETNAME auth", "DKC.INC k")
	up := r.redis.accept()
	for _, step := range [][2]string{
		{"AUTH no", "-WRONGPASS no"}, {"AUTH yes", "+OK"}, {"RESET", "+RESET"}, {"HELLO 2 AUTH u yes", "*0"}, {"RESET", "+RESET"}, {"HELLO 2 SETNAME auth", "*0"},
	} {
		up.gets(step[0])
		up.send(step[1])
	}
	c.expect("-WRONGPASS no", noAuth, "+OK", ":1", "+RESET", noAuth, "*0", ":2", "+RESET", "*0", noAuth)
}

// An AUTH that Redis could not confirm opens nothing; one that it did lasts.
func TestStandingWhileRedisIsAway(t *testing.T) {
	r := newAuthRig(t)
	known := r.client()
	known.send("DKC.INC k", "AUTH yes", "DKC.INC k")
	up := r.redis.accept()
	up.gets("AUTH yes")
	r.answersDemand(noAuth)
	up.send("+OK")
	known.expect(noAuth, "+OK", ":1")
	up.Close()
	r.redis.ln.Close()
	r.srv.demand.expire()

	known.send("DKC.INC k", "AUTH other", "DKC.INC k", "CLIENT SETNAME n", "RESET", "DKC.INC k")
	known.expect(":2", loading, ":3", "+OK", loading, ":4")
	late := r.client()
	late.send("AUTH yes", "DKC.INC k", "HELLO 3 AUTH u yes", "DKC.INC k", "HELLO 2", "CLIENT SETNAME n", "GET a", "INFO distkit")
	late.expect(loading, noAuth, loading, noAuth, strings.TrimSpace(errNoAuthHello), noAuth, loading, noAuth)
	big := r.client()
	big.raw("*11\r\n")
	big.expect("-ERR Protocol error: unauthenticated multibulk length")
	big.ends()
}

// A Redis that demanded nothing when it was last asked is not asked for more.
func TestStandingWithAnOldAnswer(t *testing.T) {
	r := newAuthRig(t)
	c := r.client()
	c.send("DKC.INC k")
	r.answersDemand("+PONG")
	c.expect(":1")
	ln := r.redis.ln
	r.srv.demand.expire()
	late := r.client()
	late.send("DKC.INC k")
	up := r.redis.accept()
	up.gets("PING")
	up.Close()
	late.expect(":2")
	r.srv.demand.expire()
	late.send("DKC.INC k", "DKC.INC k") // Redis has a password now
	r.answersDemand(noAuth)
	late.expect(noAuth, noAuth)
	c.send("DKC.INC k") // Redis goes on serving those, too
	c.expect(":3")
	ln.Close()
}

// As long as nothing is known nobody is served.
func TestStandingWhenRedisWasNeverThere(t *testing.T) {
	r := newAuthRig(t)
	r.redis.ln.Close()
	c := r.client()
	c.send("DKC.INC k", "HELLO 2 AUTH u p", "DKC.GET k", "INFO distkit", "DKC.INC")
	c.expect(loading, loading, loading, loading, "-ERR wrong number of arguments for 'dkc.inc' command")
	// Nor is anybody closed for what is too big for a stranger alone.
	c.raw(string(appendCommand(nil, append([]string{"DKC.MGET"}, strings.Fields(strings.Repeat("k ", 20))...)...)))
	c.expect(loading)
	c.raw("*2\r\n$3\r\nGET\r\n$16385\r\n" + strings.Repeat("k", 16385) + "\r\n")
	c.expect(loading)
}

// A Redis that did not answer the last time is asked again while clients are
// served by what it said before.
func TestNobodyWaitsForASilentRedisTwice(t *testing.T) {
	r := newAuthRig(t)
	c := r.client()
	c.send("DKC.INC k")
	r.answersDemand("+PONG")
	c.expect(":1")
	r.srv.demand.expire()
	late := r.client()
	late.send("DKC.INC k")
	up := r.redis.accept()
	up.gets("PING")
	up.Close()
	late.expect(":2")
	r.srv.demand.grow()
	late.send("DKC.INC k")
	up = r.redis.accept()
	up.gets("PING")
	late.expect(":3") // … while Redis thinks
	up.send(noAuth)
	eventually(t, "the answer is known", func() bool { last, fresh, _ := r.srv.demand.recent(); return fresh && last == demandAuth })
	late.send("DKC.INC k")
	late.expect(noAuth)
}

// A big command in the same write as the AUTH before it is allowed if that is
// accepted, as Redis looks at one command after the other.
func TestBigCommandBehindAuth(t *testing.T) {
	big := string(appendCommand(nil, "SET", "k", strings.Repeat("x", 20_000)))
	for name, tc := range map[string]struct{ sent, redis, want []string }{
		"accepted": {[]string{"AUTH yes"}, []string{"+OK"}, []string{"+OK", "+SET"}},
		"refused":  {[]string{"AUTH no"}, []string{"-WRONGPASS"}, []string{"-WRONGPASS", "-ERR Protocol error: unauthenticated bulk length"}},
		"reset":    {[]string{"AUTH yes", "reset"}, []string{"+OK", "+RESET"}, []string{"+OK", "+RESET", "-ERR Protocol error: unauthenticated bulk length"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newAuthRig(t)
			c := r.client()
			c.raw(strings.Join(tc.sent, "\r\n") + "\r\n" + big + "PING\r\n")
			up := r.redis.accept()
			for i := range tc.sent {
				up.gets(tc.sent[i])
				up.send(tc.redis[i])
			}
			if last := tc.want[len(tc.want)-1]; last == "+SET" {
				up.expect(strings.TrimSuffix(big, "\r\n"))
				up.gets("PING")
				up.send("+SET", "+PONG")
				c.expect(append(tc.want, "+PONG")...)
				return
			}
			r.answersDemand(noAuth)
			c.expect(tc.want...)
			c.ends()
		})
	}
}

// Redis that takes the connection and says nothing holds nobody up for long,
// and Shutdown not at all.
func TestDemandOfASilentRedis(t *testing.T) {
	r := newAuthRig(t)
	c := r.client()
	c.send("DKC.INC k")
	up := r.redis.accept()
	up.gets("PING")
	c.expect(loading)
	up.ends()
	r.srv.demand.expire()
	c.send("DKC.INC k")
	up = r.redis.accept()
	up.gets("PING")
	r.srv.cancel()
	up.ends()
	c.expect(loading)
}

func TestResetIsSeen(t *testing.T) {
	for line, want := range map[string]bool{"RESET": true, "ReSeT": true, "RESET x": false, "RESETS": false, "AUTH": false} {
		if got := resetsAuth(bytes.Fields([]byte(line))); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// Many who ask at once, and answers that expire under them, for the race detector.
func TestDemandConcurrently(t *testing.T) {
	r := newAuthRig(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if up := r.redis.tryAccept(); up != nil {
				_, _ = up.Write([]byte("+PONG\r\n"))
				up.Close()
			}
		}
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if last, _ := r.srv.demand.ask(t.Context()); last != demandNothing {
					t.Errorf("%v", last)
				}
				r.srv.demand.expire()
			}
		})
	}
	all.Wait()
}
