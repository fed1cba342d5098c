package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		figures figures
		want    float64
	}{{nil, 0}, {figures{3}, 3}, {figures{9, 1, 5}, 5}, {figures{4, 1, 2, 9}, 3}} {
		before := slices.Clone(c.figures)
		if got := c.figures.median(); got != c.want || !slices.Equal(before, c.figures) {
			t.Errorf("the median of %v is %v, want %v", c.figures, got, c.want)
		}
	}
}

// A ratio is formed within a round, so a slow round does not show in it.
func TestOver(t *testing.T) {
	if got := (figures{50, 5, 60}).over(figures{100, 10, 120}); !slices.Equal(got, figures{0.5, 0.5, 0.5}) {
		t.Errorf("%v", got)
	}
	if got := (figures{1}).over(nil); len(got) != 0 {
		t.Errorf("%v over nothing", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		figures figures
		digits  int
		want    string
	}{
		{nil, 0, "–"},
		{figures{1234567}, 0, "1,234,567"},
		{figures{999, 1000, 12}, 0, "999 (12 to 1,000)"},
		{figures{0.615, 1.2, 0.3}, 2, "0.61 (0.30 to 1.20)"},
		{figures{-1234.5}, 1, "-1,234.5"},
		{figures{math.NaN()}, 1, "–"},
		{figures{math.NaN(), math.NaN()}, 1, "–"},
		{figures{math.Inf(1)}, 1, "–"},
	} {
		if got := spread(c.figures, c.digits); got != c.want {
			t.Errorf("%v is %q, want %q", c.figures, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table := newTable(&b, "what", "rate|6")
	table.row("GET", "1")
	if want := "| what | rate   |\n| ---- | ------ |\n| GET  | 1      |\n"; b.String() != want {
		t.Errorf("\n%s, want\n%s", b.String(), want)
	}
}

func TestAsked(t *testing.T) {
	letters := func(b bench, only string) string {
		asked, err := b.asked(only)
		if err != nil {
			return err.Error()
		}
		var all strings.Builder
		for _, q := range asked {
			all.WriteString(q.letter)
		}
		return all.String()
	}
	for _, c := range []struct {
		quick      bool
		only, want string
	}{
		{false, "", "abcdefgh"}, {true, "", "abcdeh"}, {true, "f", "f"}, {false, "d, a", "da"}, {false, "a,x", `there is no question "x"`},
	} {
		if got := letters(bench{quick: c.quick}, c.only); got != c.want {
			t.Errorf("-only %q, quick %v: %s, want %s", c.only, c.quick, got, c.want)
		}
	}
}
