package integration

import (
	"context"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// benchmarkResult is a line of redis-benchmark -q about one of its tests.
var benchmarkResult = regexp.MustCompile(`(?m)^([A-Z][A-Z_0-9a-z ()]*?):? ?(?:\(.*\): )?[0-9.]+ requests per second`)

// All of redis-benchmark's own tests run through a proxy that counts its keys in
// memory, and none of them meets an error.
func TestRedisBenchmark(t *testing.T) {
	program, err := exec.LookPath("redis-benchmark")
	if err != nil {
		t.Fatal("this test needs a redis-benchmark on the PATH; `make test` installs one")
	}
	for name, args := range map[string][]string{
		"plain":     {"-n", "300", "-c", "10"},
		"pipelined": {"-n", "2000", "-c", "10", "-P", "16", "-r", "500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t)
			p := startProxy(t, realBackend(r.addr), engine.Options{Lax: []engine.Pattern{{Glob: "counter:*"}}})
			host, port, _ := net.SplitHostPort(p.addr)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, program, append([]string{"-h", host, "-p", port, "-q"}, args...)...).CombinedOutput()
			text := strings.ReplaceAll(string(out), "\r", "\n")
			if err != nil || strings.Contains(text, "rror") || strings.Contains(text, "WARN") {
				t.Errorf("%v:\n%s", err, text)
			}
			ran := benchmarkResult.FindAllString(text, -1)
			if len(ran) < 19 {
				t.Errorf("%d tests have a result:\n%s", len(ran), text)
			}
			stats := p.engine.Stats()
			counted := stats.Accepted + stats.Rare
			flushAll(t, p)
			var sum int64
			direct := client(t, r.addr)
			for _, key := range direct.Keys(t.Context(), "counter:*").Val() {
				n, err := direct.Get(t.Context(), key).Int64()
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
			if want := int64(300); name == "plain" && sum != want || name != "plain" && sum < 2000 || counted < uint64(sum) {
				t.Errorf("the counters add up to %d, %d commands were counted", sum, counted)
			}
		})
	}
}
