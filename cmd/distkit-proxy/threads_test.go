package main

import (
	"runtime"
	"testing"
)

func TestThreads(t *testing.T) {
	before := runtime.GOMAXPROCS(5)
	defer runtime.GOMAXPROCS(before)
	for _, tc := range []struct {
		name string
		args []string
		want int
	}{
		{"by default as they were", nil, 5},
		{"auto, which is the same", []string{"--threads", "auto"}, 5},
		{"chosen", []string{"--threads", "3"}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := begin(t, nil, append(tc.args, "--listen", "127.0.0.1:0")...)
			said := p.ready(t)["threads"]
			if got := runtime.GOMAXPROCS(0); got != tc.want || said != float64(tc.want) {
				t.Errorf("there are %d and the start-up line says %v, want %d", got, said, tc.want)
			}
			p.cancel()
			p.wantExit(t, exitOK)
		})
	}
}
