package proxy

import (
	"context"
	"math"
	"strconv"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

// lax knows how ordinary commands bear on the ordinary keys that the engine
// counts in memory. Safe for concurrent use.
type lax struct {
	engine *engine.Engine
	table  *keyspec.Source
}

// newTable asks Redis, when it is needed, what its commands touch.
func newTable(e *engine.Engine) *keyspec.Source {
	return keyspec.New(func(ctx context.Context) ([]any, error) {
		reply, err := e.Question(ctx, "command")
		list, _ := reply.([]any)
		return list, err
	})
}

// count is what a command does to an ordinary key that is counted.
type count uint8

const (
	countNone count = iota
	countAdd        // INCR, INCRBY, DECR, DECRBY
	countGet        // GET
	countMGet       // MGET
)

// counted is what a command asks of ordinary keys if those are counted: how, and
// what it adds. False: it is another command, or Redis refuses it, whatever there is.
func counted(args [][]byte) (how count, delta int64, ok bool) {
	how, delta = countAdd, 1
	var room [maxKindName]byte
	if len(args[0]) > len(room) {
		return countNone, 0, false
	}
	switch string(appendLower(room[:0], args[0])) {
	case "incr":
		return how, 1, len(args) == 2
	case "decr":
		return how, -1, len(args) == 2
	case "incrby":
		if len(args) == 3 {
			delta, ok = canonical(args[2])
		}
		return how, delta, ok
	case "decrby":
		if len(args) == 3 {
			delta, ok = canonical(args[2])
		}
		return how, -delta, ok && delta != math.MinInt64
	case "get":
		return countGet, 0, len(args) == 2
	case "mget":
		return countMGet, 0, len(args) > 1
	}
	return countNone, 0, false
}

// canonical reads an integer as Redis does: one that it would write itself.
func canonical(arg []byte) (int64, bool) {
	if len(arg) > 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(arg), 10, 64)
	if err != nil {
		return 0, false
	}
	var room [20]byte
	return n, string(strconv.AppendInt(room[:0], n, 10)) == string(arg)
}

// touches appends to list what a command touches of what is counted. It returns
// buf, in which it looks for keys, for the next call.
func (l *lax) touches(ctx context.Context, db int, args [][]byte, list []engine.Touch, buf [][]byte) ([]engine.Touch, [][]byte) {
	a, _ := l.table.Touched(ctx, args, buf[:0])
	if a.Nothing() {
		return list, buf
	}
	keys := a.Keys
	if a.Ask {
		reply, err := l.engine.Question(ctx, keyspec.Question(args)...)
		named, ok := keyspec.ParseKeys(reply, err)
		if !ok {
			a.Loose = keyspec.Everywhere
		}
		keys = append(keys[:len(keys):len(keys)], named...)
	}
	var own [][]byte
	for _, key := range keys {
		if l.engine.IsLax(key) {
			own = append(own, key)
		}
	}
	here := engine.Touch{DB: db, Keys: own, Whole: a.Whole == keyspec.Here, Loose: a.Loose == keyspec.Here}
	if len(own) > 0 || here.Whole || here.Loose {
		list = append(list, here)
	}
	if a.Whole == keyspec.Everywhere || a.Loose == keyspec.Everywhere || a.Flush {
		list = append(list, engine.Touch{DB: engine.AllDatabases, Whole: a.Whole == keyspec.Everywhere, Loose: a.Whole != keyspec.Everywhere})
	}
	for _, other := range a.Others {
		switch {
		case !other.Whole && !l.engine.IsLax(other.Key):
		case !l.engine.Counts(other.DB): // nothing is kept for each number that a client makes up
			list = append(list, everything)
		default:
			list = append(list, engine.Touch{DB: other.DB, Keys: [][]byte{other.Key}, Whole: other.Whole})
		}
	}
	return list, a.Keys
}

// pieceTouches is touches for a command of which only the first arguments are
// known, and that may have any number of keys.
func (l *lax) pieceTouches(ctx context.Context, db int, args [][]byte, list []engine.Touch) []engine.Touch {
	t, _ := l.table.Table(ctx)
	if len(args) > 1 && t.FirstKeyOnly(args[0]) {
		if l.engine.IsLax(args[1]) {
			list = append(list, engine.Touch{DB: db, Keys: [][]byte{args[1]}})
		}
		return list
	}
	if t.Keyless(args) {
		return list
	}
	return append(list, engine.Touch{DB: engine.AllDatabases, Whole: true})
}
