package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis cannot be made to read megabytes at once from each of many connections.
func TestLittleIsInTheAirToRedisNearby(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := dialRedis(context.Background(), &redis.Options{Addr: ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := conn.Write(make([]byte, 32<<20)) // nobody reads
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes written: %v", n, err)
	}
	if n > 1<<20 {
		t.Errorf("%d bytes wait in the system", n)
	}
}
