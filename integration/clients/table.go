package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table prints the results and returns how many failed.
func table(out io.Writer, results []result) (failed int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "client\tlibrary\truntime\tsteps\tseconds\toutcome")
	for _, r := range results {
		outcome := strings.Join(append([]string{"ok"}, r.notes...), "; ")
		if r.err != nil {
			outcome = "FAILED"
			failed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.1f\t%s\n", r.client, r.library, r.runtime, r.steps, r.took.Seconds(), outcome)
	}
	w.Flush() // a table that nobody can read has nobody to be told
	fmt.Fprintf(out, "%d passed, %d failed\n", len(results)-failed, failed)
	return failed
}
