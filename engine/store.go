package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/distkit/distkit-proxy/lua"
	"github.com/redis/go-redis/v9"
)

// store is what the engine needs of Redis. Run carries out the calls in order
// on one connection and returns as many replies; it never repeats a call whose
// outcome is unknown. Safe for concurrent use.
type store interface {
	Run(ctx context.Context, calls []lua.Call) []lua.Reply
}

// call runs commands within command-timeout and counts them. Scripts that the
// proxy's user may not run to their end are not begun.
func (e *Engine) call(ctx context.Context, calls ...lua.Call) []lua.Reply {
	return e.callOn(ctx, e.store, calls)
}

// call runs commands where the partition lies.
func (p *partition) call(ctx context.Context, calls ...lua.Call) []lua.Reply {
	return p.e.callOn(ctx, p.store, calls)
}

func (e *Engine) callOn(ctx context.Context, on store, calls []lua.Call) []lua.Reply {
	ctx, cancel := context.WithTimeout(ctx, e.opts.CommandTimeout)
	defer cancel()
	if calls[0].Script != nil {
		if err := e.allowed(ctx); err != nil {
			replies := make([]lua.Reply, len(calls))
			for i := range replies {
				replies[i].Err = err
			}
			return replies
		}
	}
	e.stats.commands.Add(uint64(len(calls)))
	replies := on.Run(ctx, calls)
	if denied(replies[0].Err) {
		e.rights.known.Store(false)
	}
	return replies
}

// denied reports whether Redis refused a call for want of rights.
func denied(err error) bool {
	return err != nil && (strings.HasPrefix(err.Error(), "NOPERM") || strings.Contains(err.Error(), deniedInScript))
}

// awayCodes are the errors by which Redis says that it cannot serve now,
// whatever is asked: rule L5 counts them as "Redis away". Every other code but
// ERR and WRONGTYPE is one too; these are known inside a script's error as well.
var awayCodes = []string{
	"OOM", "READONLY", "LOADING", "BUSY", "MISCONF", "NOPERM", "NOAUTH", "WRONGPASS",
	"MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOSCRIPT", "UNKILLABLE",
}

// deniedInScript is how Redis 7.0 says NOPERM of a command inside a script.
const deniedInScript = "can't run this command or subcommand"

// awayTexts are such errors that have ERR for a code. A script that was killed
// had written nothing: Redis kills no other.
var awayTexts = []string{deniedInScript, "max number of clients reached", "unauthenticated", "Script killed by user"}

// wrongType is Redis' error for a key of another type.
var wrongType = &Error{"WRONGTYPE", "Operation against a key holding the wrong kind of value"}

// asRefusal returns err as a refusal for good, or nil when it says that Redis
// is away: not reached, not answering, or not able to serve now.
func asRefusal(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		return nil
	}
	if strings.Contains(reply.Error(), wrongType.Msg) {
		return wrongType // wherever the script's error has it
	}
	code, msg, _ := strings.Cut(reply.Error(), " ")
	for _, away := range awayCodes {
		// Before Redis 7 a script's error carries the cause in its text.
		if code == away || strings.Contains(msg, "-"+away+" ") {
			return nil
		}
	}
	if code != "ERR" && code != wrongType.Code {
		return nil
	}
	for _, away := range awayTexts {
		if strings.Contains(msg, away) {
			return nil
		}
	}
	// The script's name and line are of no use to a client.
	if i := strings.Index(msg, " script: "); i >= 0 {
		msg = strings.TrimSuffix(msg[:i], ".")
	}
	return &Error{code, msg}
}

// redisError returns Redis' own error as one for a client, or nil when err does
// not come from Redis.
func redisError(err error) *Error {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return nil
	}
	code, msg, _ := strings.Cut(reply.Error(), " ")
	return &Error{code, msg}
}
