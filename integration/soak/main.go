// Soak drives a proxy with everything it can do, for long, and fails if
// anything has grown or any count is off at the end.
//
//	go run ./integration/soak [-duration 1h] [-seed n]
//
// It builds the proxy, starts it and a redis-server of its own on free ports of
// 127.0.0.1, and drives them at a moderate rate: all families, ordinary
// commands, clients that misbehave, and a Redis that is restarted, loses its
// scripts and kills connections. It measures the proxy at rest after a short
// run and again after the long one. It needs redis-server and go on the PATH,
// and Linux.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	duration := flag.Duration("duration", time.Hour, "how long the load lasts, rest and warm-up not counted")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of all that is random")
	flag.Parse()
	redis.SetLogger(silent{}) // that connections are lost is what this is about
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := soak(ctx, *duration, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// silent is a go-redis logger that drops everything.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
