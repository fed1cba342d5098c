package keyspec

import (
	"slices"
	"strings"
	"testing"
)

func TestTouched(t *testing.T) {
	table := parsed(t, savedReply(t))
	for _, tc := range []struct{ command, want string }{
		{"GET k", "k"},
		{"gEt k", "k"},
		{"SET k v EX 10", "k"},
		{"MSET a 1 b 2", "a b"},
		{"MGET a b a", "a b a"},
		{"DEL a b c", "a b c"},
		{"RENAME a b", "a b"},
		{"BITOP AND d a b", "d a b"},
		{"BLPOP a b 0", "a b"},
		{"PFMERGE d a b", "d a b"},
		{"LMPOP 2 a b LEFT COUNT 3", "a b"},
		{"ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d a b"},
		{"XREAD COUNT 5 STREAMS a b 0 0", "a b"},
		{"XREADGROUP GROUP g c STREAMS a >", "a"},
		{"XGROUP CREATE k g $", "k"},
		{"XGROUP HELP", ""},
		{"XGROUP NOSUCH k g", "+loose-everywhere +unknown"},
		{"OBJECT ENCODING k", "k"},
		{"object freq k", "k"},
		{"MEMORY USAGE k", "k"},
		{"MEMORY STATS", ""},
		{"WATCH a b", "a b"},
		{"GEORADIUS k 0 0 1 m STORE d", "k d"},
		{"GEORADIUS k 0 0 1 m STORE a STORE b", "k a b"}, // the last one is taken
		{"GEORADIUS k 0 0 1 m", "k"},
		{"RESTORE-ASKING k 0 x", "k"},

		{"SORT k", "k"},
		{"SORT k LIMIT 0 1 ASC ALPHA STORE d", "k d"},
		{"SORT k BY w_* GET # STORE d", "k d +loose-here"},
		{"SORT k BY nosort GET #", "k"},
		{"SORT_RO k GET o_*", "k +loose-here"},
		{"SORT k STORE by STORE x*", "k by x*"},
		{"EVAL return 2 a b c", "a b +loose-everywhere"},
		{"EVALSHA_RO x 0", "+loose-everywhere"},
		{"FCALL f 1 a", "a +loose-everywhere"},
		{"MIGRATE h 1 k 0 10", "k +loose-here"},
		{"MIGRATE h 1 '' 0 10 KEYS a b", " a b +loose-here"},
		{"NOSUCH k", "+loose-everywhere +unknown"},
		{"DEBUG RELOAD", "+loose-everywhere"},
		{"DEBUG SLEEP 0", ""},
		{"MODULE LOAD x.so", "+loose-everywhere +reloads"},
		{"MODULE LIST", ""},
		{"REPLICAOF NO ONE", "+loose-everywhere"},
		{"CLUSTER FAILOVER", "+loose-everywhere"},
		{"CLUSTER NEW", "+loose-everywhere"},
		{"CLUSTER INFO", ""},
		{"CLUSTER COUNTKEYSINSLOT 5", "+whole-here"},

		{"KEYS k*", "+whole-here"},
		{"SCAN 0 MATCH x", "+whole-here"},
		{"RANDOMKEY", "+whole-here"},
		{"DBSIZE", "+whole-here"},
		{"FLUSHDB ASYNC", "+whole-here"},
		{"FLUSHALL", "+whole-everywhere"},
		{"SWAPDB 1 2", "1:* 2:*"},
		{"SWAPDB 1 x", "1:*"},
		{"SWAPDB 1", ""},
		{"MOVE k 3", "k 3:k"},
		{"MOVE k x", "k"},
		{"MOVE k -1", "k"},
		{"MOVE k 99999999999999999999999", "k"},
		{"MOVE k 0000000000000000000003", "k"}, // Redis refuses it
		{"COPY a b", "a b"},
		{"COPY a b REPLACE DB 4", "a b 4:b"},
		{"COPY a b db 4 db 5 replace", "a b 5:b"},
		{"COPY a b DB", "a b"},
		{"WAIT 1 0", "+flush"},
		{"SAVE", "+flush"},
		{"BGREWRITEAOF", "+flush"},

		{"PING", ""},
		{"CLIENT NOSUCH", ""}, // Redis refuses it, and none of CLIENT has keys
		{"CONFIG SET a b", ""},
		{"PUBLISH ch m", ""},
		{"SPUBLISH ch m", ""},
		{"SSUBSCRIBE ch", ""},
		{"FUNCTION FLUSH", ""},

		// What is wrong.
		{"GET", ""},
		{"MSET a", "a"},
		{"BLPOP k", ""},
		{"LMPOP x a LEFT", ""},
		{"LMPOP -1 a LEFT", ""},
		{"LMPOP 99 a LEFT", "a LEFT"},
		{"LMPOP 9999999999 a LEFT", ""},
		{"LMPOP", ""},
		{"XREAD STREAMS", ""},
		{"XREAD STREAMS a", ""},
		{"XREAD", ""},
		{"MIGRATE KEYS", "+loose-here"},
		{"OBJECT", ""},
		{"'' a", "+loose-everywhere +unknown"},
	} {
		if got := told(table.Touched(line(tc.command), nil)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.command, got, tc.want)
		}
	}
	if a := table.Touched(nil, nil); !a.Nothing() {
		t.Errorf("no arguments: %+v", a)
	}
}

// What is loose or unknown in a Redis without modules has been decided to be.
func TestEveryCommandIsDecided(t *testing.T) {
	reply := savedReply(t)
	table := parsed(t, reply)
	if table.Len() != 240 {
		t.Errorf("%d commands", table.Len())
	}
	var loose []string
	var look func(item any)
	look = func(item any) {
		list := item.([]any)
		name := strings.Replace(list[0].(string), "|", " ", 1)
		if a := table.Touched(line(name), nil); a.Loose != Nowhere && !strings.Contains(name, " ") || a.Unknown || a.Ask {
			loose = append(loose, name)
		}
		for _, sub := range list[9].([]any) {
			look(sub)
		}
	}
	for _, item := range reply {
		look(item)
	}
	want := "cluster debug eval eval_ro evalsha evalsha_ro fcall fcall_ro migrate module replicaof slaveof"
	if got := strings.Join(loose, " "); got != want {
		t.Errorf("loose are\n%s, want\n%s", got, want)
	}
}

func TestDecisionsHaveReasons(t *testing.T) {
	seen := make(map[string]bool)
	for _, d := range decisions {
		if d.why == "" {
			t.Errorf("%s: no reason", d.names)
		}
		for _, name := range strings.Fields(d.names) {
			if seen[name] || name != strings.ToLower(name) {
				t.Errorf("%s is there twice, or not in lower case", name)
			}
			seen[name] = true
		}
	}
}

// The caller's memory is used, and nothing else if it suffices.
func TestTouchedAllocatesNothing(t *testing.T) {
	table := parsed(t, savedReply(t))
	buf := make([][]byte, 0, 8)
	for _, text := range []string{"GET k", "set k v", "MSET a 1 b 2", "XREAD STREAMS a b 0 0", "OBJECT ENCODING k", "SORT k STORE d", "EVAL s 2 a b", "PING", "NOSUCH"} {
		args := line(text)
		if n := testing.AllocsPerRun(100, func() { buf = table.Touched(args, buf).Keys }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

// Arguments that can be read in many ways cost no more than they are long.
func TestTouchedIsLinear(t *testing.T) {
	table := parsed(t, savedReply(t))
	const n = 100_000
	for name, filler := range map[string]string{"XREAD": "STREAMS", "MIGRATE": "KEYS", "GEORADIUS": "STORE", "LMPOP": "99999"} {
		args := slices.Repeat(line(filler), n)
		args[0] = []byte(name)
		if got := len(table.Touched(args, nil).Keys); got > 2*n {
			t.Errorf("%s %s…: %d keys", name, filler, got)
		}
	}
}

func TestNilTableKnowsNothing(t *testing.T) {
	var table *Table
	if got := told(table.Touched(line("GET k"), nil)); got != "+loose-everywhere +unknown" || table.Len() != 0 {
		t.Error(got)
	}
}

func BenchmarkTouched(b *testing.B) {
	table := parsed(b, savedReply(b))
	buf := make([][]byte, 0, 8)
	for _, text := range []string{"GET k", "SET key value", "MSET a 1 b 2", "XREADGROUP GROUP g c COUNT 5 STREAMS a b > >", "OBJECT ENCODING k", "EVAL s 2 a b c", "SORT k LIMIT 0 5 STORE d"} {
		args := line(text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = table.Touched(args, buf).Keys
			}
		})
	}
}

// Of a command that comes in pieces only the beginning is known.
func TestWhatTheBeginningTells(t *testing.T) {
	table := parsed(t, savedReply(t))
	for text, want := range map[string][2]bool{
		"SET k": {true, false}, "append k": {true, false}, "HSET k": {true, false}, "XADD k": {true, false},
		"MSET k": {}, "DEL k": {}, "EVAL return": {}, "SORT k": {}, "COPY k": {}, "XREAD COUNT": {}, "ECHO x": {false, true},
		"PUBLISH c": {false, true}, "NOSUCH k": {}, "OBJECT ENCODING": {}, "FLUSHALL": {},
	} {
		args := line(text)
		if got := [2]bool{table.FirstKeyOnly(args[0]), table.Keyless(args)}; got != want {
			t.Errorf("%s: first key only and keyless are %v, want %v", text, got, want)
		}
	}
}
