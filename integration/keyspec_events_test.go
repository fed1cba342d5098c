package integration

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/corpus"
	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

// keyWitness knows of every key that Redis changes, and of those that it reads
// and does not find.
type keyWitness struct {
	t      *testing.T
	redis  *redisServer
	c      *redis.Client // of ownDB
	events *redis.PubSub
	table  *keyspec.Table
	queued []keyspec.Answer // of a transaction
	seen   int
}

func newKeyWitness(t *testing.T) *keyWitness {
	t.Helper()
	r := startRedis(t, "notify-keyspace-events KAm")
	c := redis.NewClient(&redis.Options{Addr: r.addr, DB: ownDB, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	k := &keyWitness{t: t, redis: r, c: c, events: c.PSubscribe(t.Context(), "__keyspace@*__:*"), table: keyTable(t, raw(t, c, "COMMAND").([]any))}
	t.Cleanup(func() { k.events.Close() })
	if _, err := k.events.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// clear empties Redis, unnoticed.
func (k *keyWitness) clear() {
	k.t.Helper()
	raw(k.t, k.c, "FUNCTION", "FLUSH")
	raw(k.t, k.c, "FLUSHALL")
	raw(k.t, k.c, "CONFIG", "SET", "notify-keyspace-events", "KAm")
	k.touched()
}

// touched are the keys that Redis has told of since, each with its database before
// it.
func (k *keyWitness) touched() (keys []string) {
	k.t.Helper()
	if err := k.events.Ping(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	for {
		item, err := k.events.Receive(k.t.Context())
		if err != nil {
			k.t.Fatal(err)
		}
		switch item := item.(type) {
		case *redis.Message:
			if item.Payload != "expired" { // at any time
				keys = append(keys, strings.TrimPrefix(item.Channel, "__keyspace@"))
			}
		case *redis.Pong:
			return keys
		}
	}
}

// judge fails the test if a command has touched what it was not told to touch.
func (k *keyWitness) judge(words []string) {
	k.t.Helper()
	var args [][]byte
	for _, w := range words {
		args = append(args, []byte(w))
	}
	answers := []keyspec.Answer{k.table.Touched(args, nil)}
	switch strings.ToUpper(words[0]) {
	case "MULTI":
		k.queued = []keyspec.Answer{}
	case "EXEC":
		answers, k.queued = k.queued, nil
	case "DISCARD", "RESET":
		k.queued = nil
	}
	if k.queued != nil {
		k.queued = append(k.queued, answers...)
	}
	for _, event := range k.touched() {
		k.seen++
		db, key, _ := strings.Cut(event, "__:")
		if !slices.ContainsFunc(answers, func(a keyspec.Answer) bool { return covers(a, key) }) {
			k.t.Errorf("%.100s touches %q of database %s, told was %+v", strings.Join(words, " "), key, db, answers)
		}
	}
}

// covers reports whether an answer names a key, or leaves it open. The database
// of the connection is taken to be any.
func covers(a keyspec.Answer, key string) bool {
	if a.Whole != keyspec.Nowhere || a.Loose != keyspec.Nowhere {
		return true
	}
	return slices.ContainsFunc(a.Keys, func(k []byte) bool { return string(k) == key })
}

// coversHere is covers for a connection of database 0.
func coversHere(a keyspec.Answer, db, key string) bool {
	if a.Whole == keyspec.Everywhere || a.Loose == keyspec.Everywhere || db == "0" && covers(a, key) {
		return true
	}
	return slices.ContainsFunc(a.Others, func(o keyspec.Other) bool {
		return strconv.Itoa(o.DB) == db && (o.Whole || string(o.Key) == key)
	})
}

// No command touches a key that it is not told to: in the scenarios of a single
// connection.
func TestNoCommandTouchesMoreThanTold(t *testing.T) {
	all, err := corpus.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	k := newKeyWitness(t)
	played := 0
	for _, s := range all {
		if s.Only == 3 || !endsItself(&s) || strings.Contains(stepTexts(&s), "{id") || strings.Contains(strings.ToUpper(stepTexts(&s)), "MONITOR") {
			continue
		}
		played++
		k.clear()
		k.queued = nil
		c := newControl(t, k.redis, "")
		c.conn.SetDeadline(time.Now().Add(patience))
		for _, step := range s.Steps {
			if step.Args == nil {
				continue
			}
			for range step.Times {
				if _, err := c.conn.Write([]byte(command(step.Args...))); err != nil {
					t.Fatalf("%s, %s: %v", s.Name, step.Text, err)
				}
				for range step.Frames[0] {
					if _, err := readFrame(c.in); err != nil {
						t.Fatalf("%s, %s: %v", s.Name, step.Text, err)
					}
				}
			}
			k.judge(step.Args)
		}
		c.conn.Close()
	}
	t.Logf("%d scenarios, %d events", played, k.seen)
}

func stepTexts(s *corpus.Scenario) string {
	var b strings.Builder
	for _, step := range s.Steps {
		b.WriteString(step.Text + "\n")
	}
	return b.String()
}

// kinds make a key of each type.
var kinds = map[string][]any{
	"nothing": nil,
	"string":  {"SET", "", "12"},
	"list":    {"RPUSH", "", "1", "2"},
	"set":     {"SADD", "", "1", "2"},
	"hash":    {"HSET", "", "f", "1"},
	"zset":    {"ZADD", "", "1", "m"},
	"geo":     {"GEOADD", "", "1", "2", "m"},
	"stream":  {"XADD", "", "1-1", "f", "v"},
}

// aloneNot are commands that do not end alone, or go elsewhere.
var aloneNot = []string{"MIGRATE", "SUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH"}

// No command with keys touches others, or a database that it is not told to,
// whatever its keys hold.
func TestNoCommandTouchesOtherKeys(t *testing.T) {
	k := newKeyWitness(t)
	c := redis.NewClient(&redis.Options{Addr: k.redis.addr, PoolSize: 1, MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	blocking := make(map[string]bool)
	for _, entry := range raw(t, c, "COMMAND").([]any) {
		blocking[entry.([]any)[0].(string)] = slices.Contains(entry.([]any)[2].([]any), any("blocking"))
	}
	tried := make(map[string]bool)
	for _, words := range keyCommands(t) {
		text := strings.Join(words, " ")
		if tried[text] || blocking[strings.ToLower(words[0])] || slices.Contains(aloneNot, strings.ToUpper(words[0])) {
			continue
		}
		args, line := make([][]byte, len(words)), make([]any, len(words))
		for i, w := range words {
			args[i], line[i] = []byte(w), w
		}
		a := k.table.Touched(args, nil)
		if len(a.Keys) == 0 {
			continue
		}
		tried[text] = true
		for kind, create := range kinds {
			pipe := c.Pipeline()
			pipe.FlushAll(t.Context())
			for _, key := range a.Keys {
				if create != nil {
					create = slices.Clone(create)
					create[1] = key
					pipe.Do(t.Context(), create...)
				}
			}
			if _, err := pipe.Exec(t.Context()); err != nil && !strings.HasPrefix(err.Error(), "WRONGTYPE") && !strings.HasPrefix(err.Error(), "ERR") {
				t.Fatal(err)
			}
			k.touched()
			c.Do(t.Context(), line...)
			for _, event := range k.touched() {
				k.seen++
				if db, key, _ := strings.Cut(event, "__:"); !coversHere(a, db, key) {
					t.Errorf("%.100s, whose keys hold a %s, touches %q of database %s, told was %+v", text, kind, key, db, a)
				}
			}
		}
	}
	t.Logf("%d commands, %d events", len(tried), k.seen)
}
