// Command distkit-proxy is a Redis-protocol proxy with distkit's distributed
// counters. Try distkit-proxy --help.
package main

import (
	"context"
	"os"

	"github.com/redis/go-redis/v9"
)

func main() {
	// The engine says itself what it meets; go-redis' own lines have another form.
	redis.SetLogger(silent{})
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// silent is a go-redis logger that drops everything.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
