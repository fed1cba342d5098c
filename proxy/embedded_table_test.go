package proxy

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

// embeddedKeys is the embedded Redis and what its table tells of keys.
func embeddedKeys(t *testing.T) (*Embedded, *keyspec.Table) {
	t.Helper()
	emb := testEmbedded(t)
	c := redis.NewClient(emb.RedisOptions())
	defer c.Close()
	reply, err := c.Do(t.Context(), "COMMAND").Slice()
	if err != nil {
		t.Fatal(err)
	}
	table, err := keyspec.Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	return emb, table
}

// redisNames are the commands of Redis 7.
func redisNames(t *testing.T) (names []string) {
	t.Helper()
	f, err := os.Open("keyspec/testdata/redis-7.0.15.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line []any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		names = append(names, line[0].(string))
	}
	return names
}

// Everything that the embedded Redis answers is in its table, so that nothing is
// taken for a command of which nobody knows what it touches.
func TestEmbeddedTableHasAllItsCommands(t *testing.T) {
	emb, table := embeddedKeys(t)
	names := append(redisNames(t), "delex", "hexpire", "hpersist", "hpttl", "hsetex", "httl")
	for name := range compat {
		names = append(names, strings.ToLower(name))
	}
	known := 0
	for _, name := range names {
		a := table.Touched([][]byte{[]byte(name)}, nil)
		if a.Ask {
			t.Errorf("%s has keys that only COMMAND GETKEYS tells, which is not there", name)
		}
		if emb.knows(name) {
			known++
			if a.Unknown {
				t.Errorf("%s is not in the table", name)
			}
		}
	}
	if known < 150 {
		t.Errorf("only %d commands are known", known)
	}
}

func TestEmbeddedTableHasKeys(t *testing.T) {
	_, table := embeddedKeys(t)
	for command, want := range map[string]string{
		"GET k": "k", "MSET a 1 b 2": "a b", "COPY a b": "a b", "GETEX k EX 5": "k", "LMPOP 2 a b LEFT": "a b", "ZUNION 2 a b": "a b",
		"XREAD COUNT 1 STREAMS a b 0 0": "a b", "ZUNIONSTORE d 2 a b": "d a b", "GEORADIUS k 0 0 1 m STORE d": "k d",
		"EVAL_RO s 1 a": "a", "XGROUP CREATE k g 0": "k", "OBJECT IDLETIME k": "k", "MEMORY USAGE k": "k", "CONFIG GET save": "", "CLIENT ID": "", "ACL WHOAMI": "",
	} {
		var args [][]byte
		for word := range strings.FieldsSeq(command) {
			args = append(args, []byte(word))
		}
		var keys []string
		a := table.Touched(args, nil)
		for _, key := range a.Keys {
			keys = append(keys, string(key))
		}
		if got := strings.Join(keys, " "); got != want || a.Unknown {
			t.Errorf("%s: %q (%+v), want %q", command, got, a, want)
		}
	}
}
