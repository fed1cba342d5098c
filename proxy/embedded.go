package proxy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
)

// Embedded is a Redis in this process's memory, for trying the proxy out and
// for tests. Nothing of it survives the process. It listens on no address:
// only holders of RedisOptions reach it. Keys expire in real time, and what it
// lacks of what clients send when they connect is answered by a small table.
//
// Safe for concurrent use.
type Embedded struct {
	mini *miniredis.Miniredis
	srv  *server.Server
	log  *slog.Logger

	// Fixed after NewEmbedded.
	table   []tableEntry        // its own COMMAND table
	forward func(time.Duration) // lets the keys' time pass

	links sync.Map       // of *link: the connections' ends at miniredis
	wg    sync.WaitGroup // their goroutines

	mu     sync.Mutex // guards the following fields
	last   time.Time  // up to when time has passed for the keys
	next   time.Time  // when it passes again
	inside map[*server.Peer]bool
	ids    map[*server.Peer]int
	lastID int
	closed bool
}

// NewEmbedded starts an embedded Redis. logger may be nil.
func NewEmbedded(logger *slog.Logger) (*Embedded, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	e := &Embedded{
		mini:   miniredis.NewMiniRedis(),
		log:    logger,
		last:   time.Now(),
		inside: make(map[*server.Peer]bool),
		ids:    make(map[*server.Peer]int),
	}
	// Its first connection starts it without a listener.
	first, err := e.mini.Dial()
	if err != nil {
		return nil, fmt.Errorf("proxy: start the embedded Redis: %w", err)
	}
	first.Close()
	e.srv = e.mini.Server()
	e.table = e.readTable()
	e.forward = e.mini.FastForward
	e.srv.SetPreHook(e.before)
	return e, nil
}

// RedisOptions reach the embedded Redis, for an engine and for private connections.
func (e *Embedded) RedisOptions() *redis.Options {
	return &redis.Options{
		Addr:            "embedded",
		Dialer:          e.dial,
		DisableIdentity: true,
	}
}

// Close stops it, cuts its connections and waits for them.
func (e *Embedded) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.mini.Close()
	// Those that still send what miniredis has written. Once cut they start no
	// goroutine any more, so that none is missed.
	e.links.Range(func(l, _ any) bool {
		l.(*link).cut()
		return true
	})
	e.wg.Wait()
}

// dial makes a connection to it.
func (e *Embedded) dial(context.Context, string, string) (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, net.ErrClosed
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("proxy: connect to the embedded Redis: %w", err)
	}
	l := newLink(theirs, &e.wg, func(l *link) { e.links.Delete(l) })
	e.links.Store(l, nil)
	e.srv.ServeConn(l)
	return ours, nil
}

// before runs before every command: it lets time pass, answers what miniredis
// lacks, refuses what would exhaust it, and otherwise runs the command itself,
// so that a panic is one command's error, or the end of the connection if part
// of a reply is written. It reports true: the command is done.
func (e *Embedded) before(c *server.Peer, cmd string, args ...string) (done bool) {
	if !e.enter(c) {
		return false // the command that it runs itself
	}
	defer e.leave(c)
	defer func() {
		if p := recover(); p != nil {
			stack := debug.Stack()
			e.log.Error("panic in the embedded Redis", "panic", p, "command", cmd, "stack", string(stack))
			e.unlock(stack)
			done = true
			if cmd == "EXEC" && bytes.Contains(stack, []byte(".cmdExec(")) {
				c.Close() // it has announced more replies than will come
				return
			}
			c.WriteError("ERR distkit: the embedded Redis failed to execute this command")
		}
	}()
	e.pass(time.Now())
	if text := tooMuch(cmd, args); text != "" {
		c.WriteError(text)
		return true
	}
	if answer := compat[cmd]; answer != nil && answer(e, c, args) {
		return true
	}
	e.srv.Dispatch(c, append([]string{cmd}, args...))
	return true
}

// enter reports whether the connection is not inside a command already.
func (e *Embedded) enter(c *server.Peer) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inside[c] {
		return false
	}
	e.inside[c] = true
	return true
}

func (e *Embedded) leave(c *server.Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.inside, c)
}

// pass lets the keys' time go on to now. It costs a walk over all keys, so it
// is done at most a twentieth of the time.
func (e *Embedded) pass(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	// A script holds miniredis' lock and its commands come by here too: they
	// must not wait for it, nor may anyone who holds e.mu.
	if now.Before(e.next) || !e.mini.TryLock() {
		return
	}
	e.mini.Unlock()
	elapsed := now.Sub(e.last)
	e.last, e.next = now, now.Add(time.Hour) // nobody else meanwhile
	e.mu.Unlock()
	defer func() { // after a panic too
		e.mu.Lock()
		e.next = now.Add(max(time.Millisecond, 20*time.Since(now)))
	}()
	e.forward(elapsed)
}

// unlock gives miniredis' lock back if the command that panicked held it: only
// withTx leaves it locked, and within a script it is the script's.
func (e *Embedded) unlock(stack []byte) {
	if bytes.Contains(stack, []byte("miniredis/v2.withTx(")) && !bytes.Contains(stack, []byte("gopher-lua")) {
		e.mini.Unlock()
	}
}
