package integration

import (
	"strings"
	"testing"
)

// checkUnknown checks that Redis refuses a name that is not one of ours.
func checkUnknown(t *testing.T, u user, line string) {
	t.Helper()
	words := strings.Fields(line + " ")
	args := []any{u.f.prefix}
	for i, w := range words {
		if i == 0 {
			args[0] = u.f.prefix + w
		} else {
			args = append(args, w)
		}
	}
	if e, ok := raw(t, u.c, args...).(failure); !ok || !strings.HasPrefix(string(e), "ERR unknown command") {
		t.Errorf("%v: %v, want an unknown command", args, e)
	}
}

const (
	notAnInteger = "value is not an integer or out of range"
	syntaxError  = "syntax error"
	arityError   = "arity" // names the command
)

// badInput is what each verb refuses; ” stands for an empty argument.
var badInput = map[string][]string{
	arityError: {
		"INC", "DEC", "GET", "GET x y", "SET", "SET x", "DEL", "DEL x y", "CLEAR a b",
		"MGET", "MINC", "MINC x", "MINC x 1 y", "MINC x 1 IF EQ 1 y", "MSET", "MSET x", "MSET x 1 y", "SCAN",
		"SETI", "SETI x", "DELI", "DELI x y", "CLEARI a b", "MGETI", "MSETI", "MSETI x", "MSETI x 1 y",
		"ID x", "INSTANCES a b",
	},
	notAnInteger: {
		"INC x abc", "INC x ''", "INC x 1.5", "INC x +5", "INC x 012", "INC x -0", "INC x 1e3", "INC x 0x10", "INC x -", "INC x 5x",
		"INC x 9223372036854775808", "INC x -9223372036854775809", "INC x 99999999999999999999999",
		"INC x 5 IF EQ abc", "INC x IF EQ ''", "DEC x abc", "DEC x 9223372036854775808", "SET x abc", "SET x IF", "SET x 5 IF GT 1.5",
		"MINC x 1 y abc", "MINC x 1 IF EQ abc y 1", "MSET x 1 y ''", "MSET x IF EQ 1", "SCAN 0 COUNT abc", "SCAN 0 COUNT ''",
		"SETI x abc", "MSETI x 1 y abc",
	},
	syntaxError: {
		"INC x 5 6", "INC x 5 IFF EQ 1", "INC x 5 IF", "INC x 5 IF EQ", "INC x IF", "INC x IF EQ", "INC x 5 IF XX 1", "INC x 5 IF '' 1",
		"INC x 5 IF EQ 1 2", "INC x 5 IF EQ 1 IF EQ 2", "DEC x 5 6", "DEC x 5 IF == 1", "SET x 5 6", "SET x 5 IF", "SET x 5 IF NEQ 1",
		"MINC x 1 IF", "MINC x 1 IF EQ", "MINC x 1 y 1 IF ZZ 1", "MSET x 1 y 1 IF GT", "SCAN 0 MATCH", "SCAN 0 FOO bar", "SCAN 0 COUNT 0",
		"SCAN 0 COUNT -1", "SCAN 0 NS", "SETI x 5 6", "SETI x 5 IF QQ 1", "MSETI x 1 y 1 IF LT",
	},
	"invalid cursor": {"SCAN abc", "SCAN ''", "SCAN -1", "SCAN 99999999999999999999"},
}

func TestBadInputIsRefusedInRedisWords(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		u.want("MSET x 5 y 6", u.f.owns(5, 6))
		u.flush()
		before := keyTypes(t, r.redis)
		for text, lines := range badInput {
			for _, line := range lines {
				words := strings.Fields(line)
				if !u.f.aware && (strings.HasSuffix(words[0], "I") || words[0] == "ID" || words[0] == "INSTANCES") {
					continue
				}
				args := []any{u.f.prefix + words[0]}
				for _, w := range words[1:] {
					args = append(args, strings.TrimSuffix(w, "''"))
				}
				want := failure("ERR " + text)
				if text == arityError {
					want = failure("ERR wrong number of arguments for '" + strings.ToLower(u.f.prefix+words[0]) + "' command")
				}
				if got := raw(t, u.c, args...); got != want {
					t.Errorf("%v: %#v, want %#v", args, got, want)
				}
			}
		}
		u.want("MGET x y", u.f.owns(5, 6))
		u.flush()
		same(t, "keys", keyTypes(t, r.redis), before)
		same(t, "totals", fields(t, r.redis, u.f.totals("distkit")), map[string]string{"x": "5", "y": "6"})
	})
}
