package conf

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with the configuration. Its text is one
// line without any password.
type Problem struct {
	Setting string // its name, as of the flag; empty where it is not about one
	Value   string // as it may be printed
	From    string // a flag, an environment variable or a file and line; empty for a default
	Reason  string
	Allowed string
}

func (p *Problem) Error() string {
	var b strings.Builder
	if p.Setting != "" {
		b.WriteString(p.Setting)
		if p.Value != "" {
			fmt.Fprintf(&b, " %q", p.Value)
		}
		if p.From != "" {
			fmt.Fprintf(&b, " (from %s)", p.From)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Reason)
	if p.Allowed != "" {
		b.WriteString("; allowed: " + p.Allowed)
	}
	return b.String()
}

// Problems is everything that is wrong with a configuration, one line each.
type Problems []*Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Validate reports everything that is wrong with c as a Problems, or nil.
func (c Config) Validate() error {
	var problems Problems
	table := settings(&c)
	add := func(name, value, reason, allowed string) {
		problems = append(problems, &Problem{name, value, c.origin[name].from, reason, allowed})
	}
	for _, s := range table {
		if err := s.field.check(); err != nil {
			written := s.field.String()
			if raw := c.origin[s.name].raw; raw != nil {
				written = strings.Join(raw, " ")
			}
			add(s.name, s.show(written), err.Error(), s.field.allowed())
		}
	}
	if len(problems) > 0 {
		return problems // relations between wrong values would only confuse
	}
	show := func(name string) string { return find(table, name).field.String() }
	// between adds what holds between two settings where it does not.
	between := func(holds bool, name, relation, other string) {
		if !holds {
			add(name, show(name), "it does not fit "+other, fmt.Sprintf("%s %s, which is %s", relation, other, show(other)))
		}
	}
	for _, addr := range c.Listen {
		if !c.Public && !loopback(addr) {
			add("listen", addr, "others can reach it, and the proxy asks for no password of its own", "a loopback address, or any with --public")
		}
	}
	between(c.MaxQueryBuffer >= c.MaxBulk, "max-query-buffer", "at least", "max-bulk")
	// A heartbeat is due every half of dead-after, and rides on flushes.
	between(c.DeadAfter >= 4*c.FlushInterval, "dead-after", "at least four times", "flush-interval")
	// Else what is merely waiting for its flush would be refused as too old.
	between(c.MaxPendingAge == 0 || c.MaxPendingAge >= 2*c.FlushInterval,
		"max-pending-age", "none, or at least twice", "flush-interval")
	if len(problems) > 0 {
		return problems
	}
	return nil
}
