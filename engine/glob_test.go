package engine

import (
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for glob, names := range map[string]struct{ yes, no string }{
		"a":         {"a", "b aa A"},
		"a*":        {"a ab abc", "b ba"},
		"*a":        {"a ba aa bbba", "b ab"},
		"a*b*c":     {"abc aXbYc abbcc abcbc", "ab acb bc"},
		"**a**":     {"a ba ab", "b"},
		"?":         {"a b", "aa"},
		"[abc]x":    {"ax cx", "dx x"},
		"[^abc]x":   {"dx", "ax x"},
		"[a-c]":     {"a b c", "d -"},
		"[c-a]":     {"a b c", "d"},
		"[a\\-c]":   {"a - c", "b"},
		"[a":        {"a", "b [a"},
		"[^":        {"a", "ab"},
		"[]a":       {"", "a ]a"},
		"\\*":       {"*", "a"},
		"a\\":       {"a\\", "a"},
		"*[0-9]?z*": {"x1yz 12z3", "xyz 1z"},
	} {
		for want, list := range map[bool]string{true: names.yes, false: names.no} {
			for _, name := range strings.Fields(list) {
				if got := globMatches(glob, name); got != want {
					t.Errorf("%q and %q: %v", glob, name, got)
				}
			}
		}
	}
}

// Time that doubles with each * would not end.
func TestGlobIsNotExponential(t *testing.T) {
	for _, glob := range []string{strings.Repeat("*a", MaxGlob/2-1) + "b", strings.Repeat("a*", 100) + "b", strings.Repeat("*?", 100) + "b", "*[" + strings.Repeat("a", MaxGlob-3) + "]b"} {
		if globMatches(glob, strings.Repeat("a", MaxKeyLen)) {
			t.Errorf("%.20q matches", glob)
		}
	}
}
