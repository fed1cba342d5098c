package main

import (
	"fmt"
	"os"
)

// ratesTable is the table of most questions: a row for each contender in each
// shape, beginning with what is special about the shape.
type ratesTable struct {
	*table
	labels     func(shape) []string
	contenders []contender
}

func newRatesTable(columns []string, labels func(shape) []string, contenders []contender) *ratesTable {
	columns = append(columns, "what|26", "commands/s|32", "ratio to the first|20",
		"proxy's CPU s per million|22", "Redis' CPU s per million|22", "Redis' commands per million", "ms: p50, p99, p99.9|22")
	return &ratesTable{newTable(os.Stdout, columns...), labels, contenders}
}

// add writes the rows of a shape.
func (t *ratesTable) add(s shape, samples [][]sample) {
	rate := func(s sample) float64 { return s.rate }
	first := each(samples[0], rate)
	for i, c := range t.contenders {
		mine := samples[i]
		if len(mine) == 0 {
			t.row(append(t.labels(s), c.name, "not measured", "", "", "", "", "")...)
			continue
		}
		ratio := "1"
		if i > 0 {
			ratio = spread(each(mine, rate).over(first), 2)
		}
		t.row(append(t.labels(s), c.name, spread(each(mine, rate), 0), ratio,
			spread(each(mine, func(s sample) float64 { return s.proxyCPU }), 2),
			spread(each(mine, func(s sample) float64 { return s.redisCPU }), 3),
			number(each(mine, func(s sample) float64 { return s.executed }).median(), 0),
			fmt.Sprintf("%s, %s, %s",
				number(each(mine, func(s sample) float64 { return s.p50 }).median(), 2),
				number(each(mine, func(s sample) float64 { return s.p99 }).median(), 2),
				number(each(mine, func(s sample) float64 { return s.p99_9 }).median(), 2)))...)
	}
}
