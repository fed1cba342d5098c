package integration

import (
	"reflect"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// names returns the command names in a reply of COMMAND or COMMAND LIST.
func names(reply any) []string {
	var out []string
	for _, entry := range reply.([]any) {
		if name, ok := entry.(string); ok {
			out = append(out, name)
		} else {
			out = append(out, entry.([]any)[0].(string))
		}
	}
	slices.Sort(out)
	return out
}

// withOurs is the names with those of our commands among them.
func withOurs(theirs []string) []string {
	all := slices.Clone(theirs)
	for _, c := range commands.All() {
		all = append(all, c.Name())
	}
	slices.Sort(all)
	return all
}

// onTables runs a test with a client of a proxy and one past it.
func onTables(t *testing.T, run func(t *testing.T, c, redis *redis.Client)) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{})
		run(t, r.users[0].c, r.redis)
	})
}

func TestCommandTableHasOursBesideRedisOwn(t *testing.T) {
	onTables(t, func(t *testing.T, c, redis *redis.Client) {
		for _, words := range [][]any{{"COMMAND"}, {"COMMAND", "INFO"}, {"COMMAND", "LIST"}, {"command", "list"}} {
			same(t, words[0].(string), names(raw(t, c, words...)), withOurs(names(raw(t, redis, words...))))
		}
		theirs := raw(t, redis, "COMMAND", "COUNT").(int64)
		same(t, "COMMAND COUNT", raw(t, c, "COMMAND", "COUNT"), theirs+int64(len(commands.All())))
		same(t, "the length of the table", int64(len(raw(t, c, "COMMAND").([]any))), theirs+int64(len(commands.All())))
	})
}

func TestCommandInfoOfOursAndRedisOwn(t *testing.T) {
	onTables(t, func(t *testing.T, c, redis *redis.Client) {
		own := raw(t, redis, "COMMAND", "INFO", "get", "nosuch", "set").([]any)
		mixed := raw(t, c, "COMMAND", "INFO", "get", "dk.inc", "nosuch", "DKS.MSETI", "set").([]any)
		same(t, "Redis' own", []any{mixed[0], mixed[2], mixed[4]}, own)
		inc := mixed[1].([]any)
		same(t, "name, arity", inc[:2], []any{"dk.inc", int64(-2)})
		same(t, "keys", inc[3:6], []any{int64(1), int64(1), int64(1)})
		flags := inc[2].([]any)
		for _, flag := range []any{"write", "denyoom", "fast"} {
			if !slices.Contains(flags, flag) {
				t.Errorf("dk.inc lacks %s: %v", flag, flags)
			}
		}
		same(t, "name", mixed[3].([]any)[0], "dks.mseti")
		for _, cmd := range commands.All() {
			entry := raw(t, c, "COMMAND", "INFO", cmd.Name()).([]any)
			if len(entry) != 1 || entry[0] == nil || entry[0].([]any)[0] != cmd.Name() {
				t.Errorf("COMMAND INFO %s: %v", cmd.Name(), entry)
			}
		}
	})
}

func TestCommandDocsOfOursAndRedisOwn(t *testing.T) {
	onTables(t, func(t *testing.T, c, redis *redis.Client) {
		docs := raw(t, c, "COMMAND", "DOCS", "get", "dkc.set", "nosuch").([]any)
		theirs := raw(t, redis, "COMMAND", "DOCS", "get", "dkc.set", "nosuch").([]any)
		same(t, "COMMAND DOCS", len(docs), 4)
		same(t, "Redis' own", docs[:2], theirs)
		same(t, "ours", docs[2], "dkc.set")
		text := docs[3].([]any)
		for _, field := range []any{"summary", "since", "group", "complexity", "arguments"} {
			if !slices.Contains(text, field) {
				t.Errorf("dkc.set lacks %s: %v", field, text)
			}
		}
		var described []string
		for i, entry := range raw(t, c, "COMMAND", "DOCS").([]any) {
			if i%2 == 0 {
				described = append(described, entry.(string))
			}
		}
		for _, cmd := range commands.All() {
			if !slices.Contains(described, cmd.Name()) {
				t.Errorf("COMMAND DOCS lacks %s", cmd.Name())
			}
		}
	})
}

func TestCommandGetKeysOfOurs(t *testing.T) {
	onTables(t, func(t *testing.T, c, _ *redis.Client) {
		for _, tc := range []struct {
			line []any
			want any
		}{
			{[]any{"DK.INC", "a"}, []any{"a"}},
			{[]any{"dkcs.set", "ns:a", 5, "IF", "EQ", 1}, []any{"ns:a"}},
			{[]any{"DK.MGET", "a", "b", "a"}, []any{"a", "b", "a"}},
			{[]any{"DKC.MINC", "a", 1, "IF", "EQ", 0, "b", 2, "c", 3, "if", "LT", 9}, []any{"a", "b", "c"}},
			{[]any{"DKC.MSET", "IF", 1, "b", 2}, []any{"IF", "b"}},
			{[]any{"DKC.MINC", "a", 1, "IF", 3}, failure("ERR Invalid arguments specified for command")},
			{[]any{"DK.FLUSH", "a"}, []any{"a"}},
			{[]any{"DK.ID"}, failure("ERR The command has no key arguments")},
			{[]any{"DK.INC"}, failure("ERR Invalid number of arguments specified for command")},
			{[]any{"DK.MINC", "a", 1, "b"}, failure("ERR Invalid arguments specified for command")},
		} {
			got := raw(t, c, append([]any{"COMMAND", "GETKEYS"}, tc.line...)...)
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("COMMAND GETKEYS %v: %v, want %v", tc.line, got, tc.want)
			}
		}
	})
}

func TestCommandListFilters(t *testing.T) {
	b := realBackend(startRedis(t).addr) // the embedded one has no filters
	r := newRig(t, b, engine.Options{})
	u := r.users[0]
	filter := func(words ...any) []string {
		return names(raw(t, u.c, append([]any{"COMMAND", "LIST", "FILTERBY"}, words...)...))
	}
	same(t, "pattern", filter("PATTERN", "dk*.inc"), []string{"dk.inc", "dkc.inc", "dkcs.inc", "dks.inc"})
	same(t, "pattern of Redis' own", filter("PATTERN", "hincrb*"), []string{"hincrby", "hincrbyfloat"})
	writes := filter("ACLCAT", "write")
	for name, want := range map[string]bool{"dk.inc": true, "dks.del": true, "dk.get": false, "dk.id": false, "set": true} {
		if slices.Contains(writes, name) != want {
			t.Errorf("%s in @write: %v", name, !want)
		}
	}
	same(t, "module", filter("MODULE", "nosuch"), []string(nil))
}
