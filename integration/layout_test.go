package integration

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// keyTypes returns the keys in Redis with their types. In the names of batch
// records RUN stands for the run.
func keyTypes(t testing.TB, c *redis.Client) map[string]string {
	t.Helper()
	types := make(map[string]string)
	for _, k := range raw(t, c, "KEYS", "*").([]any) {
		name := k.(string)
		if i := strings.Index(name, ":flush:"); i >= 0 {
			name = name[:strings.LastIndexByte(name, ':')] + ":RUN"
		}
		types[name] = raw(t, c, "TYPE", k).(string)
	}
	return types
}

// fields returns a hash as a map.
func fields(t testing.TB, c *redis.Client, key string) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for words := raw(t, c, "HGETALL", key).([]any); len(words) > 0; words = words[2:] {
		m[words[0].(string)] = words[1].(string)
	}
	return m
}

func TestLayoutOfEachFamily(t *testing.T) {
	for _, f := range everyFamily {
		t.Run(f.prefix, func(t *testing.T) {
			onBackends(t, func(t *testing.T, b backend) {
				r := newRig(t, b, engine.Options{InstanceID: "me"}).in(t, f)
				u, base := r.users[0], "page:"+f.container
				u.want("INC page:home 5", f.own(5))
				u.want("SET page:about 7", f.own(7))
				u.want("SET page:about 8", f.own(8))
				u.want("INC page:gone 9", f.own(9))
				u.flush()
				u.want("DEL page:gone", f.own(9))

				want := map[string]string{"distkit:config": "hash", f.totals("page"): "hash"}
				if f.aware {
					want[base+":count:me"] = "hash"
					want[base+":instances"] = "zset"
					want[base+":keys"] = "set"
					want[base+":epoch"] = "hash"
				}
				types := keyTypes(t, r.redis)
				record := types[base+":flush:me:RUN"]
				if f.lax != (record != "") || f.lax && record != "string" && record != "hash" {
					t.Errorf("the batch record is of type %q", record)
				}
				delete(types, base+":flush:me:RUN")
				same(t, "types", types, want)
				same(t, "config", fields(t, r.redis, "distkit:config"), map[string]string{"page:partitions": "1", "page:dead_after": "30000"})
				same(t, "totals", fields(t, r.redis, f.totals("page")), map[string]string{"home": "5", "about": "8"})
				if f.lax {
					checkRecordTTL(t, r.redis, base)
				}
				if f.aware {
					checkInstanceContainers(t, r.redis, base)
				}
			})
		})
	}
}

func checkRecordTTL(t *testing.T, c *redis.Client, base string) {
	t.Helper()
	for _, name := range raw(t, c, "KEYS", base+":flush:*").([]any) {
		if ttl := raw(t, c, "PTTL", name).(int64); ttl < (24*time.Hour - time.Minute).Milliseconds() {
			t.Errorf("%s lives for %d ms more", name, ttl)
		}
	}
}

func checkInstanceContainers(t *testing.T, c *redis.Client, base string) {
	t.Helper()
	same(t, "slices", fields(t, c, base+":count:me"), map[string]string{"home": "5", "about": "8"})
	epochs := fields(t, c, base+":epoch")
	if epochs[""] == "" {
		t.Error("there is no mark")
	}
	delete(epochs, "")
	// Behind a colon, which no counter has, stands the epoch that a proxy swept.
	same(t, "epochs", epochs, map[string]string{"about": "2", ":about": "2", "gone": "1", ":gone": "1"})
	inUse := raw(t, c, "SMEMBERS", base+":keys").([]any)
	sort.Slice(inUse, func(i, j int) bool { return inUse[i].(string) < inUse[j].(string) })
	same(t, "counters in use", inUse, []any{"about", "home"})

	beats := raw(t, c, "ZRANGE", base+":instances", 0, -1, "WITHSCORES").([]any)
	same(t, "instances", beats[:1:1], []any{"me"})
	seconds, _ := strconv.ParseInt(raw(t, c, "TIME").([]any)[0].(string), 10, 64)
	if beat, err := strconv.ParseFloat(beats[1].(string), 64); err != nil || beat < float64(seconds-10)*1000 || beat > float64(seconds+1)*1000 {
		t.Errorf("heartbeat %v at %d s", beats[1], seconds)
	}
}

func TestReadsWriteNothing(t *testing.T) {
	testWritesNothing(t, true, "GET @:x", "MGET @:x @:y", "MGETI @:x @:y", "SCAN 0 NS @", "INSTANCES @", "FLUSH @:x",
		"INC @:x 0", "INC @:x 5 IF GT 0", "MINC @:x 5 IF GT 0 @:y 0")
}

// TestWhatChangesNothingWritesNothing is about verbs that go through a script.
func TestWhatChangesNothingWritesNothing(t *testing.T) {
	testWritesNothing(t, false, "SET @:x 5 IF GT 0", "MSET @:x 5 IF GT 0", "SETI @:x 5 IF GT 0", "DEL @:x", "DELI @:x", "CLEAR @", "CLEARI @")
}

// testWritesNothing sends each line in a namespace of its own, for which @
// stands, and checks that it has no key; for reads, no settings either.
func testWritesNothing(t *testing.T, reads bool, lines ...string) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{})
		for _, f := range everyFamily {
			for i, line := range lines {
				verb, _, _ := strings.Cut(line, " ")
				if !f.aware && (strings.HasSuffix(verb, "I") || verb == "INSTANCES") {
					continue
				}
				t.Run(f.prefix+line, func(t *testing.T) {
					u, ns := r.in(t, f).users[0], fmt.Sprintf("%s%d", f.container, i)
					if e, bad := u.do(strings.ReplaceAll(line, "@", ns)).(failure); bad {
						t.Fatal(e)
					}
					u.flush()
					same(t, "keys", raw(t, r.redis, "KEYS", ns+":*"), []any{})
					if reads {
						same(t, "settings", raw(t, r.redis, "HGET", "distkit:config", ns+":partitions"), nil)
					}
				})
			}
		}
	})
}

func TestLayoutOfPartitions(t *testing.T) {
	const partitions = 3
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{InstanceID: "me", Partitions: partitions}, engine.Options{Partitions: partitions})
		for _, f := range everyFamily {
			t.Run(f.prefix, func(t *testing.T) {
				u, other := r.in(t, f).users[0], r.in(t, f).users[1]
				suffix := ""
				if f.aware {
					suffix = ":cumulative"
				}
				want := make(map[string]map[string]string)
				for i := range 30 {
					k := fmt.Sprintf("k%d", i)
					u.want("INC "+k+" 5", f.own(5))
					name := fmt.Sprintf("{distkit:%s:%d}%s", f.container, xxhash.Sum64String(k)%partitions, suffix)
					if want[name] == nil {
						want[name] = make(map[string]string)
					}
					want[name][k] = "5"
				}
				u.flush()
				same(t, "partitions in use", len(want), partitions)
				for name, counters := range want {
					same(t, name, fields(t, r.redis, name), counters)
				}
				for name := range keyTypes(t, r.redis) {
					if strings.HasPrefix(name, "distkit:"+f.container) {
						t.Errorf("unexpected key %s", name)
					}
				}
				other.want("GET k7", f.val(5, 0))
				u.want("MSET k0 1 k1 2 k2 3 k3 4", f.owns(1, 2, 3, 4))
				u.want("MGET k3 k2 k1 k0 k4", f.owns(4, 3, 2, 1, 5))
				u.want("CLEAR", "OK")
				u.want("MGET k0 k7 k9", f.owns(0, 0, 0))
			})
		}
		same(t, "config", fields(t, r.redis, "distkit:config"), map[string]string{"distkit:partitions": "3", "distkit:dead_after": "30000"})
	})
}
