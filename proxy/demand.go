package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// demand is what Redis asks of a new connection before it serves it.
type demand uint8

const (
	demandUnknown demand = iota // Redis has not been asked with success yet
	demandNothing               // its default user is on and has no password
	demandAuth                  // AUTH first
)

// How long an answer of Redis counts for all sessions, as does a failure to get
// one, and how long Redis may take for it.
const (
	demandAge  = time.Second
	demandTime = time.Second
)

// maxAnswer is more than the longest reply to the question that matters.
const maxAnswer = 512

// authDemand knows whether Redis demands authentication. Redis decides that when
// a connection is made, so it is asked on a connection of its own that brings no
// credentials: not when a client connects, but when one does what depends on it,
// and once for all who wait. While Redis cannot be asked its last answer stands.
//
// Safe for concurrent use.
type authDemand struct {
	// Fixed after New.
	opts  *redis.Options
	age   time.Duration   // how long an answer counts
	never bool            // Redis is the embedded one: it demands nothing
	ctx   context.Context // ends the question under way
	run   func(func())    // in a goroutine that is waited for

	mu     sync.Mutex // guards the following fields
	last   demand
	fresh  bool          // the last question was answered
	asked  time.Time     // … and when it ended
	asking chan struct{} // closed when the question under way has ended; nil: none
}

// recent returns the last answer, and whether it came from Redis just now. It
// reports false for ok when it is time to ask again.
func (d *authDemand) recent() (last demand, fresh, ok bool) {
	if d.never {
		return demandNothing, true, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last, d.fresh, !d.asked.IsZero() && time.Since(d.asked) < d.age
}

// ask asks Redis, or waits for who does, and returns what recent returns then.
// It waits no longer than ctx, nor much longer than demandTime.
func (d *authDemand) ask(ctx context.Context) (last demand, fresh bool) {
	select {
	case <-d.begin():
	case <-ctx.Done():
	}
	last, fresh, _ = d.recent()
	return last, fresh
}

// begin asks Redis unless that is under way. The channel tells the end.
func (d *authDemand) begin() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking == nil {
		asking := make(chan struct{})
		d.asking = asking
		d.run(func() { d.settle(asking) })
	}
	return d.asking
}

// failed reports whether Redis could not be asked the last time.
func (d *authDemand) failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.fresh && !d.asked.IsZero()
}

// settle asks Redis and takes note of the answer.
func (d *authDemand) settle(asking chan struct{}) {
	ctx, cancel := context.WithTimeout(d.ctx, demandTime)
	defer cancel()
	answer := askDemand(ctx, d.opts)
	d.mu.Lock()
	if d.fresh = answer != demandUnknown; d.fresh {
		d.last = answer
	}
	d.asked, d.asking = time.Now(), nil
	d.mu.Unlock()
	close(asking)
}

// ErrNoRedis is returned where Redis cannot be asked.
var ErrNoRedis = errors.New("proxy: Redis cannot be asked")

// DemandsAuth reports whether Redis serves only clients that authenticate. It
// waits for Redis for a second at most, and returns ErrNoRedis without an answer.
func DemandsAuth(ctx context.Context, opts *redis.Options) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, demandTime)
	defer cancel()
	answer := askDemand(ctx, opts)
	if answer == demandUnknown {
		return false, ErrNoRedis
	}
	return answer == demandAuth, nil
}

// askDemand asks Redis whether a stranger may send PING.
func askDemand(ctx context.Context, opts *redis.Options) demand {
	conn, err := dialRedis(ctx, opts)
	if err != nil {
		return demandUnknown
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(probe); err != nil {
		return demandUnknown
	}
	line, err := bufio.NewReaderSize(conn, maxAnswer).ReadSlice('\n')
	if err != nil {
		return demandUnknown
	}
	return readDemand(line)
}

// readDemand judges Redis' reply to a stranger's PING. A user without a password
// who may not even PING is one that demands nothing; what says only that Redis
// is busy or full says nothing of this.
func readDemand(reply []byte) demand {
	switch {
	case bytes.HasPrefix(reply, []byte("-NOAUTH")):
		return demandAuth
	case bytes.HasPrefix(reply, []byte("+PONG")), bytes.HasPrefix(reply, []byte("-NOPERM")):
		return demandNothing
	}
	return demandUnknown
}
