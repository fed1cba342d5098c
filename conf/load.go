package conf

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads the configuration: defaults, the YAML file, the environment, the
// flags, each over the one before. args are those after the program's name,
// environ is as from os.Environ; a variable that is set but empty counts as not
// set.
//
// The error is a Problems, one line for each thing that is wrong, and names no
// password.
func Load(args, environ []string) (Config, error) {
	c := Default()
	c.origin = map[string]entry{}
	table := settings(&c)

	flags, problems := parseFlags(table, args, &c)
	if c.ShowHelp || c.ShowVersion {
		if len(problems) > 0 {
			return c, problems
		}
		return c, nil
	}
	fromEnv, ps := environment(table, environ)
	problems = append(problems, ps...)

	// Where the file is must be known before the file can be read.
	var layers [][]entry
	for _, e := range append(fromEnv[:len(fromEnv):len(fromEnv)], flags...) {
		if e.name == "config" && len(e.raw) == 1 {
			c.File = e.raw[0]
		}
	}
	if c.File != "" {
		entries, ps := readFile(table, c.File)
		layers, problems = append(layers, entries), append(problems, ps...)
	}
	layers = append(layers, fromEnv, flags)

	for _, layer := range layers {
		problems = append(problems, c.apply(table, layer)...)
	}
	if c.InstanceChosen = c.origin["instance-id"].raw != nil; c.InstanceID == "" && !c.InstanceChosen {
		c.InstanceID = newUUID()
	}
	if problems = c.problems(problems); len(problems) > 0 {
		return c, problems
	}
	return c, nil
}

// entry is one setting as a source has it.
type entry struct {
	name string
	raw  []string
	node *yaml.Node // of a structured value in the file
	from string     // the source, for messages
}

// apply sets the entries' fields; a later layer replaces an earlier one.
func (c *Config) apply(table []setting, layer []entry) (problems Problems) {
	for _, e := range layer {
		s := *find(table, e.name)
		set := func() error { return s.field.set(e.raw) }
		if e.node != nil {
			set = func() error { return s.field.(structured).setYAML(e.node) }
		}
		if err := set(); err != nil {
			problems = append(problems, &Problem{
				Setting: s.name,
				Value:   s.show(e.raw...),
				From:    e.from,
				Reason:  err.Error(),
				Allowed: s.field.allowed(),
			})
			continue
		}
		c.origin[s.name] = e
	}
	return problems
}

// shorten makes a stranger's word fit to print.
func shorten(s string) string {
	if strings.Contains(s, "@") || strings.Contains(s, "://") {
		return Redact(s)
	}
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func find(table []setting, name string) *setting {
	for i := range table {
		if table[i].name == name {
			return &table[i]
		}
	}
	return nil
}

func (s setting) flag() string { return s.name }

// orNearest suggests the setting that a misspelt name probably meant.
func orNearest(table []setting, name, prefix string, spelling func(setting) string, otherwise string) string {
	best, distance := "", 4
	for _, s := range table {
		if d := editDistance(strings.ReplaceAll(strings.ToLower(name), "_", "-"), s.name); d < distance && d*2 < len(s.name) {
			best, distance = spelling(s), d
		}
	}
	if best == "" {
		return otherwise
	}
	return "did you mean " + prefix + best + "?"
}

// editDistance is the number of letters to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
