package lua

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// scriptFiles are the scripts, without the fragments.
func scriptFiles(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(files, "*.lua")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	return names
}

// header returns a file's leading comment lines.
func header(t *testing.T, path string) string {
	t.Helper()
	text, err := files.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "--") {
			break
		}
		out.WriteString(line)
	}
	return out.String()
}

var (
	headerIndex = regexp.MustCompile(`(?m)^-- (KEYS|ARGV)\[(\d+)\]`)
	usedIndex   = regexp.MustCompile(`\b(KEYS|ARGV)\[(\d+)\]`)
)

func TestEveryScriptHasAHeader(t *testing.T) {
	for _, path := range scriptFiles(t) {
		t.Run(path, func(t *testing.T) {
			head := header(t, path)
			name := strings.TrimSuffix(path, ".lua")
			if !strings.HasPrefix(head, "-- "+name+": ") {
				t.Errorf("the header does not open with %q and the purpose", name)
			}
			if !strings.Contains(head, "\n-- Returns {") {
				t.Error("the header does not say what the script returns")
			}
			declared := make(map[string]bool)
			for _, m := range headerIndex.FindAllStringSubmatch(head, -1) {
				declared[m[1]+m[2]] = true
			}
			text, _ := files.ReadFile(path)
			body := strings.TrimPrefix(string(text), head)
			for _, m := range usedIndex.FindAllStringSubmatch(body, -1) {
				if !declared[m[1]+m[2]] {
					t.Errorf("%s is used and not in the header", m[0])
				}
			}
			for n := 1; n <= len(declared); n++ {
				key, next := "KEYS"+strconv.Itoa(n), "KEYS"+strconv.Itoa(n+1)
				if declared[next] && !declared[key] {
					t.Errorf("the header leaves out KEYS[%d]", n)
				}
			}
		})
	}
}

func TestEveryScriptCompiles(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), Protocol: 2, DisableIdentity: true})
	defer client.Close()
	for _, path := range scriptFiles(t) {
		script := load(strings.TrimSuffix(path, ".lua"))
		sha, err := client.ScriptLoad(t.Context(), script.Source).Result()
		if err != nil || sha != script.SHA {
			t.Errorf("%s: %s, %v", path, sha, err)
		}
	}
}

func TestIncludesAreExpanded(t *testing.T) {
	for _, path := range scriptFiles(t) {
		source := load(strings.TrimSuffix(path, ".lua")).Source
		if strings.Contains(source, includePrefix) || strings.Contains(source, "\n--") {
			t.Errorf("%s still has comments or includes", path)
		}
		raw, _ := files.ReadFile(path)
		for line := range strings.Lines(string(raw)) {
			name, ok := strings.CutPrefix(strings.TrimSpace(line), includePrefix)
			if !ok {
				continue
			}
			for def := range strings.Lines(expand("include/" + name + ".lua")) {
				if strings.HasPrefix(def, "local function ") && !strings.Contains(source, def) {
					t.Errorf("%s lacks %q of include %s", path, def, name)
				}
			}
		}
	}
}
