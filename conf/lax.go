package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	// maxGlob is the longest glob in bytes; the engine has the same.
	maxGlob = 1024
	// ownKeys begin the keys that are distkit's own, which are never lax.
	ownKeys = "distkit:"

	minLaxTime, maxLaxTime = time.Millisecond, time.Minute
)

// LaxPattern names ordinary string keys that are counters.
type LaxPattern struct {
	// Glob is a glob of Redis' kind over the whole key.
	Glob string
	// FlushInterval and AllowedLag are as in Config, for these keys. Zero: as there.
	FlushInterval, AllowedLag time.Duration
}

// String is the pattern as the file may have it.
func (p LaxPattern) String() string {
	if p.FlushInterval == 0 && p.AllowedLag == 0 {
		return p.Glob
	}
	text := fmt.Sprintf("{pattern: %q", p.Glob)
	if p.FlushInterval != 0 {
		text += ", flush_interval: " + durationText(p.FlushInterval)
	}
	if p.AllowedLag != 0 {
		text += ", allowed_lag: " + durationText(p.AllowedLag)
	}
	return text + "}"
}

// patterns is a list of globs, which in the file may have times of their own;
// the word none is the empty list.
type patterns struct{ p *[]LaxPattern }

func (v *patterns) set(raw []string) error {
	globs := fields(raw)
	switch {
	case len(globs) == 0 && len(raw) > 0:
		return errEmpty
	case len(globs) == 1 && strings.EqualFold(globs[0], "none"):
		globs = nil
	}
	*v.p = nil
	for _, glob := range globs {
		*v.p = append(*v.p, LaxPattern{Glob: glob})
	}
	return nil
}

// setYAML sets the list as the file has it: strings, each as set takes it, and
// mappings, whose pattern may have spaces and commas in it.
func (v *patterns) setYAML(node *yaml.Node) error {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	var list []LaxPattern
	for i, item := range items {
		item = target(item)
		if item.Kind == yaml.MappingNode {
			pattern, err := laxMapping(item)
			if err != nil {
				return fmt.Errorf("entry %d %w", i+1, err)
			}
			list = append(list, pattern)
			continue
		}
		var some []LaxPattern
		raw, ok := scalars(item)
		switch {
		case !ok || item.Kind != yaml.ScalarNode:
			return fmt.Errorf("entry %d is neither a glob nor a mapping", i+1)
		case (&patterns{&some}).set(raw) != nil:
			return fmt.Errorf("entry %d is empty", i+1)
		}
		list = append(list, some...)
	}
	*v.p = list
	return nil
}

// laxMapping reads the mapping of one pattern.
func laxMapping(node *yaml.Node) (p LaxPattern, err error) {
	times := map[string]*time.Duration{"flush_interval": &p.FlushInterval, "allowed_lag": &p.AllowedLag}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i].Value
		raw, ok := scalars(node.Content[i+1])
		field := &duration{times[key], minLaxTime, maxLaxTime, false}
		switch {
		case seen[key]:
			return p, fmt.Errorf("has %s twice", shorten(key))
		case key != "pattern" && times[key] == nil:
			return p, fmt.Errorf("has %q, which is none of pattern, flush_interval and allowed_lag", shorten(key))
		case !ok || len(raw) != 1:
			return p, fmt.Errorf("has no value for %s", key)
		case key == "pattern":
			p.Glob = raw[0]
		default:
			err = field.set(raw)
			if err == nil {
				err = field.check()
			}
			if err != nil {
				return p, fmt.Errorf("has a wrong %s: %w", key, err)
			}
		}
		seen[key] = true
	}
	if !seen["pattern"] {
		return p, errors.New("has no pattern")
	}
	return p, nil
}

func (v *patterns) check() error {
	seen := map[string]bool{}
	for _, p := range *v.p {
		switch {
		case p.Glob == "":
			return errors.New("a pattern is empty")
		case len(p.Glob) > maxGlob:
			return errors.New("a pattern is too long")
		case onlyOwn(p.Glob):
			return errors.New("a pattern matches nothing but distkit's own keys, which are never lax")
		case seen[p.Glob]:
			return errors.New("a pattern is there twice")
		}
		seen[p.Glob] = true
		for _, d := range []time.Duration{p.FlushInterval, p.AllowedLag} {
			if d == 0 {
				continue
			}
			if err := inRange(d, minLaxTime, maxLaxTime); err != nil {
				return fmt.Errorf("a time of a pattern is wrong: %w", err)
			}
		}
	}
	return nil
}

// onlyOwn reports whether every key that the glob matches is distkit's own.
func onlyOwn(glob string) bool {
	literal := ""
	for i := 0; i < len(glob) && !strings.ContainsRune("*?[", rune(glob[i])); i++ {
		if glob[i] == '\\' && i+1 < len(glob) {
			i++
		}
		literal += glob[i : i+1]
	}
	return strings.HasPrefix(literal, ownKeys)
}

func (v *patterns) allowed() string {
	return fmt.Sprintf("none, or globs of at most %d bytes separated by spaces; in the file also {pattern: GLOB, flush_interval: TIME, allowed_lag: TIME} with %s",
		maxGlob, (&duration{min: minLaxTime, max: maxLaxTime}).allowed())
}

func (v *patterns) String() string {
	if len(*v.p) == 0 {
		return "none"
	}
	var list []string
	for _, p := range *v.p {
		list = append(list, p.String())
	}
	return strings.Join(list, " ")
}

// slowest is the pattern with the longest flush interval of its own; the zero
// pattern if none has one.
func slowest(list []LaxPattern) LaxPattern {
	return slices.MaxFunc(append([]LaxPattern{{}}, list...), func(a, b LaxPattern) int {
		return int(a.FlushInterval - b.FlushInterval)
	})
}
