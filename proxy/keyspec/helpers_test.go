package keyspec

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// savedReply is what COMMAND of Redis 7.0.15 replies, a command a line, without
// its categories, its tips, the notes and most flags.
func savedReply(t testing.TB) []any {
	t.Helper()
	f, err := os.Open("testdata/redis-7.0.15.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var reply []any
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line []any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		reply = append(reply, asReply(line))
	}
	return reply
}

// asReply makes the numbers integers.
func asReply(v any) any {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case []any:
		for i := range v {
			v[i] = asReply(v[i])
		}
	}
	return v
}

func parsed(t testing.TB, reply []any) *Table {
	t.Helper()
	table, err := Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// line splits a command at its blanks; ” is an empty argument.
func line(text string) [][]byte {
	var args [][]byte
	for _, word := range strings.Split(text, " ") {
		if word == "''" {
			word = ""
		}
		args = append(args, []byte(word))
	}
	return args
}

// told writes an answer down: its keys, then what else is in it.
func told(a Answer) string {
	var words []string
	for _, key := range a.Keys {
		words = append(words, string(key))
	}
	for _, o := range a.Others {
		if o.Whole {
			words = append(words, fmt.Sprintf("%d:*", o.DB))
			continue
		}
		words = append(words, fmt.Sprintf("%d:%s", o.DB, o.Key))
	}
	for _, w := range []struct {
		on   bool
		word string
	}{
		{a.Whole != Nowhere, "+whole-" + a.Whole.String()}, {a.Loose != Nowhere, "+loose-" + a.Loose.String()},
		{a.Flush, "+flush"}, {a.Ask, "+ask"}, {a.Unknown, "+unknown"}, {a.Reloads, "+reloads"},
	} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}
