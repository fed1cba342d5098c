package commands

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What Redis 7.0.15 says of commands of its own, in RESP2: one key, all keys,
// and keys that move.
const (
	redisIncrBy = "*10\r\n$6\r\nincrby\r\n:3\r\n*3\r\n+write\r\n+denyoom\r\n+fast\r\n:1\r\n:1\r\n:1\r\n" +
		"*3\r\n+@write\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*3\r\n+RW\r\n+access\r\n+update\r\n" +
		indexSpec + "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n" +
		"*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n"
	redisMGet = "*10\r\n$4\r\nmget\r\n:-2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:-1\r\n:1\r\n" +
		"*3\r\n+@read\r\n+@string\r\n+@fast\r\n*1\r\n$26\r\nrequest_policy:multi_shard\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n" +
		indexSpec + "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n" +
		"*6\r\n$7\r\nlastkey\r\n:-1\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n"
	// SORT without its third specification.
	redisSort = "*10\r\n$4\r\nsort\r\n:-2\r\n*3\r\n+write\r\n+denyoom\r\n+movablekeys\r\n:1\r\n:1\r\n:1\r\n" +
		"*3\r\n+@write\r\n+@slow\r\n+@dangerous\r\n*0\r\n*2\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n" +
		indexSpec + "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n" +
		"*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n" +
		"*8\r\n$5\r\nnotes\r\n$4\r\nwhy?\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n" +
		"$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$7\r\nunknown\r\n$4\r\nspec\r\n*0\r\n" +
		"$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$7\r\nunknown\r\n$4\r\nspec\r\n*0\r\n*0\r\n"
	redisFlushAll = "*10\r\n$8\r\nflushall\r\n:-1\r\n*1\r\n+write\r\n:0\r\n:0\r\n:0\r\n" +
		"*4\r\n+@keyspace\r\n+@write\r\n+@slow\r\n+@dangerous\r\n" +
		"*2\r\n$25\r\nrequest_policy:all_shards\r\n$29\r\nresponse_policy:all_succeeded\r\n*0\r\n*0\r\n"

	indexSpec = "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
)

func TestInfoHasTheShapeOfRedis(t *testing.T) {
	for ours, theirs := range map[string]string{
		"dk.inc":   redisIncrBy,
		"dkc.mget": redisMGet,
		"dks.minc": redisSort,
		"dk.clear": redisFlushAll,
	} {
		got := decode(t, mustLookup(t, ours).AppendInfo(nil)).([]any)
		want := decode(t, []byte(theirs)).([]any)
		if g, w := shape(got), shape(want); g != w {
			t.Errorf("%s\n got %s\nwant %s", ours, g, w)
		}
		// First key, last key and step, and how the keys are found.
		if g, w := fmt.Sprint(got[3:6]), fmt.Sprint(want[3:6]); g != w {
			t.Errorf("%s: keys at %s, want %s", ours, g, w)
		}
		if len(want[8].([]any)) > 0 {
			g, w := got[8].([]any)[0].([]any)[2:], want[8].([]any)[0].([]any)[2:]
			if fmt.Sprint(g) != fmt.Sprint(w) {
				t.Errorf("%s: %v, want %v", ours, g, w)
			}
		}
	}
}

// shape writes the types of a reply without its values, sets of words as one.
func shape(v any) string {
	switch v := v.(type) {
	case int64:
		return ":"
	case string:
		return "$"
	case statusReply:
		return "+"
	case []any:
		var parts []string
		for _, x := range v {
			if s := shape(x); s != "+" || !slices.Contains(parts, "+") {
				parts = append(parts, s)
			}
		}
		// Tips are a list of words that may be empty.
		if len(parts) == 10 {
			parts[7] = "tips"
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprintf("%T", v)
}

func TestInfoOfEveryCommand(t *testing.T) {
	// All flags that Redis 7.0 shows, in its order.
	order := strings.Fields("write readonly denyoom module admin pubsub noscript blocking loading stale skip_monitor " +
		"skip_slowlog asking fast no_auth no_mandatory_keys no_async_loading no_multi movablekeys allow_busy")
	for _, c := range All() {
		info := decode(t, c.AppendInfo([]byte{})).([]any)
		if len(info) != 10 || info[0] != c.Name() || info[1] != int64(c.verb.arity) {
			t.Errorf("%s: %v", c.Name(), info)
			continue
		}
		last := -1
		for _, f := range info[2].([]any) {
			at := slices.Index(order, string(f.(statusReply)))
			if at <= last {
				t.Errorf("%s: flag %s is unknown or out of order", c.Name(), f)
			}
			last = at
		}
		if len(info[6].([]any)) == 0 || len(info[9].([]any)) > 0 {
			t.Errorf("%s: categories %v, subcommands %v", c.Name(), info[6], info[9])
		}
	}
}

func TestInfoInRESP3HasSetsAndMaps(t *testing.T) {
	for _, c := range All() {
		info := decode(t, c.AppendInfoRESP3(nil)).([]any)
		for _, i := range []int{2, 6, 7, 8, 9} {
			if _, isSet := info[i].(setReply); !isSet {
				t.Errorf("%s: element %d is %T", c.Name(), i, info[i])
			}
		}
		for _, spec := range info[8].(setReply) {
			if _, isMap := spec.(mapReply); !isMap {
				t.Errorf("%s: specification is %T", c.Name(), spec)
			}
		}
		if two := fmt.Sprint(decode(t, c.AppendInfo(nil))); fmt.Sprint(info) != two {
			t.Errorf("%s says another thing in RESP2: %s", c.Name(), two)
		}
	}
}
