package conf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// redisURLEnv is the variable that many hosting platforms set; it counts as
// the environment's word on the Redis behind where DISTKIT_REDIS is not set.
const redisURLEnv = "REDIS_URL"

// Load reads the configuration: defaults, the YAML file, the environment, the
// flags, each over the one before. args are those after the program's name; an
// environment variable that is set but empty counts as not set.
//
// The error is a Problems, one line for each thing that is wrong, and names no
// password.
func Load(args []string, env func(string) (string, bool)) (Config, error) {
	c := Default()
	c.origin = map[string]entry{}
	table := settings(&c)

	flags, problems := parseFlags(table, args, &c)
	if c.ShowHelp || c.ShowVersion {
		return c, nil
	}

	// Where the file is must be known before the file can be read.
	var layers [][]entry
	fromEnv := environment(table, env)
	for _, e := range append(fromEnv[:len(fromEnv):len(fromEnv)], flags...) {
		if e.name == "config" && len(e.raw) == 1 {
			c.File = e.raw[0]
		}
	}
	if c.File != "" && len(problems) == 0 {
		entries, ps := readFile(table, c.File)
		layers, problems = append(layers, entries), append(problems, ps...)
	}
	layers = append(layers, fromEnv, flags)

	for _, layer := range layers {
		problems = append(problems, c.apply(table, layer)...)
	}
	if c.InstanceID == "" && c.origin["instance-id"].raw == nil {
		c.InstanceID = newUUID()
	}
	if len(problems) > 0 {
		return c, problems
	}
	return c, c.Validate()
}

// entry is one setting as a source has it.
type entry struct {
	name string
	raw  []string
	from string // the source, for messages
}

// apply sets the entries' fields; a later layer replaces an earlier one.
func (c *Config) apply(table []setting, layer []entry) (problems Problems) {
	for _, e := range layer {
		s := *find(table, e.name)
		if err := s.field.set(e.raw); err != nil {
			problems = append(problems, &Problem{
				Setting: s.name,
				Value:   s.show(strings.Join(e.raw, " ")),
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

// environment collects what is set there.
func environment(table []setting, env func(string) (string, bool)) (entries []entry) {
	for _, s := range table {
		names := []string{s.env()}
		if s.name == "redis" {
			names = append(names, redisURLEnv)
		}
		for _, name := range names {
			if raw, ok := env(name); ok && raw != "" {
				entries = append(entries, entry{s.name, []string{raw}, name})
				break
			}
		}
	}
	return entries
}

// rawFlag collects the values of one flag as they were written.
type rawFlag struct{ raw []string }

func (f *rawFlag) Set(s string) error { f.raw = append(f.raw, s); return nil }
func (f *rawFlag) String() string     { return "" }
func (f *rawFlag) Type() string       { return "string" }

// parseFlags collects the flags that are given.
func parseFlags(table []setting, args []string, c *Config) (entries []entry, problems Problems) {
	fs := pflag.NewFlagSet("distkit-proxy", pflag.ContinueOnError)
	fs.Usage = func() {}
	raw := make([]rawFlag, len(table))
	for i, s := range table {
		flag := fs.VarPF(&raw[i], s.name, "", s.help)
		if s.arg == "" {
			flag.NoOptDefVal = "on"
		}
	}
	fs.BoolVarP(&c.ShowHelp, "help", "h", false, "")
	fs.BoolVar(&c.ShowVersion, "version", false, "")
	fs.BoolVar(&c.CheckOnly, "check-config", false, "")
	if err := fs.Parse(args); err != nil {
		return nil, Problems{flagProblem(table, err)}
	}
	if fs.NArg() > 0 {
		return nil, Problems{&Problem{Reason: fmt.Sprintf("unexpected argument %q; settings are given as --name value", shorten(fs.Arg(0)))}}
	}
	for i, s := range table {
		if len(raw[i].raw) > 0 {
			entries = append(entries, entry{s.name, raw[i].raw, "--" + s.name})
		}
	}
	return entries, nil
}

// flagProblem words pflag's errors; pflag's own may quote a whole argument, and
// with it a password.
func flagProblem(table []setting, err error) *Problem {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	const help = "--help lists them all"
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return &Problem{Reason: fmt.Sprintf("unknown flag -%s; flags begin with two dashes, %s", unknown.GetSpecifiedName(), help)}
	case errors.As(err, &unknown):
		name := shorten(unknown.GetSpecifiedName())
		return &Problem{Reason: fmt.Sprintf("unknown flag --%s; %s", name, orNearest(table, name, "--", setting.flag, help))}
	case errors.As(err, &missing):
		name := missing.GetSpecifiedName()
		return &Problem{Setting: name, From: "--" + name, Reason: "the value is missing", Allowed: find(table, name).field.allowed()}
	case errors.As(err, &invalid): // only --help, --version and --check-config are parsed by pflag
		return &Problem{Reason: fmt.Sprintf("--%s takes no value", invalid.GetFlag().Name)}
	}
	return &Problem{Reason: "a flag is malformed: write --name value or --name=value"}
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
