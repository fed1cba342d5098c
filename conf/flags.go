package conf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// rawFlag collects the values of one flag as they were written.
type rawFlag struct{ raw []string }

func (f *rawFlag) Set(s string) error { f.raw = append(f.raw, s); return nil }
func (f *rawFlag) String() string     { return "" }
func (f *rawFlag) Type() string       { return "string" }

// parseFlags collects the flags that are given. One that is wrong does not keep
// the others from being looked at.
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
	for len(args) > 0 {
		n := flagWords(fs, args)
		if err := fs.Parse(args[:n]); err != nil {
			problems = append(problems, flagProblem(table, err))
		}
		for _, arg := range fs.Args() {
			problems = append(problems, &Problem{Reason: fmt.Sprintf("unexpected argument %q; settings are given as --name value", shorten(arg))})
		}
		args = args[n:]
	}
	for i, s := range table {
		if len(raw[i].raw) > 0 {
			entries = append(entries, entry{s.name, raw[i].raw, nil, "--" + s.name})
		}
	}
	return entries, problems
}

// flagWords is how many of args belong together: a flag and its value, or all
// that follow the two dashes alone.
func flagWords(fs *pflag.FlagSet, args []string) int {
	word := args[0]
	if word == "--" {
		return len(args)
	}
	if len(args) == 1 || len(word) < 2 || word[0] != '-' || strings.Contains(word, "=") {
		return 1
	}
	name, long := strings.CutPrefix(word, "--")
	flag := fs.Lookup(name)
	switch {
	case long && flag != nil && flag.NoOptDefVal == "":
		return 2
	case (!long && word != "-h" || long && flag == nil) && !strings.HasPrefix(args[1], "-"):
		return 2 // the value of a flag that there is not
	}
	return 1
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
