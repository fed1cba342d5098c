package commands

import (
	"context"
	"math"
	"sync"

	"github.com/distkit/distkit-proxy/engine"
)

// grammar is how the number of an item is written.
type grammar uint8

const (
	// numbered items have their number: SET, SETI and all many-key verbs.
	numbered grammar = iota
	// orOne lets the number be left out, which means 1: INC.
	orOne
	// orOneNegated is orOne with the sign turned: DEC.
	orOneNegated
)

// apply is the engine's method for a list of items.
type apply func(*engine.Engine, context.Context, engine.Family, []engine.Item, []engine.Result)

// parseItem reads `key number [IF comparator operand]` from the front of args,
// which is not empty, and returns what follows. Position decides what a word
// is: `IF` directly after a number is the condition, anywhere else a key may
// have that name. Nothing is copied: the item aliases args.
func parseItem(e *engine.Engine, g grammar, args [][]byte) (item engine.Item, rest [][]byte, err error) {
	if item.Key, err = e.ParseKey(args[0]); err != nil {
		return item, nil, err
	}
	rest = args[1:]
	switch {
	case g != numbered && (len(rest) == 0 || isWord(rest[0], "IF")):
		item.N = 1
	case len(rest) == 0:
		return item, nil, errItemCut
	default:
		if item.N, err = parseInt(rest[0]); err != nil {
			return item, nil, err
		}
		rest = rest[1:]
	}
	if g == orOneNegated {
		if item.N == math.MinInt64 {
			return item, nil, errDecrOverflow
		}
		item.N = -item.N
	}
	if len(rest) == 0 || !isWord(rest[0], "IF") {
		return item, rest, nil
	}
	if len(rest) < conditionLen {
		return item, nil, errSyntax
	}
	if item.Cond.Op, err = parseComparator(rest[1]); err != nil {
		return item, nil, err
	}
	if item.Cond.Operand, err = parseInt(rest[2]); err != nil {
		return item, nil, err
	}
	return item, rest[conditionLen:], nil
}

// conditionLen is the number of arguments of `IF comparator operand`.
const conditionLen = 3

// scratch is what a command of one key hands to the engine by slice; on the
// stack it would escape.
type scratch struct {
	item   [1]engine.Item
	key    [1]engine.Key
	result [1]engine.Result
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// release gives the scratch back, empty: it must not keep a request alive.
func (s *scratch) release() {
	*s = scratch{}
	scratches.Put(s)
}

// one runs a command of one item.
func (c *Command) one(ctx context.Context, e *engine.Engine, g grammar, args [][]byte, do apply) Reply {
	item, rest, err := parseItem(e, g, args)
	if err == nil && len(rest) > 0 {
		err = errSyntax
	}
	if err != nil {
		return c.refusal(err)
	}
	s := scratches.Get().(*scratch)
	s.item[0] = item
	do(e, ctx, c.family, s.item[:], s.result[:])
	reply := c.outcome(item.Cond.Op != engine.None, &s.result[0])
	s.release()
	return reply
}

// many runs a command of many items: all of them are parsed before the engine
// sees the first.
func (c *Command) many(ctx context.Context, e *engine.Engine, args [][]byte, do apply) Reply {
	items := make([]engine.Item, 0, len(args)/2)
	for len(args) > 0 {
		item, rest, err := parseItem(e, numbered, args)
		if err != nil {
			return c.refusal(err)
		}
		items, args = append(items, item), rest
	}
	results := make([]engine.Result, len(items))
	do(e, ctx, c.family, items, results)
	return several(len(items), func(i int) Reply {
		return c.outcome(items[i].Cond.Op != engine.None, &results[i])
	})
}

// refusal is the reply to a command that was not understood.
func (c *Command) refusal(err error) Reply {
	if err == errItemCut {
		err = c.arityErr
	}
	return FromError(err)
}

// outcome is the reply to one item: what the counter is now and, if the item
// had a condition, whether it held and what the counter was before.
func (c *Command) outcome(conditional bool, r *engine.Result) Reply {
	aware := c.family.InstanceAware()
	switch {
	case r.Err != nil:
		return FromError(r.Err)
	case conditional && aware:
		return integers(flag(r.Applied), r.Value.Total, r.Value.Mine, r.Prev.Total, r.Prev.Mine)
	case conditional:
		return integers(flag(r.Applied), r.Value.Total, r.Prev.Total)
	}
	return c.value(r.Value)
}

// value is the reply that tells what a counter reads.
func (c *Command) value(v engine.Value) Reply {
	if c.family.InstanceAware() {
		return integers(v.Total, v.Mine)
	}
	return integer(v.Total)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
