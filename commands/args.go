package commands

import (
	"math"

	"github.com/distkit/distkit-proxy/engine"
)

// parseInt reads a signed 64-bit integer as Redis does: the canonical decimal
// and nothing else, so no sign +, no leading zero, no -0, no space.
func parseInt(b []byte) (int64, error) {
	digits, negative := b, false
	if len(b) > 0 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	// 19 digits always fit a uint64, 20 never an int64.
	if len(digits) == 0 || len(digits) > 19 {
		return 0, errNotInteger
	}
	if digits[0] == '0' && len(b) > 1 {
		return 0, errNotInteger
	}
	var u uint64
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, errNotInteger
		}
		u = u*10 + uint64(d-'0')
	}
	switch {
	case negative && u <= -math.MinInt64:
		return int64(-u), nil
	case !negative && u <= math.MaxInt64:
		return int64(u), nil
	}
	return 0, errNotInteger
}

// parseCursor reads the cursor of SCAN.
func parseCursor(b []byte) (uint64, error) {
	if len(b) == 0 || len(b) > 20 {
		return 0, errCursor
	}
	var u uint64
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, errCursor
		}
		next := u*10 + uint64(d-'0')
		if u > math.MaxUint64/10 || next < u {
			return 0, errCursor
		}
		u = next
	}
	return u, nil
}

// comparators are the words after IF.
var comparators = [...]string{
	engine.EQ: "EQ",
	engine.NE: "NE",
	engine.LT: "LT",
	engine.LE: "LE",
	engine.GT: "GT",
	engine.GE: "GE",
}

// parseComparator reads one of EQ NE LT LE GT GE, in any case.
func parseComparator(b []byte) (engine.Comparator, error) {
	for op := engine.EQ; op <= engine.GE; op++ {
		if isWord(b, comparators[op]) {
			return op, nil
		}
	}
	return engine.None, errSyntax
}

// isWord reports whether b is the upper-case word, in any case.
func isWord(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
