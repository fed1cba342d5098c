package commands

import (
	"fmt"
	"strings"
	"testing"
)

func TestDocsBytes(t *testing.T) {
	const condition2 = "*10\r\n$4\r\nname\r\n$9\r\ncondition\r\n$4\r\ntype\r\n$5\r\nblock\r\n$5\r\ntoken\r\n$2\r\nIF\r\n" +
		"$5\r\nflags\r\n*1\r\n+optional\r\n$9\r\narguments\r\n*2\r\n"
	got := string(mustLookup(t, "dkc.inc").AppendDocs(nil, false))
	for _, part := range []string{
		"$7\r\ndkc.inc\r\n*10\r\n$7\r\nsummary\r\n$37\r\nAdds to a counter (lax). Reply: total\r\n",
		"$5\r\ngroup\r\n$7\r\ndistkit\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n$9\r\narguments\r\n*3\r\n",
		"*6\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n",
		"*6\r\n$4\r\nname\r\n$5\r\ndelta\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$5\r\nflags\r\n*1\r\n+optional\r\n",
		condition2,
		"*6\r\n$4\r\nname\r\n$2\r\neq\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$5\r\ntoken\r\n$2\r\nEQ\r\n",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%q", part, got)
		}
	}
	three := string(mustLookup(t, "dkc.inc").AppendDocs(nil, true))
	for _, part := range []string{"$7\r\ndkc.inc\r\n%5\r\n", "%3\r\n$4\r\nname\r\n$3\r\nkey\r\n", "$5\r\nflags\r\n~1\r\n+optional\r\n", "$9\r\narguments\r\n*3\r\n"} {
		if !strings.Contains(three, part) {
			t.Errorf("%q is not in\n%q", part, three)
		}
	}
}

// redis-cli builds its hints from the documentation; so does hint, by the rules
// of version 7.0, and is as unforgiving about types.
func TestDocsGiveTheHintsOfRedisCli(t *testing.T) {
	const cond = "[IF EQ|NE|LT|LE|GT|GE operand]"
	want := map[string]string{
		"inc": "key [delta] " + cond, "dec": "key [delta] " + cond,
		"get": "key", "del": "key", "deli": "key",
		"set": "key value " + cond, "seti": "key value " + cond,
		"clear": "[namespace]", "cleari": "[namespace]", "instances": "[namespace]",
		"mget": "key [key ...]", "mgeti": "key [key ...]",
		"minc":  "key delta " + cond + " [key delta " + cond + " ...]",
		"mset":  "key value " + cond + " [key value " + cond + " ...]",
		"mseti": "key value " + cond + " [key value " + cond + " ...]",
		"flush": "[key [key ...]]",
		"id":    "",
		"hot":   "[count]",
		"scan":  "cursor [MATCH glob] [COUNT count] [NS namespace]",
	}
	for _, c := range All() {
		reply := decode(t, append([]byte("*2\r\n"), c.AppendDocs(nil, false)...)).([]any)
		docs := fields(reply[1])
		for _, name := range []string{"summary", "since", "group", "complexity"} {
			if text, isBulk := docs[name].(string); !isBulk || text == "" {
				t.Errorf("%s: %s is %v", c.Name(), name, docs[name])
			}
		}
		args, _ := docs["arguments"].([]any)
		if got := hints(t, args, " "); reply[0] != c.Name() || got != want[c.verb.name] {
			t.Errorf("%s: %q, want %q", reply[0], got, want[c.verb.name])
		}
		three := decode(t, append([]byte("%1\r\n"), c.AppendDocs(nil, true)...))
		if fmt.Sprint(three) != fmt.Sprint(reply) {
			t.Errorf("%s says another thing in RESP3", c.Name())
		}
	}
}

// fields makes a Go map of RESP2's flat one.
func fields(v any) map[string]any {
	m := map[string]any{}
	list := v.([]any)
	for i := 0; i < len(list); i += 2 {
		m[list[i].(string)] = list[i+1]
	}
	return m
}

func hints(t *testing.T, args []any, separator string) string {
	t.Helper()
	var list []string
	for _, a := range args {
		list = append(list, hint(t, fields(a)))
	}
	return strings.Join(list, separator)
}

func hint(t *testing.T, arg map[string]any) string {
	t.Helper()
	token, _ := arg["token"].(string)
	inner, _ := arg["arguments"].([]any)
	var text string
	switch typ := arg["type"].(string); typ {
	case "key", "string", "integer", "pattern":
		text = arg["name"].(string)
	case "oneof":
		text = hints(t, inner, "|")
	case "block":
		text = hints(t, inner, " ")
	case "pure-token":
	default:
		t.Errorf("redis-cli does not know the type %q", typ)
	}
	if token != "" && text != "" {
		text = " " + text
	}
	text = token + text
	flags, _ := arg["flags"].([]any)
	for _, flag := range []statusReply{"multiple", "optional"} {
		for _, f := range flags {
			if f != flag {
				continue
			}
			if flag == "multiple" {
				text += " [" + text + " ...]"
			} else {
				text = "[" + text + "]"
			}
		}
	}
	return text
}
