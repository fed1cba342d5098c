package commands

import (
	"math"

	"github.com/distkit/distkit-proxy/engine"
)

// rowStep is what a verb does in a row.
type rowStep uint8

const (
	rowNone rowStep = iota // it is not for rows
	rowInc
	rowDec
	rowGet
)

// InRow is Run for one of a row of commands, and appends the reply to dst. It reports
// false, and has done nothing, for whatever is not the plain INC, DEC or GET of a
// counter that is in memory: that is for Run.
func (c *Command) InRow(row *engine.Row, e *engine.Engine, args [][]byte, dst []byte) ([]byte, bool) {
	if c.verb.row == rowNone || !c.family.Lax() || len(args) < 2 || len(args) > 3 || len(args) == 3 && c.verb.row == rowGet {
		return dst, false
	}
	key, err := e.ParseKey(args[1])
	if err != nil {
		return dst, false
	}
	if c.verb.row == rowGet {
		val, ok := row.Get(c.family, key)
		return c.appendValue(dst, val, ok), ok
	}
	delta := int64(1)
	if len(args) == 3 {
		if delta, err = parseInt(args[2]); err != nil || delta == math.MinInt64 {
			return dst, false
		}
	}
	if c.verb.row == rowDec {
		delta = -delta
	}
	val, ok := row.Inc(c.family, key, delta)
	return c.appendValue(dst, val, ok), ok
}

// appendValue appends what value replies, if there is one.
func (c *Command) appendValue(dst []byte, v engine.Value, ok bool) []byte {
	switch {
	case !ok:
		return dst
	case c.family.InstanceAware():
		return appendInt(appendInt(appendArray(dst, 2), v.Total), v.Mine)
	}
	return appendInt(dst, v.Total)
}
