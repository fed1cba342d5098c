package conf

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLaxIsRepeatable(t *testing.T) {
	want := []LaxPattern{{Glob: "counter:*"}, {Glob: `user:\*`}}
	for name, c := range map[string]Config{
		"flags":       load(t, nil, "--lax", "counter:*", "--lax", `user:\*`),
		"one flag":    load(t, nil, "--lax", `counter:*,user:\*`),
		"environment": load(t, map[string]string{"DISTKIT_LAX": `counter:* user:\*`}),
		"file list":   load(t, nil, "--config", file(t, "lax: ['counter:*', 'user:\\*']\n")),
		"file string": load(t, nil, "--config", file(t, "lax: counter:* user:\\*\n")),
		"flag over":   load(t, map[string]string{"DISTKIT_LAX": "other:*"}, "--lax", `counter:* user:\*`),
	} {
		if !reflect.DeepEqual(c.Lax, want) {
			t.Errorf("%s: %v, want %v", name, c.Lax, want)
		}
	}
}

func TestNothingIsLax(t *testing.T) {
	for name, c := range map[string]Config{
		"default":     load(t, nil),
		"flag":        load(t, nil, "--lax", "none"),
		"over a file": load(t, map[string]string{"DISTKIT_LAX": "none"}, "--config", file(t, "lax: ['a']\n")),
		"file":        load(t, nil, "--config", file(t, "lax: []\n")),
	} {
		if len(c.Lax) != 0 {
			t.Errorf("%s: %v is lax, want nothing", name, c.Lax)
		}
	}
}

func TestLaxPatternsWithTimesOfTheirOwn(t *testing.T) {
	c := load(t, nil, "--config", file(t, `
lax:
  - counter:*
  - {pattern: 'quota:*', flush_interval: 50ms, allowed_lag: 100ms}
  - pattern: "views, and likes:*"
    allowed_lag: 1s
  - &one {pattern: one}
`))
	want := []LaxPattern{{Glob: "counter:*"}, {"quota:*", 50 * time.Millisecond, 100 * time.Millisecond}, {Glob: "views, and likes:*", AllowedLag: time.Second}, {Glob: "one"}}
	if !reflect.DeepEqual(c.Lax, want) {
		t.Errorf("%v, want %v", c.Lax, want)
	}
	line := `lax                counter:* {pattern: "quota:*", flush_interval: 50ms, allowed_lag: 100ms} {pattern: "views, and likes:*", allowed_lag: 1s} one (`
	if got := c.Describe(); !strings.Contains(got, line) {
		t.Errorf("%s… is not in:\n%s", line, got)
	}
	again := load(t, nil, "--config", file(t, "lax: ["+strings.Join([]string{want[0].String(), want[1].String(), want[2].String(), want[3].String()}, ", ")+"]\n"))
	if !reflect.DeepEqual(again.Lax, want) {
		t.Errorf("what is shown reads as %v, want %v", again.Lax, want)
	}
	single := load(t, nil, "--config", file(t, "lax: {pattern: a b, flush_interval: 1m}\n"))
	if want := []LaxPattern{{Glob: "a b", FlushInterval: time.Minute}}; !reflect.DeepEqual(single.Lax, want) {
		t.Errorf("%v, want %v", single.Lax, want)
	}
}

const laxAllowed = "none, or globs of at most 1024 bytes separated by spaces; in the file also {pattern: GLOB, flush_interval: TIME, allowed_lag: TIME} with 1ms to 1m, with a unit ms, s, m or h"

func TestBadLaxFlags(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, tc := range []struct{ args, want string }{
		{"--lax=", `lax (from --lax): it is empty; allowed: `},
		{"--lax=" + long, `lax "` + long + `" (from --lax): a pattern is too long; allowed: `},
		{"--lax=a* --lax=b,a*", `lax "a* b,a*" (from --lax): a pattern is there twice; allowed: `},
		{"--lax=distkit:*", `lax "distkit:*" (from --lax): a pattern matches nothing but distkit's own keys, which are never lax; allowed: `},
		{`--lax=dist\kit:lax:flush:*`, `lax "dist\\kit:lax:flush:*" (from --lax): a pattern matches nothing but distkit's own keys, which are never lax; allowed: `},
		{"--lax", `lax (from --lax): the value is missing; allowed: `},
		{"--observe=some", `observe "some" (from --observe): it is neither on nor off; allowed: on or off (true, false, yes, no, 1, 0)`},
	} {
		want := tc.want
		if strings.HasSuffix(want, "allowed: ") {
			want += laxAllowed
		}
		_, err := Load(strings.Fields(tc.args), environ(nil))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", tc.args, err, want)
		}
	}
	// These match other keys, too.
	load(t, nil, "--lax", `*,d*,distkit*,distkit?*,[d]istkit:*,distkit,\`)
}

func TestBadLaxInFiles(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"lax:\n", `FILE:1: lax has no value; allowed: ` + laxAllowed},
		{"lax: ''\n", `lax (from FILE:1): entry 1 is empty`},
		{"lax: [a, '']\n", `lax "a " (from FILE:1): entry 2 is empty`},
		{"lax: [a, ~]\n", `lax "a ~" (from FILE:1): entry 2 is neither a glob nor a mapping`},
		{"lax: [a, [b]]\n", `lax "a [b]" (from FILE:1): entry 2 is neither a glob nor a mapping`},
		{"lax: [{pattern: ''}]\n", `lax "{pattern: ''}" (from FILE:1): a pattern is empty`},
		{"lax: [{flush_interval: 1s}]\n", `lax "{flush_interval: 1s}" (from FILE:1): entry 1 has no pattern`},
		{"lax: [{pattern: }]\n", `lax "{pattern: ''}" (from FILE:1): entry 1 has no value for pattern`},
		{"lax: [{pattern: [a, b]}]\n", `lax "{pattern: [a, b]}" (from FILE:1): entry 1 has no value for pattern`},
		{"lax:\n- pattern: a\n  interval: 1s\n", `lax "{pattern: a, interval: 1s}" (from FILE:1): entry 1 has "interval", which is none of pattern, flush_interval and allowed_lag`},
		{"lax: [{pattern: a, pattern: b}]\n", `lax "{pattern: a, pattern: b}" (from FILE:1): entry 1 has pattern twice`},
		{"lax: [{pattern: a, flush_interval: 20}]\n", `lax "{pattern: a, flush_interval: 20}" (from FILE:1): entry 1 has a wrong flush_interval: it has no unit`},
		{"lax: [{pattern: a, flush_interval: 0s}]\n", `lax "{pattern: a, flush_interval: 0s}" (from FILE:1): entry 1 has a wrong flush_interval: it is too small`},
		{"lax: [{pattern: a, allowed_lag: 2m}]\n", `lax "{pattern: a, allowed_lag: 2m}" (from FILE:1): entry 1 has a wrong allowed_lag: it is too large`},
		{"lax: [{pattern: 'distkit:*'}]\n", `lax "{pattern: 'distkit:*'}" (from FILE:1): a pattern matches nothing but distkit's own keys, which are never lax`},
		{"lax: &a [*a]\n", `lax "&a [*a]" (from FILE:1): entry 1 is neither a glob nor a mapping`},
		{"max_pending_age: 1s\nlax: [a, {pattern: 'b*', flush_interval: 2s}]\n", `max-pending-age "1s" (from FILE:1): it does not fit lax; allowed: none, or at least 4s, twice the flush_interval of "b*"`},
	} {
		path := file(t, tc.text)
		want := tc.want
		if !strings.Contains(want, "; allowed: ") {
			want += "; allowed: " + laxAllowed
		}
		_, err := Load([]string{"--config", path}, environ(nil))
		if err == nil || strings.ReplaceAll(err.Error(), path, "FILE") != want {
			t.Errorf("%s:\n got %v\nwant %s", tc.text, err, want)
		}
	}
}

func TestValidateLaxThatWasNotLoaded(t *testing.T) {
	c := Default()
	c.InstanceID = "a"
	c.Lax = []LaxPattern{{"a", time.Hour, 0}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "a time of a pattern is wrong: it is too large") {
		t.Errorf("got %v", err)
	}
}
