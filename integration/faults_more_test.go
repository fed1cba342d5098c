package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// moreFaults are those of Redis itself, as it is found in production.
var moreFaults = []fault{
	{name: "half replies", happens: func(f *faultEnv) {
		for range 10 {
			f.p.link.Set(func(f *loopback.Faults) { f.Halve = 2 })
			eventually(f.t, 10*time.Second, func() error {
				if f.p.link.Halving() > 0 {
					return errors.New("no reply to cut")
				}
				return nil
			})
		}
	}},
	{name: "requests held back", happens: func(f *faultEnv) { // Redis carries them out long after they were given up
		for range 3 {
			f.p.link.Set(func(f *loopback.Faults) { f.Stall = make(chan struct{}) })
			f.failures(2)
			f.cold()
			f.p.link.Set(func(f *loopback.Faults) { close(f.Stall); f.Stall = nil })
			f.recovered()
		}
	}},
	{name: "connections that lead nowhere", happens: func(f *faultEnv) {
		f.p.link.Set(func(f *loopback.Faults) { f.Hole = true })
		f.p.link.Cut() // the new ones are accepted, and nothing comes back
		f.failures(2)
		f.cold()
		f.p.link.Set(func(f *loopback.Faults) { f.Hole = false }) // the old ones stay as they are
		f.recovered()
	}},
	{name: "script flush and restart", conf: durable, happens: func(f *faultEnv) {
		for range 2 {
			f.load.more(50)
			f.do("SCRIPT", "FLUSH")
			f.r.kill()
			f.r.start()
			f.recovered()
		}
	}},
	{name: "busy with another's script", conf: []string{"busy-reply-threshold 20"}, happens: func(f *faultEnv) {
		endless := client(f.t, f.r.addr)
		done := make(chan error, 1)
		go func() { done <- endless.Eval(context.Background(), "while true do end", nil).Err() }()
		f.failures(3)
		f.cold()
		f.kills(done)
	}},
	{name: "busy for longer than the time-out", conf: []string{"busy-reply-threshold 60000"}, happens: func(f *faultEnv) {
		script := "local t = redis.call('TIME') local till = t[1] * 1000 + t[2] / 1000 + 700 " +
			"repeat t = redis.call('TIME') until t[1] * 1000 + t[2] / 1000 > till return 1"
		if err := client(f.t, f.r.addr).Eval(context.Background(), script, nil).Err(); err != nil {
			f.t.Error(err)
		}
	}},
	{name: "loading", conf: append([]string{"key-load-delay 3000", "loading-process-events-interval-bytes 1024"}, durable...), happens: func(f *faultEnv) {
		for i := range 300 {
			f.do("SET", fmt.Sprint("key", i), strings.Repeat("x", 100))
		}
		f.r.kill()
		f.r.start() // it returns when Redis has loaded all, after a second
	}},
	{name: "disk full", conf: []string{"save 3600 1"}, happens: func(f *faultEnv) {
		f.failedSave()
		f.failures(2)
		f.cold()
		f.do("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	}},
	{name: "too few replicas", happens: func(f *faultEnv) {
		f.config("min-replicas-to-write", "1")
		f.failures(2)
		f.cold()
		f.config("min-replicas-to-write", "0")
	}},
	{name: "connections killed", happens: func(f *faultEnv) {
		for range 30 {
			f.load.more(20)
			f.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		}
	}},
	{name: "writes paused", happens: func(f *faultEnv) {
		f.do("CLIENT", "PAUSE", "800", "WRITE")
		f.failures(2)
		f.load.more(20)
	}},
	{name: "all paused", happens: func(f *faultEnv) {
		f.do("CLIENT", "PAUSE", "800", "ALL")
		f.failures(2)
		f.cold()
	}},
	{name: "no more clients", happens: func(f *faultEnv) {
		f.config("maxclients", "1")
		f.p.link.Cut()
		f.failures(2)
		f.cold()
		f.config("maxclients", "10000")
	}},
	{name: "password asked for", happens: func(f *faultEnv) {
		f.config("requirepass", "secret")
		f.p.link.Cut()
		f.failures(2)
		f.cold()
		f.config("requirepass", "")
	}},
}

func TestMoreFaultsUnderLoad(t *testing.T) {
	for _, fault := range moreFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			underLoad(t, fault)
		})
	}
}

// do has Redis do something, past the proxy.
func (f *faultEnv) do(words ...any) {
	f.t.Helper()
	if err := f.b.c.Do(context.Background(), words...).Err(); err != nil {
		f.t.Fatalf("%v: %v", words, err)
	}
}

// kills ends the script that keeps Redis busy, and waits for its client.
func (f *faultEnv) kills(done chan error) {
	f.t.Helper()
	eventually(f.t, 10*time.Second, func() error {
		f.b.c.ScriptKill(context.Background())
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "killed by user") {
				f.t.Errorf("the endless script: %v", err)
			}
			return nil
		default:
			return errors.New("the script goes on")
		}
	})
}

// failedSave has a background save fail: the file's place is taken by a directory.
func (f *faultEnv) failedSave() {
	f.t.Helper()
	way := filepath.Join(f.r.dir, "dump.rdb", "in the way")
	if err := os.MkdirAll(way, 0o755); err != nil {
		f.t.Fatal(err)
	}
	eventually(f.t, 10*time.Second, func() error {
		f.b.c.BgSave(context.Background())
		info, err := f.b.c.Info(context.Background(), "persistence").Result()
		if err == nil && !strings.Contains(info, "rdb_last_bgsave_status:err") {
			err = fmt.Errorf("no failed save")
		}
		return err
	})
}
