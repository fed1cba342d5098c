package commands

import "slices"

// effect is what a verb does to the data, as the flags, categories and key
// flags of COMMAND INFO tell it.
type effect struct {
	flags      []string // those that come first in Redis' order
	categories []string // without @fast and @slow
	keyFlags   []string
	dangerous  bool
	tips       []string
}

var (
	none   = effect{}
	reads  = effect{flags: []string{"readonly"}, categories: []string{"@read"}, keyFlags: []string{"RO", "access"}}
	writes = effect{flags: []string{"write"}, categories: []string{"@write"}, keyFlags: []string{"RW", "update"}}
	grows  = effect{flags: []string{"write", "denyoom"}, categories: []string{"@write"},
		keyFlags: []string{"RW", "access", "update"}}
	deletes     = effect{flags: []string{"write"}, categories: []string{"@write"}, keyFlags: []string{"RW", "access", "delete"}}
	wipes       = effect{flags: []string{"write"}, categories: []string{"@keyspace", "@write"}, dangerous: true}
	administers = effect{flags: []string{"admin"}, categories: []string{"@admin"}, dangerous: true,
		tips: []string{"nondeterministic_output"}}
	lists = effect{flags: []string{"readonly"}, categories: []string{"@keyspace", "@read"},
		tips: []string{"nondeterministic_output"}}
)

// AppendInfo appends the command's entry of COMMAND INFO, as Redis 7.0 shapes
// it in RESP2.
func (c *Command) AppendInfo(dst []byte) []byte { return c.appendInfo(dst, false) }

// AppendInfoRESP3 is AppendInfo with the sets and maps of RESP3.
func (c *Command) AppendInfoRESP3(dst []byte) []byte { return c.appendInfo(dst, true) }

func (c *Command) appendInfo(dst []byte, resp3 bool) []byte {
	v := c.verb
	first, last, step := v.keys.legacyRange()
	e := encoder{dst: dst, resp3: resp3}
	e.array(10)
	e.bulk(c.name)
	e.integer(v.arity)
	e.flags(v.flags())
	e.integer(first)
	e.integer(last)
	e.integer(step)
	e.flags(v.categories())
	e.setOf(len(v.effect.tips))
	for _, tip := range v.effect.tips {
		e.bulk(tip)
	}
	v.appendKeySpecs(&e)
	e.setOf(0) // no subcommands
	return e.dst
}

// flags are the command's flags in Redis' order. No command of ours can be
// called from a script or be queued in a transaction.
func (v *verb) flags() []string {
	flags := append(slices.Clone(v.effect.flags), "noscript")
	if v.fast {
		flags = append(flags, "fast")
	}
	if v.keys == optionalKeys {
		flags = append(flags, "no_mandatory_keys")
	}
	flags = append(flags, "no_multi")
	if v.keys == itemKeys {
		flags = append(flags, "movablekeys")
	}
	return flags
}

func (v *verb) categories() []string {
	categories := slices.Clone(v.effect.categories)
	if v.fast {
		categories = append(categories, "@fast")
	} else {
		categories = append(categories, "@slow")
	}
	if v.effect.dangerous {
		categories = append(categories, "@dangerous")
	}
	return categories
}

// appendKeySpecs writes the key specifications. Those of the item verbs are
// the first key and, as Redis has it for SORT, "there are more, ask".
func (v *verb) appendKeySpecs(e *encoder) {
	switch v.keys {
	case noKeys:
		e.setOf(0)
	case itemKeys:
		e.setOf(2)
		v.appendRangeSpec(e, 0)
		v.appendUnknownSpec(e)
	case oneKey:
		e.setOf(1)
		v.appendRangeSpec(e, 0)
	default:
		e.setOf(1)
		v.appendRangeSpec(e, -1)
	}
}

// appendRangeSpec is keys from the first argument to last, counted from the
// first key or, if negative, from the end.
func (v *verb) appendRangeSpec(e *encoder, last int) {
	e.mapOf(3)
	e.bulk("flags")
	e.flags(v.effect.keyFlags)
	e.bulk("begin_search")
	e.mapOf(2)
	e.bulk("type")
	e.bulk("index")
	e.bulk("spec")
	e.mapOf(1)
	e.bulk("index")
	e.integer(1)
	e.bulk("find_keys")
	e.mapOf(2)
	e.bulk("type")
	e.bulk("range")
	e.bulk("spec")
	e.mapOf(3)
	e.bulk("lastkey")
	e.integer(last)
	e.bulk("keystep")
	e.integer(1)
	e.bulk("limit")
	e.integer(0)
}

func (v *verb) appendUnknownSpec(e *encoder) {
	e.mapOf(4)
	e.bulk("notes")
	e.bulk("A condition may follow each item, so where the other keys are depends on the words")
	e.bulk("flags")
	e.flags(append(slices.Clone(v.effect.keyFlags), "incomplete"))
	for _, part := range []string{"begin_search", "find_keys"} {
		e.bulk(part)
		e.mapOf(2)
		e.bulk("type")
		e.bulk("unknown")
		e.bulk("spec")
		e.mapOf(0)
	}
}
