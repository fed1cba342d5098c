package lua

import (
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed *.lua include/*.lua
var files embed.FS

// Script is a Lua script as Redis runs it. It is immutable.
type Script struct {
	// Name is the file's name without ".lua".
	Name string
	// Source is the script with its includes in place.
	Source string
	// SHA is what EVALSHA calls it by.
	SHA string
}

// The scripts; each file's header is its documentation.
var (
	PlainApply  = load("plain_apply")
	PlainClear  = load("plain_clear")
	InstApply   = load("inst_apply")
	InstRead    = load("inst_read")
	InstClear   = load("inst_clear")
	InstClearI  = load("inst_cleari")
	InstBury    = load("inst_bury")
	InstRestore = load("inst_restore")
	InstBeat    = load("inst_beat")
	StringApply = load("string_apply")
	StringRead  = load("string_read")
	Config      = load("config")
)

// load reads an embedded script. A missing file is a mistake in this package,
// found by the first test that runs.
func load(name string) *Script {
	source := expand(name + ".lua")
	sum := sha1.Sum([]byte(source))
	return &Script{Name: name, Source: source, SHA: hex.EncodeToString(sum[:])}
}

const includePrefix = "-- include: "

// expand replaces a file's include lines by the fragments they name and drops
// comment lines, which Redis need not keep.
func expand(path string) string {
	text, err := files.ReadFile(path)
	if err != nil {
		panic(fmt.Sprintf("lua: BUG: %v", err))
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(trimmed, includePrefix); ok {
			out.WriteString(expand("include/" + name + ".lua"))
			continue
		}
		if trimmed == "" || strings.HasPrefix(trimmed, "--") {
			continue
		}
		out.WriteString(line)
	}
	return out.String()
}
