package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/lua"
)

func TestRightsOf(t *testing.T) {
	redis7 := func(commands, keys string) any {
		return []any{"flags", []any{"on", "nopass"}, "passwords", []any{}, "commands", commands, "keys", keys, "channels", "&*", "selectors", []any{}}
	}
	for name, tc := range map[string]struct {
		reply any
		want  Permit
	}{
		"all":                {redis7("+@all", "~*"), PermitAll},
		"less a command":     {redis7("+@all -hget", "~*"), PermitSome},
		"some keys":          {redis7("+@all", "~distkit:*"), PermitSome},
		"only to read":       {redis7("+@all", "%R~*"), PermitSome},
		"no keys":            {redis7("+@all", ""), PermitSome},
		"as a map":           {map[any]any{"flags": []any{"on"}, "commands": "+@all", "keys": "~*"}, PermitAll},
		"Redis 6":            {[]any{"flags", []any{"on", "allkeys"}, "commands", "+@all", "keys", []any{"*"}}, PermitAll},
		"Redis 6, some":      {[]any{"flags", []any{"on"}, "commands", "+@all", "keys", []any{"a*", "b*"}}, PermitSome},
		"Redis 6, none":      {[]any{"flags", []any{"on"}, "commands", "+@all", "keys", []any{}}, PermitSome},
		"a part of tomorrow": {[]any{"commands", "+@all", "keys", "~*", "databases", "1"}, PermitSome},
		"without keys":       {[]any{"commands", "+@all"}, PermitSome},
		"something else":     {"OK", PermitSome},
	} {
		if got := rightsOf(tc.reply); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// scriptedStore answers every call with the same reply.
type scriptedStore struct {
	reply lua.Reply
	calls []lua.Call
}

func (s *scriptedStore) Run(_ context.Context, calls []lua.Call) []lua.Reply {
	s.calls = calls
	return slices.Repeat([]lua.Reply{s.reply}, len(calls))
}

func TestUserRightsAndUserMay(t *testing.T) {
	away := errors.New("connection refused")
	for name, tc := range map[string]struct {
		reply       lua.Reply
		rights, may Permit
		untold      bool
		err         bool
	}{
		"allowed":     {lua.Reply{Value: "OK"}, PermitSome, PermitYes, false, false},
		"no command":  {lua.Reply{Value: "This user has no permissions to run the 'hget' command"}, PermitSome, PermitNoCommand, false, false},
		"later Redis": {lua.Reply{Value: "User bob has no permissions to run the 'hget' command"}, PermitSome, PermitNoCommand, false, false},
		"no key":      {lua.Reply{Value: "This user has no permissions to access the 'a' key"}, PermitSome, PermitNoKey, false, false},
		"gone":        {lua.Reply{Err: redisSays("ERR User 'u' not found")}, PermitSome, PermitGone, false, false},
		"not for us":  {lua.Reply{Err: redisSays("NOPERM this user has no permissions to run the 'acl|dryrun' command")}, PermitSome, PermitUnknown, true, false},
		"old Redis":   {lua.Reply{Err: redisSays("ERR Unknown subcommand or wrong number of arguments for 'DRYRUN'. Try ACL HELP.")}, PermitSome, PermitUnknown, true, false},
		"older Redis": {lua.Reply{Err: redisSays("ERR unknown command `acl`")}, PermitSome, PermitUnknown, true, false},
		"loading":     {lua.Reply{Err: redisSays("LOADING Redis is loading")}, PermitUnknown, PermitUnknown, false, true},
		"away":        {lua.Reply{Err: away}, PermitUnknown, PermitUnknown, false, true},
	} {
		store := &scriptedStore{reply: tc.reply}
		e := &Engine{store: store, opts: Options{Partitions: 3, CommandTimeout: time.Second}}
		rights, err := e.UserRights(t.Context(), "u")
		if rights != tc.rights || (err != nil) != tc.err {
			t.Errorf("%s: rights %v, %v", name, rights, err)
		}
		may, err := e.UserMay(t.Context(), "u", Use{Family: LaxInstance, Namespace: "ns", Write: true})
		if may != tc.may || errors.Is(err, ErrUntold) != tc.untold || (err != nil) != (tc.err || tc.untold) {
			t.Errorf("%s: may %v, %v", name, may, err)
		}
		if want := []any{"acl", "dryrun", "u", "hincrby", "{ns:lax_instance_aware_counter:2}:cumulative", "f", "1"}; len(store.calls) != 3 || !slices.Equal(store.calls[2].Args, want) {
			t.Errorf("asked %v", store.calls)
		}
	}
	e := &Engine{store: &scriptedStore{reply: lua.Reply{Err: redis.Nil}}, opts: Options{CommandTimeout: time.Second}}
	if rights, err := e.UserRights(t.Context(), "u"); rights != PermitGone || err != nil {
		t.Errorf("no such user: %v, %v", rights, err)
	}
}
