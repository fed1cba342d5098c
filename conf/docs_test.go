package conf

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table in docs/configuration.md")

const (
	docsFile  = "../docs/configuration.md"
	docsBegin = "<!-- begin settings: written by go test ./conf -update -->\n"
	docsEnd   = "<!-- end settings -->\n"
)

func TestDocsListEverySetting(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	head, rest, found := strings.Cut(text, docsBegin)
	table, tail, found2 := strings.Cut(rest, docsEnd)
	if !found || !found2 {
		t.Fatalf("%s has no table between its marks", docsFile)
	}
	if *update {
		if err := os.WriteFile(docsFile, []byte(head+docsBegin+docsTable()+docsEnd+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != docsTable() {
		t.Errorf("the table in %s is not that of the settings: run go test ./conf -update", docsFile)
	}
	c := Default()
	for _, s := range settings(&c) {
		if !strings.Contains(tail, "\n### "+s.name+"\n\n") {
			t.Errorf("%s does not explain %s under a heading of its own", docsFile, s.name)
		}
	}
}

// docsTable is the table of the documentation.
func docsTable() string {
	c := Default()
	var b strings.Builder
	b.WriteString("\n| flag | environment | YAML | default | allowed |\n|---|---|---|---|---|\n")
	for _, s := range settings(&c) {
		def := "`" + s.field.String() + "`"
		if s.field.String() == "" {
			def = s.empty
		}
		key := "`" + s.yaml() + "`"
		if s.name == "config" {
			key = "–"
		}
		fmt.Fprintf(&b, "| [`--%s`](#%s) | `%s` | %s | %s | %s |\n", s.name, s.name, s.env(), key, def, strings.ReplaceAll(s.field.allowed(), "|", `\|`))
	}
	return b.String() + "\n"
}
