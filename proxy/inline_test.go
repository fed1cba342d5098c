package proxy

import (
	"fmt"
	"testing"
)

func TestSplitInline(t *testing.T) {
	for in, want := range map[string]string{
		``:                       `[]`,
		"  \t ":                  `[]`,
		`SET a b`:                `["SET" "a" "b"]`,
		`"\x41\n\r\t\b\a\q\xzz"`: `["A\n\r\t\b\aqxzz"]`,
		`'a\'b\n'`:               `["a'b\\n"]`,
		`a"b c"`:                 `["ab c"]`,
		`'' ""`:                  `["" ""]`,
		"a\tb":                   `["a" "b"]`,
		"\va\fb":                 `["a\fb"]`,
		`"\x4"`:                  `["x4"]`,
		`a\b`:                    `["a\\b"]`,
	} {
		args, ok := splitInline([]byte(in))
		if got := fmt.Sprintf("%q", args); got != want || !ok {
			t.Errorf("%q: %s %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{`"`, `'`, `"a`, `"a"b`, `'a'b`, `"a\"`, `"\`, `a"`} {
		if args, ok := splitInline([]byte(in)); ok {
			t.Errorf("%q: %q, want unbalanced quotes", in, args)
		}
	}
}
