package proxy

import "testing"

// Redis has closed its side before the client sees that QUIT is done.
func TestQuitIsRedisFirst(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET k", "DKC.INC k", "QUIT", "GET none")
	up := r.redis.accept()
	up.gets("GET k")
	up.send("$-1")
	c.expect("$-1", ":1")
	up.gets("QUIT")
	up.send("+OK")
	c.silent()
	up.Close()
	c.expect("+OK")
	c.ends()
}

// A Redis that says nothing keeps nobody from leaving.
func TestQuitDoesNotWaitForASilentRedis(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("GET k")
	up := r.redis.accept()
	up.gets("GET k")
	up.send("$-1")
	c.expect("$-1")
	c.send("QUIT")
	c.expect("+OK")
	c.ends()
	up.gets("QUIT")
	up.ends()
}
