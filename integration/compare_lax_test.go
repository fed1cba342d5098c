package integration

import (
	"fmt"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/corpus"
)

// unlikeLax are the scenarios that show when ordinary keys are counted in memory, and
// why. None sees the one thing that is added to a database, the record of the batches
// (distkit:lax:flush:…): DBSIZE, KEYS, SCAN and RANDOMKEY would.
var unlikeLax = map[string]string{
	"monitor: what others do": "MONITOR shows what Redis executes, and that is the proxy's scripts in place of GET and INCR",
}

// The bytes are the same if every ordinary key may be counted in memory.
func TestCompareLax(t *testing.T) {
	all, err := corpus.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	counting := link{name: "lax", start: overTCP, lax: []engine.Pattern{{Glob: "*"}}}
	for proto := 2; proto <= 3; proto++ {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			t.Parallel()
			c := newComparison(t, proto, counting)
			played := make(map[string]bool)
			for i := range all {
				played[all[i].Name] = true
				if s := &all[i]; (s.Only == 0 || s.Only == proto) && unlikeLax[s.Name] == "" {
					t.Run(s.Name, func(t *testing.T) { c.compareWhole(t, s) })
				}
			}
			for name := range unlikeLax {
				if !played[name] {
					t.Errorf("there is no scenario %q to leave out", name)
				}
			}
			t.Logf("%d plays, %d bytes", c.plays, c.bytes)
		})
	}
}

// compareWhole plays a scenario on both sides in the ways in which commands come
// whole: whether one is counted is decided then.
func (c *comparison) compareWhole(t *testing.T, s *corpus.Scenario) {
	t.Helper()
	ways := []way{{name: "single"}, {name: "pipelined", pipelined: true}}
	if s.Alone == "" {
		ways = append(ways, way{name: "pipelined with ours", pipelined: true, ours: true})
	}
	for _, w := range ways {
		c.same(t, s, w, c.ask(t, s, w))
	}
}
