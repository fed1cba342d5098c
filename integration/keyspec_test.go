package integration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/corpus"
	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

// keyed are commands with keys that the scenarios lack, or have in one form only.
var keyed = []string{
	"GEORADIUS g 1 2 3 km WITHCOORD STORE a", "GEORADIUS g 1 2 3 km STORE a STOREDIST b", "GEORADIUSBYMEMBER g m 3 km STOREDIST b",
	"MIGRATE h 1 k 0 10 COPY", "SORT k BY w_* LIMIT 0 5 GET a_* GET b_* ALPHA STORE d", "SORT k LIMIT STORE 5 STORE d", "SORT k BY STORE GET LIMIT DESC",
	"XREAD COUNT 3 BLOCK 10 STREAMS a b c 0 0 0", "XREAD STREAMS streams a 0 0", "GEORADIUS g 1 2 3 km STORE a STORE b", "XREADGROUP COUNT 1 GROUP streams c STREAMS a b > >", "EVALSHA x 1 a", "EVALSHA_RO x 1 a b",
	"XREADGROUP GROUP g streams COUNT 1 NOACK STREAMS a b > >",
	"ZUNIONSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MAX", "EVAL s 3 a b c d e", "BITOP NOT d a", "MSETNX a 1 b 2 c 3",
	"OBJECT FREQ k", "OBJECT IDLETIME k", "OBJECT REFCOUNT k", "MEMORY USAGE k SAMPLES 5", "XGROUP SETID k g 0", "XINFO STREAM k FULL",
	"RESTORE-ASKING k 0 v", "PFDEBUG ENCODING k", "COPY a b DB 3 REPLACE", "MOVE k 3", "SINTERCARD 2 a b LIMIT 1", "ZINTERCARD 2 a b LIMIT 1",
	"BLMPOP 0 2 a b LEFT COUNT 1", "BZMPOP 0 2 a b MIN COUNT 1", "GETEX k EX 5", "LCS a b IDX", "WATCH a b c",
}

// excepted are commands of which more keys are named than Redis does, and why.
var excepted = map[string]string{
	"EVAL return 1 2 k":                                  "refused for naming more keys than there are",
	"SORT_RO l STORE out":                                "refused for its STORE",
	"GEORADIUS g 1 2 3 km STORE a STORE b":               "Redis takes the last; a first one counts too",
	"XREADGROUP COUNT 1 GROUP streams c STREAMS a b > >": "the group's name is no STREAMS, though Redis takes it for one here",
	"MIGRATE h 1  0 10 AUTH x KEYS a b":                  "an empty key stands for those behind KEYS",
}

// refusals are what Redis answers to COMMAND GETKEYS for a command that it would
// refuse, or that has no arguments.
var refusals = []string{
	"Invalid command specified", "Invalid number of arguments", "Invalid arguments specified",
	"wrong number of arguments for 'command|getkeys' command",
}

// The keys found are those that Redis finds, of every command that has any, with
// key specifications and without them as before 7.0.
func TestKeysAreThoseThatRedisFinds(t *testing.T) {
	r := startRedis(t)
	for proto := 2; proto <= 3; proto++ {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			c := redis.NewClient(&redis.Options{Addr: r.addr, Protocol: proto, DisableIdentity: true})
			defer c.Close()
			reply := raw(t, c, "COMMAND").([]any)
			var old []any
			for _, entry := range reply {
				old = append(old, entry.([]any)[:7])
			}
			k := &keyComparison{t: t, c: c, table: keyTable(t, reply), old: keyTable(t, old), excepted: maps.Clone(excepted), met: make(map[string]bool)}
			for _, command := range keyCommands(t) {
				k.compare(command)
			}
			for _, name := range keyedNames(reply) {
				if !k.met[name] {
					t.Errorf("%s has keys and was not tried", name)
				}
			}
			for command := range k.excepted {
				t.Errorf("%s is no exception", command)
			}
			t.Logf("%d commands", k.compared)
		})
	}
}

// keyCommands are those of the scenarios and of keyed.
func keyCommands(t *testing.T) (commands [][]string) {
	all, err := corpus.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		for _, step := range s.Steps {
			if step.Args != nil {
				commands = append(commands, step.Args)
			}
		}
	}
	for _, line := range keyed {
		commands = append(commands, strings.Fields(line))
	}
	return append(commands, []string{"MIGRATE", "h", "1", "", "0", "10", "AUTH", "x", "KEYS", "a", "b"})
}

func keyTable(t *testing.T, reply []any) *keyspec.Table {
	t.Helper()
	table, err := keyspec.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// keyedNames are the commands that have a first key or movable ones, and their subcommands.
func keyedNames(reply []any) (out []string) {
	for _, item := range reply {
		entry := item.([]any)
		specs, _ := entry[8].([]any)
		if len(specs) > 0 && !strings.Contains(fmt.Sprint(specs), "not_key") {
			out = append(out, entry[0].(string))
		}
		out = append(out, keyedNames(entry[9].([]any))...)
	}
	return out
}

type keyComparison struct {
	t          *testing.T
	c          *redis.Client
	table, old *keyspec.Table
	excepted   map[string]string // not seen yet
	met        map[string]bool   // names of commands with keys
	compared   int
}

func (k *keyComparison) compare(words []string) {
	var args [][]byte
	for _, w := range words {
		args = append(args, []byte(w))
	}
	text := strings.Join(words, " ")
	reply, err := k.c.Do(k.t.Context(), keyspec.Question(args)...).Result()
	want, ok := keyspec.ParseKeys(reply, err)
	if !ok {
		if err == nil || !slices.ContainsFunc(refusals, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			k.t.Errorf("COMMAND GETKEYS %.100s: %v, %v", text, reply, err)
		}
		return
	}
	k.compared++
	_, more := excepted[text]
	delete(k.excepted, text)
	if a := k.table.Touched(args, nil); !sameKeys(a.Keys, want, more) || a.Unknown || a.Ask {
		k.t.Errorf("%.100s: %.200q (%+v), Redis: %.200q", text, a.Keys, a, want)
	}
	if a := k.old.Touched(args, nil); !newForm[strings.ToLower(words[0])] && (!sameKeys(a.Keys, want, more) || a.Unknown || a.Ask) {
		k.t.Errorf("without specifications, %.100s: %.200q (%+v), Redis: %.200q", text, a.Keys, a, want)
	}
	if len(want) > 0 {
		k.met[strings.ToLower(words[0])] = true
		k.met[strings.ToLower(strings.Join(words[:2], "|"))] = true
	}
}

// newForm are commands of which the first six elements of Redis 7 say something
// else than before: containers had the key of their subcommands, and there were
// no shard channels.
var newForm = map[string]bool{
	"object": true, "xgroup": true, "xinfo": true,
	"spublish": true, "ssubscribe": true, "sunsubscribe": true,
}

// sameKeys compares keys in any order; more may be there where that is excepted,
// and is then to be there.
func sameKeys(got, want [][]byte, more bool) bool {
	count := make(map[string]int)
	for _, key := range got {
		count[string(key)]++
	}
	for _, key := range want {
		if count[string(key)]--; count[string(key)] < 0 {
			return false
		}
	}
	return more == (len(got) > len(want))
}
