package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/lua"
)

// Permit is what a user of Redis may do.
type Permit uint8

const (
	// PermitUnknown: Redis did not answer.
	PermitUnknown Permit = iota
	// PermitAll: every command on every key.
	PermitAll
	// PermitSome: not everything, or it shows only when asked for one command.
	PermitSome
	// PermitYes and the next two: this command on these keys, not this command,
	// or not on one of these keys.
	PermitYes
	PermitNoCommand
	PermitNoKey
	// PermitGone: there is no such user any more.
	PermitGone
)

// ErrUntold is returned where Redis does not tell what its users may do, or
// does not tell the proxy's user.
var ErrUntold = errors.New("engine: Redis does not tell what a user may do")

// Use is what a command does to the counters of a namespace and family.
type Use struct {
	Family    Family
	Namespace string // of Ordinary: the key
	Write     bool
	// Verb is the command on an ordinary key, in lower case.
	Verb string
}

// Command is what the user would send Redis for the same: HGET, or HINCRBY for a
// write; on an ordinary key the command itself.
func (u Use) Command() string {
	if u.Family == Ordinary {
		return u.Verb
	}
	if u.Write {
		return "hincrby"
	}
	return "hget"
}

// Containers are the hashes of the totals, one for each partition, or the
// ordinary key.
func (e *Engine) Containers(u Use) []string {
	if u.Family == Ordinary {
		return []string{u.Namespace}
	}
	names := make([]string, e.opts.Partitions)
	for i := range names {
		keys := lua.NewKeys(u.Namespace, u.Family.Container(), i, e.opts.Partitions)
		if names[i] = keys.Totals(); u.Family.InstanceAware() {
			names[i] = keys.Cumulative()
		}
	}
	return names
}

// UserRights asks Redis whether the user may do everything: PermitAll,
// PermitSome or PermitGone. PermitSome stands for every answer that is not
// sure, and for none where Redis does not tell. Other errors: not answered.
func (e *Engine) UserRights(ctx context.Context, user string) (Permit, error) {
	reply := e.question(ctx, lua.Command("acl", "getuser", user))[0]
	switch {
	case errors.Is(reply.Err, redis.Nil):
		return PermitGone, nil
	case cannotTell(reply.Err):
		return PermitUnknown, reply.Err
	case reply.Err != nil:
		return PermitSome, nil
	}
	return rightsOf(reply.Value), nil
}

// UserMay asks Redis whether the user could do the same directly: PermitYes,
// PermitNoCommand, PermitNoKey or PermitGone. All partitions must be allowed.
// ErrUntold: ask otherwise. Other errors: not answered.
func (e *Engine) UserMay(ctx context.Context, user string, use Use) (Permit, error) {
	var calls []lua.Call
	for _, name := range e.Containers(use) {
		words := []any{"acl", "dryrun", user, use.Command(), name}
		if use.Family != Ordinary {
			words = append(words, "f")
		}
		if use.Write {
			words = append(words, "1")
		}
		calls = append(calls, lua.Command(words...))
	}
	for _, reply := range e.question(ctx, calls...) {
		text, _ := reply.Value.(string)
		switch {
		case cannotTell(reply.Err):
			return PermitUnknown, reply.Err
		case reply.Err != nil && strings.Contains(reply.Err.Error(), "' not found"):
			return PermitGone, nil
		case reply.Err != nil:
			return PermitUnknown, ErrUntold
		case text == "OK":
		case strings.Contains(text, "permissions to run"):
			return PermitNoCommand, nil
		default:
			return PermitNoKey, nil
		}
	}
	return PermitYes, nil
}

// question asks Redis what it may refuse to tell, which says nothing of the
// rights that the scripts need.
func (e *Engine) question(ctx context.Context, calls ...lua.Call) []lua.Reply {
	ctx, cancel := context.WithTimeout(ctx, e.opts.CommandTimeout)
	defer cancel()
	e.stats.commands.Add(uint64(len(calls)))
	return e.store.Run(ctx, calls)
}

// Question asks Redis something that changes nothing, as the proxy's own user.
func (e *Engine) Question(ctx context.Context, words ...any) (any, error) {
	reply := e.question(ctx, lua.Command(words...))[0]
	return reply.Value, reply.Err
}

// allRights is what ACL GETUSER says of a user who may do everything. Redis 6
// has the keys in a list.
var allRights = map[string]string{"commands": "+@all", "keys": "~*"}

// silentRights are its parts that take nothing away. What is in none of the two,
// as in a later Redis, may.
var silentRights = map[string]bool{"flags": true, "passwords": true, "channels": true, "selectors": true}

// rightsOf reads Redis' reply to ACL GETUSER.
func rightsOf(reply any) Permit {
	fields := map[string]any{}
	switch reply := reply.(type) {
	case map[any]any: // RESP3
		for name, value := range reply {
			fields[text(name)] = value
		}
	case []any:
		for i := 0; i+1 < len(reply); i += 2 {
			fields[text(reply[i])] = reply[i+1]
		}
	}
	for name, value := range fields {
		want, matters := allRights[name]
		if parts, isList := value.([]any); matters && isList && len(parts) == 1 {
			value = "~" + strings.TrimPrefix(text(parts[0]), "~")
		}
		if matters && text(value) != want || !matters && !silentRights[name] {
			return PermitSome
		}
	}
	if fields["commands"] == nil || fields["keys"] == nil {
		return PermitSome
	}
	return PermitAll
}

// text is a string of a reply, or "" for anything else.
func text(value any) string {
	s, _ := value.(string)
	return s
}
