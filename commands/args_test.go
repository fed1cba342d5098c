package commands

import (
	"strconv"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestParseIntTakesCanonicalDecimals(t *testing.T) {
	for _, good := range []string{
		"0", "1", "-1", "10", "9007199254740993", "-9007199254740993",
		"9223372036854775807", "-9223372036854775808", "1000000000000000000",
	} {
		got, err := parseInt([]byte(good))
		if want, _ := strconv.ParseInt(good, 10, 64); err != nil || got != want {
			t.Errorf("%q: %d, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "a", "--1", "9223372036854775808",
		"-9223372036854775809", "9999999999999999999", "18446744073709551616", "99999999999999999999", "\x001", "1\n",
	} {
		if got, err := parseInt([]byte(bad)); err != errNotInteger {
			t.Errorf("%q: %d, %v", bad, got, err)
		}
	}
}

func FuzzParseInt(f *testing.F) {
	for _, seed := range []string{"", "0", "-0", "+1", "-9223372036854775808", "9223372036854775808", "007"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, wantErr := strconv.ParseInt(string(b), 10, 64)
		// Canonical: what is printed is what was read.
		canonical := wantErr == nil && strconv.FormatInt(want, 10) == string(b)
		got, err := parseInt(b)
		if canonical != (err == nil) || err == nil && got != want {
			t.Errorf("%q: %d, %v; want %d, %v", b, got, err, want, canonical)
		}
	})
}

func TestParseCursor(t *testing.T) {
	for _, good := range []string{"0", "1", "18446744073709551615", "007"} {
		got, err := parseCursor([]byte(good))
		if want, _ := strconv.ParseUint(good, 10, 64); err != nil || got != want {
			t.Errorf("%q: %d, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", "x", "-1", "+1", " 1", "1x", "18446744073709551616", "18446744073709551620", "28446744073709551615", "99999999999999999999", "100000000000000000000",
	} {
		if got, err := parseCursor([]byte(bad)); err != errCursor {
			t.Errorf("%q: %d, %v", bad, got, err)
		}
	}
}

func TestParseComparator(t *testing.T) {
	for word, want := range map[string]engine.Comparator{
		"EQ": engine.EQ, "ne": engine.NE, "Lt": engine.LT, "lE": engine.LE, "GT": engine.GT, "ge": engine.GE,
	} {
		if got, err := parseComparator([]byte(word)); err != nil || got != want {
			t.Errorf("%s: %v, %v", word, got, err)
		}
	}
	for _, bad := range []string{"", "=", "==", "E", "EQU", "IF", "gt "} {
		if got, err := parseComparator([]byte(bad)); err != errSyntax {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}
