package main

import (
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/engine/hot"
)

func TestObserverHasThePatterns(t *testing.T) {
	cfg := conf.Default()
	cfg.Lax = []conf.LaxPattern{{Glob: "a*", FlushInterval: time.Hour, AllowedLag: time.Hour}}
	if observer(cfg) != nil {
		t.Error("an observer that nobody asked for")
	}
	cfg.Observe, cfg.FlushInterval = true, time.Nanosecond
	o := observer(cfg)
	for deadline := time.Now().Add(10 * time.Second); ; {
		o.See(0, hot.Increment, []byte("a"), []byte("b"))
		sums := o.Sums()
		if len(sums) != 2 || sums[0].Pattern != "a*" || sums[0].Flushes != 1 || time.Now().After(deadline) {
			t.Fatalf("%+v, want one flush of what the pattern matches, and more of the rest", sums)
		}
		if sums[1].Flushes > 1 {
			return
		}
	}
}

func TestHotFromTheConfiguration(t *testing.T) {
	for flag, want := range map[string]string{"--observe": "*0", "--observe=off": "-ERR distkit: nothing is observed; start the proxy with --observe"} {
		p := begin(t, nil, "--listen", "127.0.0.1:0", flag)
		conn := dial(t, "tcp", p.ready(t)["listen"].(string))
		if got := conn.ask(t, "DK.HOT\r\n"); got != want {
			t.Errorf("%s: %q, want %q", flag, got, want)
		}
		p.cancel()
		p.wantExit(t, exitOK)
	}
}
