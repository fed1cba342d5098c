package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is one that reads as text and as Markdown. Its rows are written as they
// come, so columns are as wide as the header or what widths asks for.
type table struct {
	w      io.Writer
	widths []int
}

// newTable writes the header. A column may end in "|n": it is n wide.
func newTable(w io.Writer, columns ...string) *table {
	t := &table{w: w}
	var names, rule []string
	for _, column := range columns {
		name, wide, _ := strings.Cut(column, "|")
		width, _ := strconv.Atoi(wide) // none is 0
		width = max(width, utf8.RuneCountInString(name))
		t.widths = append(t.widths, width)
		names, rule = append(names, name), append(rule, strings.Repeat("-", width))
	}
	t.row(names...)
	t.row(rule...)
	return t
}

func (t *table) row(cells ...string) {
	var line strings.Builder
	for i, cell := range cells {
		fmt.Fprintf(&line, "| %-*s ", t.widths[i], cell)
	}
	fmt.Fprintln(t.w, line.String()+"|")
}

// spread is the median of figures with the lowest and the highest.
func spread(f figures, digits int) string {
	if len(f) == 0 {
		return "–" // nothing was measured
	}
	if len(f) == 1 || number(f.median(), digits) == "–" {
		return number(f.median(), digits)
	}
	return fmt.Sprintf("%s (%s to %s)", number(f.median(), digits), number(slices.Min(f), digits), number(slices.Max(f), digits))
}

// number is a figure with so many digits behind the point, and with commas
// between thousands.
func number(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	whole, rest, _ := strings.Cut(strconv.FormatFloat(math.Abs(v), 'f', digits, 64), ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if v < 0 {
		whole = "-" + whole
	}
	return whole
}

// count is a number of things.
func count(n int) string { return number(float64(n), 0) }
