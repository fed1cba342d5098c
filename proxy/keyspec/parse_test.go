package keyspec

import (
	"encoding/json"
	"errors"
	"testing"
)

// fromJSON is a reply that a test writes down.
func fromJSON(t testing.TB, text string) []any {
	t.Helper()
	var v []any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return asReply(v).([]any)
}

// A Redis before 7.0 gives the first key, the last and the step, and says where
// that is not all.
func TestOldRedis(t *testing.T) {
	table := parsed(t, fromJSON(t, `[
		["get", 2, ["readonly"], 1, 1, 1],
		["mset", -3, ["write"], 1, -1, 2, ["@write"]],
		["blpop", -3, ["write"], 1, -2, 1, []],
		["object", -2, ["readonly"], 2, 2, 1, []],
		["xgroup", -2, ["write"], 2, 2, 1, []],
		["memory", -2, ["readonly", "movablekeys"], 0, 0, 0, []],
		["xread", -4, ["movablekeys"], 1, 1, 1, []],
		["xreadgroup", -4, ["movablekeys"], 1, 1, 1, []],
		["georadius", -6, ["movablekeys"], 1, 1, 1, []],
		["zunionstore", -4, ["movablekeys"], 0, 0, 0, []],
		["sort", -2, ["movablekeys"], 1, 1, 1, []],
		["migrate", -6, ["movablekeys"], 0, 0, 0, []],
		["eval", -3, ["movablekeys"], 0, 0, 0, []],
		["move", 3, [], 1, 1, 1, []],
		["keys", 2, [], 0, 0, 0, []],
		["cluster", -2, [], 0, 0, 0, []],
		["debug", -2, [], 0, 0, 0, []],
		["mod.get", -2, ["movablekeys"], 1, 1, 1, []],
		["mod.all", -2, ["movablekeys"], 0, 0, 0, []],
		["mod.one", -2, [], 1, 1, 1, []],
		["mod.none", -1, [], 0, 0, 0, []]
	]`))
	for _, tc := range []struct{ command, want string }{
		{"GET k", "k"},
		{"MSET a 1 b 2", "a b"},
		{"BLPOP a b 0", "a b"},
		{"OBJECT FREQ k", "k"},
		{"OBJECT HELP", ""},
		{"XGROUP CREATE k g 0", "k"},
		{"MEMORY USAGE k", "k"},
		{"MEMORY STATS", ""},
		{"MEMORY NOSUCH k", "+ask"},
		{"XREAD COUNT 2 STREAMS a b 0 0", "a b"},
		{"XREADGROUP GROUP g c STREAMS a >", "a"},
		{"GEORADIUS k 0 0 1 m STOREDIST d", "k d"},
		{"ZUNIONSTORE d 2 a b", "d a b"},
		{"SORT k STORE d", "k d"},
		{"SORT k GET *", "k +loose-here"},
		{"MIGRATE h 1 '' 0 10 COPY KEYS a b", " a b +loose-here"},
		{"EVAL s 1 a b", "a +loose-everywhere"},
		{"MOVE k 1", "k 1:k"},
		{"KEYS *", "+whole-here"},
		{"CLUSTER INFO", ""},
		{"CLUSTER RESET", "+loose-everywhere"},
		{"DEBUG SLEEP 0", ""},
		{"DEBUG OBJECT k", "+loose-everywhere"},
		{"MOD.GET a b", "a +ask"},
		{"MOD.ALL a b", "+ask"},
		{"MOD.ONE a b", "a"},
		{"MOD.NONE", "+loose-everywhere"},
	} {
		if got := told(table.Touched(line(tc.command), nil)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.command, got, tc.want)
		}
	}
}

// What modules say in Redis 7.
func TestModules(t *testing.T) {
	const one = `"begin_search", ["type","index","spec",["index",1]], "find_keys", ["type","range","spec",["lastkey",0,"keystep",1,"limit",0]]`
	table := parsed(t, fromJSON(t, `[
		["M.Keyless", -1, ["module"], 0, 0, 0, [], [], [], []],
		["m.one", -1, ["module"], 1, 1, 1, [], [], [["flags",["RW"],`+one+`]], []],
		["m.names", -1, ["module","movablekeys"], 1, 1, 1, [], [], [["flags",["RW"],`+one+`]], []],
		["m.partial", -1, ["module"], 1, 1, 1, [], [], [["flags",["RW","incomplete"],`+one+`]], []],
		["m.open", -1, ["module"], 0, 0, 0, [], [], [["flags",["RW"],"begin_search",["type","unknown","spec",[]],"find_keys",["type","unknown","spec",[]]]], []],
		["copy", -3, [], 1, 2, 1, [], [], [["flags",["RW","incomplete"],`+one+`]], []],
		["m.channel", -1, ["module"], 1, 1, 1, [], [], [["flags",["not_key"],`+one+`]], []],
		["m.box", -1, ["module"], 0, 0, 0, [], [], [], [
			["m.box|one", -1, ["module"], 1, 1, 1, [], [], [["flags",["RW"],"begin_search",["type","index","spec",["index",2]],"find_keys",["type","keynum","spec",["keynumidx",0,"firstkey",2,"keystep",2]]]], []],
			["m.box|none", -1, ["module"], 0, 0, 0, [], [], [], []]]]
	]`))
	for _, tc := range []struct{ command, want string }{
		{"M.KEYLESS", "+loose-everywhere"},
		{"M.ONE a", "a"},
		{"M.NAMES a", "a +ask"},
		{"M.PARTIAL a b", "a +loose-everywhere"},
		{"M.OPEN a b", "+loose-everywhere"},
		{"COPY a b DB 1", "a 1:b +loose-everywhere"}, // a later one may say so
		{"M.CHANNEL a", ""},
		{"M.BOX ONE 2 x a y b z", "a b"},
		{"M.BOX NONE", "+loose-everywhere"},
		{"M.BOX NEW a", "+loose-everywhere +unknown"},
	} {
		if got := told(table.Touched(line(tc.command), nil)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.command, got, tc.want)
		}
	}
}

// In RESP3 a specification is a map.
func TestMaps(t *testing.T) {
	fieldNames := map[string]bool{"flags": true, "type": true, "index": true, "keyword": true, "lastkey": true, "keynumidx": true}
	var toMaps func(v any) any
	toMaps = func(v any) any {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return v
		}
		if name, _ := list[0].(string); fieldNames[name] && len(list) <= 6 {
			m := make(map[any]any)
			for i := 0; i+1 < len(list); i += 2 {
				m[list[i]] = toMaps(list[i+1])
			}
			return m
		}
		for i := range list {
			list[i] = toMaps(list[i])
		}
		return list
	}
	table := parsed(t, toMaps(savedReply(t)).([]any))
	for command, want := range map[string]string{
		"GET k": "k", "LMPOP 2 a b LEFT": "a b", "XREAD STREAMS a 0": "a", "XGROUP CREATE k g $": "k", "SPUBLISH a b": "",
	} {
		if got := told(table.Touched(line(command), nil)); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

// What cannot be read is not there, or loose.
func TestBadReplies(t *testing.T) {
	for _, reply := range [][]any{nil, {}, {nil}, {"get"}, {int64(1)}, {[]any{}}, {[]any{"get", int64(2)}}, {[]any{"get", int64(2), []any{}, "1", int64(1), int64(1)}}} {
		if _, err := Parse(reply); !errors.Is(err, ErrNoTable) {
			t.Errorf("%v: %v", reply, err)
		}
	}
	spec := func(begin, find string) string {
		return `["x", -1, null, 0, 0, 0, [], [], [["flags",[],"begin_search",` + begin + `,"find_keys",` + find + `]], []]`
	}
	const good, one = `["type","index","spec",["index",1]]`, `["type","range","spec",["lastkey",0,"keystep",1,"limit",0]]`
	for _, text := range []string{
		spec(`["type","index","spec",["index",0]]`, one),
		spec(`["type","index","spec",["index",-5]]`, one),
		spec(`["type","index","spec",["index","1"]]`, one),
		spec(`["type","index","spec",["index",9000000000000]]`, one),
		spec(`["type","keyword","spec",["keyword","","startfrom",1]]`, one),
		spec(`["type","keyword","spec",["keyword","K"]]`, one),
		spec(`["type",[],"spec",[]]`, one),
		spec(`null`, one),
		spec(good, `["type","range","spec",["lastkey",0,"keystep",1]]`),
		spec(good, `["type","keynum","spec",["keynumidx",-1,"firstkey",1,"keystep",1]]`),
		spec(good, `["type","keynum","spec",["keynumidx",0,"firstkey",-3,"keystep",1]]`),
		spec(good, `["type"]`),
		spec(good, `7`),
		`["x", -1, [], 0, 0, 0, [], [], [null], []]`,
		`["x", -1, [], 5, 3, 1]`,
		`["x", -1, [], -5, 3, 1]`,
	} {
		if got := told(parsed(t, fromJSON(t, "["+text+"]")).Touched(line("X a b c d"), nil)); got != "+loose-everywhere" {
			t.Errorf("%s: %q", text, got)
		}
	}
	// A step of nothing would never end.
	table := parsed(t, fromJSON(t, `[["x", -1, [], 1, -1, 0], ["y", -1, [], 1, -1, -3]]`))
	for _, command := range []string{"X a b", "Y a b"} {
		if got := told(table.Touched(line(command), nil)); got != "a b" {
			t.Errorf("%s: %q", command, got)
		}
	}
}

func TestQuestionAndKeys(t *testing.T) {
	q := Question(line("mod.get a"))
	if len(q) != 4 || q[0] != "COMMAND" || q[1] != "GETKEYS" || string(q[3].([]byte)) != "a" {
		t.Errorf("the question is %q", q)
	}
	for _, tc := range []struct {
		reply any
		err   error
		want  int
		ok    bool
	}{
		{[]any{"a", "b"}, nil, 2, true},
		{[]any{}, nil, 0, true},
		{nil, errors.New("ERR The command has no key arguments"), 0, true},
		{nil, errors.New("ERR Invalid arguments specified for command"), 0, false},
		{"OK", nil, 0, false},
		{[]any{int64(1)}, nil, 0, false},
		{nil, nil, 0, false},
	} {
		keys, ok := ParseKeys(tc.reply, tc.err)
		if len(keys) != tc.want || ok != tc.ok {
			t.Errorf("%v, %v: %q, %v", tc.reply, tc.err, keys, ok)
		}
	}
}
