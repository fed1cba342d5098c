package main

import (
	"strings"
	"testing"
)

// Only a program that says that it is done, and ends with 0, has passed.
func TestOutcomeOfAProgram(t *testing.T) {
	for _, tc := range []struct{ script, err string }{
		{"echo done", ""},
		{"echo done; exit 3", "exit status 3; passed last: last step"},
		{"true", "ended before it was done; passed last: last step"},
	} {
		r := result{client: "c"}
		script := "echo library l 1.2; echo runtime r 3; echo note n; echo note n; echo passed first; echo passed last step; echo more; echo trouble >&2; " + tc.script
		err := r.run(t.Context(), client{run: []string{"bash", "-c", script}}, &pair{})
		if err == nil && tc.err != "" || err != nil && err.Error() != tc.err {
			t.Errorf("%s: %v, want %q", tc.script, err, tc.err)
		}
		r.err = err
		if r.library != "l 1.2" || r.runtime != "r 3" || r.steps != 2 || r.output != "more\ntrouble\n" {
			t.Errorf("%s: %+v", tc.script, r)
		}
		var out strings.Builder
		failed := table(&out, []result{r})
		if want, line := tc.err != "", strings.Split(out.String(), "\n")[1]; (failed == 1) != want ||
			strings.HasSuffix(line, "FAILED") != want || strings.HasSuffix(line, "ok; n") == want {
			t.Errorf("%s: %d failed:\n%s", tc.script, failed, &out)
		}
	}
}

func TestChoose(t *testing.T) {
	all := []client{{name: "a"}, {name: "b c"}, {name: "d"}}
	chosen, err := choose(all, "d,b c")
	if err != nil || len(chosen) != 2 || chosen[0].name != "d" || chosen[1].name != "b c" {
		t.Errorf("%v, %v", chosen, err)
	}
	if chosen, err := choose(all, ""); err != nil || len(chosen) != 3 {
		t.Errorf("%v, %v", chosen, err)
	}
	if _, err := choose(all, "a,nobody"); err == nil {
		t.Error("a client that does not exist was chosen")
	}
}
