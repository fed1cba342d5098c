package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/integration/corpus"
)

// comparison is a Redis, and another behind a proxy. The proxy's own connections
// use ownDB, so that they are known.
type comparison struct {
	proto          int
	direct, behind *control
	redis, proxy   string
	password       string
	plays, bytes   int // through the proxy, the bytes on connection 1
}

// Every command of Redis has the same bytes as an answer through the proxy, with
// whatever is before, behind and between.
func TestCompare(t *testing.T) {
	all, err := corpus.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for proto := 2; proto <= 3; proto++ {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			t.Parallel()
			c := newComparison(t, proto, plainly)
			for i := range all {
				if s := &all[i]; s.Only == 0 || s.Only == proto {
					t.Run(s.Name, func(t *testing.T) { c.compare(t, s) })
				}
			}
			t.Logf("%d plays, %d bytes", c.plays, c.bytes)
		})
	}
}

// compare plays a scenario on both sides in all ways.
func (c *comparison) compare(t *testing.T, s *corpus.Scenario) {
	want := c.ask(t, s, way{name: "single"})
	piped := way{name: "pipelined", pipelined: true}
	again := c.ask(t, s, piped)
	if diff := differ(want, again); diff != "" {
		t.Fatalf("Redis itself replies otherwise when asked again: %s", diff)
	}
	ways := []way{{name: "single"}, piped}
	if s.Uncut == "" {
		ways = append(ways, cutWays(again.sent)...)
	}
	if endsItself(s) && s.Uncut == "" && again.sent < long {
		w := way{name: "with the client's side ended", pipelined: true, hangsUp: true}
		if diff := differ(want, c.ask(t, s, w)); diff != "" {
			t.Fatalf("Redis itself replies otherwise to a client that ends its side: %s", diff)
		}
		ways = append(ways, w)
	}
	for _, w := range ways {
		c.same(t, s, w, want)
	}
	if s.Alone != "" {
		return
	}
	want = c.ask(t, s, way{name: "single", ours: true})
	for _, w := range []way{{name: "mixed with ours", ours: true}, {name: "pipelined with ours", pipelined: true, ours: true}} {
		c.same(t, s, w, want)
	}
	if s.Uncut == "" && again.sent < long {
		c.same(t, s, way{name: "byte by byte with ours", pipelined: true, ours: true, cuts: everywhere}, want)
	}
}

// endsItself reports whether a scenario needs nobody but connection 1, and no end
// by the server.
func endsItself(s *corpus.Scenario) bool {
	return !slices.ContainsFunc(s.Steps, func(step corpus.Step) bool {
		return step.Conn != 1 || step.Kind != corpus.Send || step.Background
	})
}

// ask plays a scenario on the Redis that has no proxy.
func (c *comparison) ask(t *testing.T, s *corpus.Scenario, w way) played {
	t.Helper()
	got, err := c.play(c.redis, c.direct, s, w)
	if err != nil {
		t.Fatalf("Redis, %s: %v", w.name, err)
	}
	got.direct = true
	return got
}

// same plays a scenario through the proxy and compares.
func (c *comparison) same(t *testing.T, s *corpus.Scenario, w way, want played) {
	t.Helper()
	got, err := c.play(c.proxy, c.behind, s, w)
	c.plays++
	c.bytes += got.sent
	if diff := differ(want, got); diff != "" {
		t.Errorf("%s: %s", w.name, diff)
	}
	if err != nil {
		t.Errorf("%s: %v", w.name, err)
	}
	if t.Failed() { // the other ways would say the same, slowly
		t.FailNow()
	}
}

func everywhere(int) bool { return true }

// Where scenarios are cut in two: everywhere in a short one, else at so many places.
const (
	short  = 120
	long   = 10_000 // is not sent byte by byte
	places = 6
)

// cutWays are the ways to send n bytes in pieces.
func cutWays(n int) []way {
	var ways []way
	if n < long {
		ways = append(ways, way{name: "byte by byte", pipelined: true, cuts: everywhere})
	}
	step := 1
	if n > short {
		step = n/places + 1
	}
	for at := 1 + n%step; at < n; at += step {
		ways = append(ways, way{name: fmt.Sprintf("cut at %d", at), pipelined: true, cuts: func(i int) bool { return i == at }})
	}
	return ways
}

// differ returns how replies differ from Redis', "" if they do not. Where Redis
// knows a command of ours not, the proxy has its own reply.
func differ(want, got played) string {
	for n, replies := range want.replies {
		var st stateOfOurs
		for i, w := range replies {
			if i >= len(got.replies[n]) {
				return fmt.Sprintf("connection %d, %.100s: no reply, want %.300q", n, w.step, w.frame)
			}
			g := got.replies[n][i]
			if want := st.reply(w); want != "" {
				if !strings.HasPrefix(g.frame, want) && !(got.direct && strings.HasPrefix(g.frame, unknownOurs)) {
					return fmt.Sprintf("connection %d, %.100s: %.300q, want %q", n, w.step, g.frame, want)
				}
				continue
			}
			if w.shaped() != g.shaped() {
				a, b := around(w.shaped(), g.shaped())
				return fmt.Sprintf("connection %d, %.100s: %q, Redis: %q", n, w.step, b, a)
			}
			st.note(w)
		}
	}
	return ""
}

// around cuts two texts to where they differ.
func around(a, b string) (string, string) {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(0, i-100)
	return a[from:min(len(a), from+400)], b[from:min(len(b), from+400)]
}
