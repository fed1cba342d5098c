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
	if problems := c.problems(nil); len(problems) > 0 {
		return problems
	}
	return nil
}

// problems adds to found, what loading has met, everything that is wrong with
// c. Settings with a problem already are left out: their fields are not what
// was written, and what holds between them and others would only confuse.
func (c Config) problems(found Problems) Problems {
	table := settings(&c)
	wrong := map[string]bool{}
	for _, p := range found {
		wrong[p.Setting] = true
	}
	add := func(name, value, reason, allowed string) {
		found = append(found, &Problem{name, value, c.origin[name].from, reason, allowed})
	}
	for _, s := range table {
		if wrong[s.name] {
			continue
		}
		if err := s.field.check(); err != nil {
			written := s.show(s.field.String())
			if raw := c.origin[s.name].raw; raw != nil {
				written = s.show(raw...)
			}
			add(s.name, written, err.Error(), s.field.allowed())
			wrong[s.name] = true
		}
	}
	if c.Redis == "" && !wrong["redis"] && !wrong["listen"] && !wrong["public"] {
		for _, addr := range c.Exposed() {
			add("listen", addr, "others can reach it, and the embedded Redis asks for no password", "a loopback address, or any with --tls-client-ca or --public")
		}
	}
	if c.Admin != "" && !wrong["admin"] && !wrong["public"] && !c.Public && !loopback(c.Admin) {
		add("admin", c.Admin, "others can reach it, and it asks for no password", "a loopback address, or any with --public")
	}
	// between adds what holds between two settings where it does not.
	between := func(holds bool, name, other, allowed string) {
		if !holds && !wrong[name] && !wrong[other] {
			add(name, find(table, name).field.String(), "it does not fit "+other, allowed)
		}
	}
	needs := func(name, value, other, otherValue string) {
		if value != "" && otherValue == "" && !wrong[name] && !wrong[other] {
			add(name, value, "it is of no use without "+other, "only together with "+other)
		}
	}
	needs("tls-cert", c.TLSCert, "tls-key", c.TLSKey)
	needs("tls-key", c.TLSKey, "tls-cert", c.TLSCert)
	needs("tls-client-ca", c.TLSClientCA, "tls-cert", c.TLSCert)
	between(c.MaxQueryBuffer >= c.MaxBulk, "max-query-buffer", "max-bulk",
		fmt.Sprintf("at least %s, as much as max-bulk", sizeText(c.MaxBulk)))
	interval := durationText(c.FlushInterval)
	// A heartbeat is due every half of dead-after, and rides on flushes.
	between(c.DeadAfter >= 4*c.FlushInterval, "dead-after", "flush-interval",
		fmt.Sprintf("at least %s, four times flush-interval (%s)", durationText(4*c.FlushInterval), interval))
	// Else what is merely waiting for its flush would be refused as too old.
	between(c.MaxPendingAge == 0 || c.MaxPendingAge >= 2*c.FlushInterval, "max-pending-age", "flush-interval",
		fmt.Sprintf("none, or at least %s, twice flush-interval (%s)", durationText(2*c.FlushInterval), interval))
	if p := slowest(c.Lax); c.MaxPendingAge > 0 {
		between(c.MaxPendingAge >= 2*p.FlushInterval, "max-pending-age", "lax",
			fmt.Sprintf("none, or at least %s, twice the flush_interval of %q", durationText(2*p.FlushInterval), p.Glob))
	}
	return found
}
