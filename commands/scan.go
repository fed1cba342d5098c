package commands

import (
	"bytes"
	"context"
	"strconv"

	"github.com/distkit/distkit-proxy/engine"
)

// scanArgs are the arguments of SCAN.
type scanArgs struct {
	cursor    uint64
	namespace []byte
	match     string
	count     int
	// matchNone is set by MATCH with an empty glob. No counter has an empty
	// name, but to the engine an empty glob means all.
	matchNone bool
}

// cmdScan is SCAN cursor [MATCH glob] [COUNT n] [NS namespace]. The glob is
// held against the counter's name without its namespace.
func cmdScan(ctx context.Context, c *Command, e *engine.Engine, args [][]byte) Reply {
	a, err := parseScan(e, args)
	if err != nil {
		return FromError(err)
	}
	if a.matchNone {
		return c.page(e, a.namespace, 0, nil)
	}
	next, found, err := e.Scan(ctx, c.family, a.namespace, a.cursor, a.match, a.count)
	if err != nil {
		return FromError(err)
	}
	return c.page(e, a.namespace, next, found)
}

// parseScan reads the cursor and the options, of which the last of a kind counts.
func parseScan(e *engine.Engine, args [][]byte) (scanArgs, error) {
	cursor, err := parseCursor(args[0])
	if err != nil {
		return scanArgs{}, err
	}
	a := scanArgs{cursor: cursor, namespace: e.DefaultNS()}
	for opts := args[1:]; len(opts) > 0; opts = opts[2:] {
		if len(opts) < 2 {
			return scanArgs{}, errSyntax
		}
		switch arg := opts[1]; {
		case isWord(opts[0], "MATCH"):
			if len(arg) > engine.MaxGlob {
				return scanArgs{}, errGlob
			}
			a.match, a.matchNone = string(arg), len(arg) == 0
		case isWord(opts[0], "COUNT"):
			n, err := parseInt(arg)
			if err != nil {
				return scanArgs{}, err
			}
			if n < 1 {
				return scanArgs{}, errSyntax
			}
			a.count = int(n)
		case isWord(opts[0], "NS"):
			if a.namespace, err = e.ParseNamespace(arg); err != nil {
				return scanArgs{}, err
			}
		default:
			return scanArgs{}, errSyntax
		}
	}
	return a, nil
}

// page is the reply to one step: the next cursor and the counters found, each
// under the key that a client would type.
func (c *Command) page(e *engine.Engine, namespace []byte, next uint64, found []engine.ScanItem) Reply {
	var prefix string
	if !bytes.Equal(namespace, e.DefaultNS()) {
		prefix = string(namespace) + ":"
	}
	raw := appendArray(nil, 2)
	raw = appendBulk(raw, strconv.FormatUint(next, 10))
	raw = appendArray(raw, len(found))
	for _, it := range found {
		if c.family.InstanceAware() {
			raw = appendArray(raw, 3)
		} else {
			raw = appendArray(raw, 2)
		}
		raw = appendBulk(raw, prefix+it.Counter)
		raw = appendInt(raw, it.Value.Total)
		if c.family.InstanceAware() {
			raw = appendInt(raw, it.Value.Mine)
		}
	}
	return composed(raw)
}
