package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

func TestProxiesThatDisagree(t *testing.T) {
	others := []struct {
		name    string
		opts    engine.Options
		because []string
	}{
		{"DeadAfter", engine.Options{DeadAfter: 7 * time.Second}, []string{"dead_after", "30000", "7000", "page", "distkit:config"}},
		{"Partitions", engine.Options{Partitions: 3}, []string{"partitions", "1", "3", "page", "distkit:config"}},
	}
	for _, o := range others {
		t.Run(o.name, func(t *testing.T) {
			onBackends(t, func(t *testing.T, b backend) { testDisagreement(t, b, o.opts, o.because) })
		})
	}
}

func testDisagreement(t *testing.T, b backend, opts engine.Options, because []string) {
	first := newRig(t, b, engine.Options{})
	recorded := func() {
		t.Helper()
		if err := first.users[0].p.engine.CheckRecorded(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	recorded() // nothing yet
	for _, f := range everyFamily {
		first.in(t, f).users[0].want("INC page:x 5", f.own(5))
	}
	first.users[0].flush()
	recorded() // its own settings

	saysWhy := func(what string, text string) {
		t.Helper()
		for _, word := range because {
			if !strings.Contains(text, word) {
				t.Errorf("%s: %q does not say %q", what, text, word)
			}
		}
	}
	second := newRig(t, b, opts)
	err := second.users[0].p.engine.CheckRecorded(t.Context())
	if err == nil {
		t.Fatal("CheckRecorded finds no difference")
	}
	saysWhy("CheckRecorded", err.Error())
	for _, f := range everyFamily {
		u := second.in(t, f).users[0]
		for _, line := range []string{"INC page:x 1", "GET page:x", "SET page:x 1", "DEL page:x", "CLEAR page"} {
			e, _ := u.do(line).(failure)
			saysWhy(f.prefix+line, string(e))
		}
		u.want("INC free:x 1", f.own(1)) // a namespace of nobody else's
		first.in(t, f).users[0].want("GET page:x", f.own(5))
	}
}

// Whoever empties Redis takes the settings away; the next flush records them
// again, so that a proxy with others is still refused.
func TestSettingsAreRecordedAgain(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{})
		for _, f := range laxFamilies {
			u := r.in(t, f).users[0]
			u.want("INC again:x 5", f.own(5))
			u.flush()
			raw(t, r.redis, "FLUSHALL")
			u.do("INC again:x 5")
			u.flush()
			got := fields(t, r.redis, "distkit:config")
			same(t, "recorded", got, map[string]string{"again:partitions": "1", "again:dead_after": "30000"})
		}
	})
}
