package keyspec

import (
	"slices"
	"strings"
)

// row is what Redis says of one command, or of a subcommand.
type row struct {
	name              string // in lower case; container|subcommand
	movable, module   bool
	first, last, step int
	specs             []spec
	specified         int  // specifications, those of what is no key too
	partial           bool // they miss keys
	subs              []row
}

// parseRow reads an element of COMMAND's reply: name, arity, flags, first key,
// last key, step; since 6.0 categories, since 7.0 tips, specifications, subcommands.
func parseRow(item any) (r row, ok bool) {
	list, _ := item.([]any)
	if len(list) < 6 {
		return r, false
	}
	name, named := list[0].(string)
	first, ok1 := integer(list[3])
	last, ok2 := integer(list[4])
	step, ok3 := integer(list[5])
	if !named || name == "" || !ok1 || !ok2 || !ok3 {
		return r, false
	}
	r = row{name: lower(name), first: first, last: last, step: step}
	flags, _ := list[2].([]any)
	r.movable, r.module = slices.Contains(flags, any("movablekeys")), slices.Contains(flags, any("module"))
	if len(list) < 10 {
		return r, true
	}
	specs, _ := list[8].([]any)
	for _, item := range specs {
		r.addSpec(item)
	}
	subs, _ := list[9].([]any)
	for _, item := range subs {
		if sub, ok := parseRow(item); ok {
			r.subs = append(r.subs, sub)
		}
	}
	return r, true
}

// addSpec takes a specification.
func (r *row) addSpec(item any) {
	r.specified++
	m := fields(item)
	flags, _ := m["flags"].([]any)
	if slices.Contains(flags, any("not_key")) {
		return
	}
	s, ok := parseSpec(m)
	if ok {
		r.specs = append(r.specs, s)
	}
	r.partial = r.partial || !ok || slices.Contains(flags, any("incomplete"))
}

// positions is the specification in first, last and step.
func (r *row) positions() (s spec, ok bool) {
	s = spec{at: r.first, last: r.last, step: max(r.step, 1)}
	if r.last >= 0 {
		s.last -= r.first
	}
	return s, r.first > 0 && (r.last < 0 || s.last >= 0)
}

// entry puts together what Redis says and what is known here.
func (r *row) entry() *entry {
	container, _, _ := strings.Cut(r.name, "|")
	known, isKnown := decided[r.name]
	if !isKnown {
		known, isKnown = decided[container]
	}
	e := &entry{effect: known, specs: r.specs}
	if r.specified == 0 {
		if specs, found := older[r.name]; found {
			e.specs, isKnown = specs, true
		} else if s, ok := r.positions(); ok {
			e.specs = []spec{s}
		}
	}
	switch {
	case r.partial && e.loose == Nowhere && e.reading != asSort:
		e.loose = Everywhere
	case isKnown || r.partial:
	case r.movable && (r.module || r.specified == 0):
		e.ask = true // a module that names its keys itself, or an old Redis
	case r.specified == 0 && len(e.specs) == 0 && len(r.subs) == 0:
		e.loose = Everywhere
	}
	r.addSubs(e, isKnown)
	return e
}

// addSubs gives a container its subcommands.
func (r *row) addSubs(e *entry, isKnown bool) {
	e.rest = e
	if len(r.subs) > 0 && !isKnown {
		e.rest = nil
	}
	add := func(sub row) {
		if e.subs == nil {
			e.subs = make(map[string]*entry)
		}
		_, name, _ := strings.Cut(sub.name, "|")
		e.subs[name] = sub.entry()
	}
	for _, name := range decidedSubs[r.name] {
		add(row{name: r.name + "|" + name})
	}
	for _, sub := range r.subs {
		add(sub)
	}
}
