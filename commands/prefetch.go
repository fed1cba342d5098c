package commands

import (
	"bytes"
	"sync"

	"github.com/distkit/distkit-proxy/engine"
)

// prefetchSlots has room for the keys of each family; the strict ones never
// have any.
type prefetchSlots struct {
	keys [len(prefixes)][]engine.Key
	raw  [][]byte
}

var prefetchPool = sync.Pool{New: func() any { return new(prefetchSlots) }}

// keptKeys is the largest slice that goes back to the pool.
const keptKeys = 4096

// Prefetch has what the commands of a pipeline will need loaded, all in the next
// round trip instead of one for each cold counter, and does not wait for it.
// Only commands that are answered from memory count; foreign ones and those that
// will be refused are passed over. It reports nothing: errors show when the
// commands run. A session calls it when one of its commands is about to wait
// (engine.BeforeWait): a pipeline that finds all in memory never pays for it.
func Prefetch(e *engine.Engine, batch [][][]byte) {
	s := prefetchPool.Get().(*prefetchSlots)
	for _, args := range batch {
		s.collect(e, args)
	}
	for f, keys := range s.keys {
		e.Ask(engine.Family(f), keys)
	}
	s.release()
}

// collect adds the keys of one command.
func (s *prefetchSlots) collect(e *engine.Engine, args [][]byte) {
	if len(args) == 0 {
		return
	}
	c := Lookup(args[0])
	if c == nil || c.Barrier() || !c.Takes(len(args)) {
		return
	}
	raw, ok := c.appendKeys(s.raw[:0], args[1:])
	defer func() { s.raw = emptied(raw) }()
	if !ok {
		return
	}
	keys := s.keys[c.family]
	from := len(keys)
	for _, r := range raw {
		key, err := e.ParseKey(r)
		if err != nil {
			// One bad key refuses the command.
			clear(keys[from:])
			keys = keys[:from]
			break
		}
		if n := len(keys); n > 0 && same(keys[n-1], key) {
			continue // a hot counter often comes in a row
		}
		keys = append(keys, key)
	}
	s.keys[c.family] = keys
}

func same(a, b engine.Key) bool {
	return bytes.Equal(a.Counter, b.Counter) && bytes.Equal(a.Namespace, b.Namespace)
}

// release gives the slots back without the requests they point to.
func (s *prefetchSlots) release() {
	for f := range s.keys {
		s.keys[f] = emptied(s.keys[f])
	}
	prefetchPool.Put(s)
}

func emptied[T any](list []T) []T {
	if cap(list) > keptKeys {
		return nil
	}
	clear(list)
	return list[:0]
}
