package engine

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// ears are what connections to a Redis read with: covered, what the engine
// writes is not taken, and the write waits.
type ears struct {
	addr string

	mu      sync.Mutex // guards the following field
	covered chan struct{}
}

func (e *ears) cover() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.covered = make(chan struct{})
}

func (e *ears) uncover() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.covered != nil {
		close(e.covered)
		e.covered = nil
	}
}

func (e *ears) wait() {
	e.mu.Lock()
	covered := e.covered
	e.mu.Unlock()
	if covered != nil {
		<-covered
	}
}

// dial makes a connection without any buffer, whose requests are taken a few
// bytes at a time.
func (e *ears) dial(context.Context, string, string) (net.Conn, error) {
	up, err := net.Dial("tcp", e.addr)
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	go func() {
		defer up.Close()
		defer far.Close()
		for buf := make([]byte, 16); ; {
			e.wait()
			n, err := far.Read(buf)
			if _, failed := up.Write(buf[:n]); err != nil || failed != nil {
				return
			}
		}
	}()
	go func() {
		defer far.Close()
		_, _ = io.Copy(far, up)
	}()
	return near, nil
}

// A Redis that does not read what it is sent is away like one that does not
// answer: what is in memory is counted on, and nothing is lost or doubled by
// commands of which a part was sent.
func TestRedisThatDoesNotRead(t *testing.T) {
	onFamilies(t, lax, func(t *testing.T, f Family) {
		m := miniredis.RunT(t)
		redisEars := &ears{addr: m.Addr()}
		e, err := New(Options{
			Redis:      &redis.Options{Addr: m.Addr(), Dialer: redisEars.dial},
			InstanceID: "i1", CommandTimeout: 300 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			redisEars.uncover()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			e.Close(ctx)
		})
		want := int64(0)
		adds := func() {
			eventually(t, 10*time.Second, "an increment", func() bool { return operateOrInc(t, e, f, "c", 1).Err == nil })
			want++
		}
		adds()
		flushes(t, e)
		for range 2 {
			failed := e.Stats().Failures
			redisEars.cover()
			eventually(t, 20*time.Second, "writes that wait for their deadline", func() bool {
				adds()
				return e.Stats().Failures >= failed+3
			})
			if e.Stats().RedisUp {
				t.Error("Redis does not read, and is up")
			}
			redisEars.uncover()
			flushes(t, e)
			if got := mustGet(t, e, f, "c"); got.Total != want {
				t.Fatalf("total is %d, want %d", got.Total, want)
			}
		}
	})
}
