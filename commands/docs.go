package commands

import "github.com/distkit/distkit-proxy/engine"

// What COMMAND DOCS says of all commands alike.
const (
	docsGroup = "distkit" // redis-cli: help @distkit
	docsSince = "1.0.0"
)

// familyDocs introduces the families in a summary.
var familyDocs = [...]string{
	engine.LaxInstance:    "lax, per instance",
	engine.StrictInstance: "strict, per instance",
	engine.LaxPlain:       "lax",
	engine.StrictPlain:    "strict",
}

// AppendDocs appends the command's part of COMMAND DOCS, as Redis 7.0 shapes
// it: the name and the map of its documentation.
func (c *Command) AppendDocs(dst []byte, resp3 bool) []byte {
	e := encoder{dst: dst, resp3: resp3}
	e.bulk(c.name)
	pairs := 4
	if len(c.verb.args) > 0 {
		pairs++
	}
	e.mapOf(pairs)
	e.bulk("summary")
	e.bulk(c.summary())
	e.bulk("since")
	e.bulk(docsSince)
	e.bulk("group")
	e.bulk(docsGroup)
	e.bulk("complexity")
	e.bulk(c.verb.complexity)
	if len(c.verb.args) > 0 {
		e.bulk("arguments")
		e.arguments(c.verb.args)
	}
	return e.dst
}

// summary is the verb's, with what sets the families apart.
func (c *Command) summary() string {
	if c.verb.ofProxy {
		return c.verb.summary + ". Reply: " + c.verb.reply
	}
	return c.verb.summary + " (" + familyDocs[c.family] + "). Reply: " +
		c.verb.replyDoc(!c.family.InstanceAware())
}

// arguments writes the list that redis-cli makes its hints of. The order of
// the fields is Redis'.
func (e *encoder) arguments(args []arg) {
	e.array(len(args))
	for _, a := range args {
		flags := a.flags()
		pairs := 2
		for _, present := range []bool{a.typ == "key", a.token != "", len(flags) > 0, len(a.args) > 0} {
			if present {
				pairs++
			}
		}
		e.mapOf(pairs)
		e.bulk("name")
		e.bulk(a.name)
		e.bulk("type")
		e.bulk(a.typ)
		if a.typ == "key" {
			e.bulk("key_spec_index")
			e.integer(0)
		}
		if a.token != "" {
			e.bulk("token")
			e.bulk(a.token)
		}
		if len(flags) > 0 {
			e.bulk("flags")
			e.flags(flags)
		}
		if len(a.args) > 0 {
			e.bulk("arguments")
			e.arguments(a.args)
		}
	}
}
