package integration

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// keptPrograms has programs that failed once. They are run first.
const keptPrograms = "testdata/equivalence"

// TestEquivalence runs random programs of ordinary commands through a proxy that
// counts some ordinary keys in memory, and on a Redis without one: all replies and
// all data are the same. One that fails is shrunk, shown, and put to the kept ones.
// EQUIVALENCE_SEED replays a run, EQUIVALENCE_PROGRAMS makes it longer.
func TestEquivalence(t *testing.T) {
	seed, programs := uint64(time.Now().UnixNano()), 60
	if text := os.Getenv("EQUIVALENCE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if n, err := strconv.Atoi(os.Getenv("EQUIVALENCE_PROGRAMS")); err == nil {
		programs = n
	}
	e := newEquivalence(t)
	files, err := filepath.Glob(filepath.Join(keptPrograms, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := parseProgram(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := e.run(t, p); diff != "" {
				t.Fatalf("%s\n%s", diff, p)
			}
		})
	}
	for i := range programs {
		if failed := !t.Run(fmt.Sprint("random", i), func(t *testing.T) {
			p := randomProgram(seed, uint64(i))
			if diff := e.run(t, p); diff != "" {
				t.Logf("EQUIVALENCE_SEED=%d, program %d: %s", seed, i, diff)
				e.keep(t, p)
			}
		}); failed {
			return
		}
	}
}

// shrinkTime bounds the search for a shorter program that fails, too.
const shrinkTime = 40 * time.Second

// keep shrinks a program that fails, fails the test with it and puts it to those
// that are run first.
func (e *equivalence) keep(t *testing.T, p program) {
	tries := 1
	fails := func(p program) (failed bool) {
		for range tries {
			t.Run("smaller", func(t *testing.T) { failed = failed || e.run(t, p) != "" })
		}
		return failed
	}
	for range 2 {
		if tries == 1 && !fails(p) {
			tries = 6 // it fails now and then
		}
	}
	p = shrink(p, fails, shrinkTime)
	sum := fnv.New32a()
	sum.Write([]byte(p.String()))
	file := filepath.Join(keptPrograms, fmt.Sprintf("%08x.txt", sum.Sum32()))
	if err := os.WriteFile(file, []byte(p.String()), 0o666); err != nil {
		t.Error(err)
	}
	diff := ""
	for range 5 * tries {
		if diff == "" {
			t.Run("smallest", func(t *testing.T) { diff = e.run(t, p) })
		}
	}
	t.Fatalf("%s is not as in Redis: %s\n%s", file, diff, p)
}

// What is kept as text is what was run.
func TestProgramsAsText(t *testing.T) {
	for i := range uint64(20) {
		p := randomProgram(1, i)
		again, err := parseProgram(p.String())
		if err != nil {
			t.Fatal(err)
		}
		if again.String() != p.String() || fmt.Sprint(again) != fmt.Sprint(p) || fmt.Sprintf("%q", again.writes) != fmt.Sprintf("%q", p.writes) {
			t.Fatalf("%s\nis read as\n%s", p, again)
		}
	}
	for _, bad := range []string{"", "1> PING", "% interval 1ms lag 1ms delay 0s\nPING", "% interval 1ms lag x delay 0s\n1> PING", "% interval 1ms lag 1ms delay 0s\n1> ; PING"} {
		if p, err := parseProgram(bad); err == nil {
			t.Errorf("%q is read as %q", bad, p)
		}
	}
}
