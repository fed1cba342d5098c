package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile collects the settings of a YAML file.
func readFile(table []setting, path string) ([]entry, Problems) {
	data, err := os.ReadFile(path)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, Problems{&Problem{Setting: "config", Value: path, Reason: "the file cannot be read: " + err.Error()}}
	}
	return parseFile(table, path, data)
}

// parseFile collects the settings of a YAML text: one mapping from names to
// scalars, lists of scalars, or what a structured value takes.
func parseFile(table []setting, path string, data []byte) (entries []entry, problems Problems) {
	broken := func(line int, format string, args ...any) {
		problems = append(problems, &Problem{Reason: fmt.Sprintf("%s:%d: ", path, line) + fmt.Sprintf(format, args...)})
	}
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, Problems{&Problem{Reason: path + ": not YAML: " + strings.TrimPrefix(firstLine(err), "yaml: ")}}
	}
	root := doc.Content[0]
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		broken(root.Line, "more than one YAML document")
		return nil, problems
	}
	if root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		broken(root.Line, "settings are written as name: value")
		return nil, problems
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		s := findYAML(table, key.Value)
		raw, ok := scalars(node)
		structure := target(node)
		if s != nil {
			if _, takes := s.field.(structured); !takes {
				structure = nil
			} else if structure.Tag != "!!null" {
				raw, ok = written(structure), true
			}
		}
		switch {
		case s == nil:
			name := shorten(key.Value)
			broken(key.Line, "unknown setting %q; %s", name, orNearest(table, name, "", setting.yaml, "docs/configuration.md lists them all"))
		case s.name == "config":
			broken(key.Line, "%s cannot be set in the file itself", s.name)
		case seen[s.name] > 0:
			broken(key.Line, "%s is set twice, first in line %d", key.Value, seen[s.name])
		case !ok:
			hint := ""
			if s.empty != "" {
				hint = "for " + s.empty + " leave it out; "
			}
			broken(key.Line, "%s has no value; %sallowed: %s", key.Value, hint, s.field.allowed())
		default:
			entries = append(entries, entry{s.name, raw, structure, fmt.Sprintf("%s:%d", path, key.Line)})
		}
		if s != nil {
			seen[s.name] = key.Line
		}
	}
	return entries, problems
}

// target is the node itself, or what it is an alias of.
func target(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// written is a node as messages show it: its items, each in one line.
func written(node *yaml.Node) []string {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	raw := []string{}
	for _, item := range items {
		if item = target(item); item.Kind == yaml.ScalarNode {
			raw = append(raw, item.Value)
			continue
		}
		flow := *item
		flow.Style = yaml.FlowStyle
		text, err := yaml.Marshal(&flow)
		if err != nil {
			text = []byte("…") // what was parsed can be written
		}
		raw = append(raw, strings.Join(strings.Fields(string(text)), " "))
	}
	return raw
}

// scalars are the strings of a scalar or of a list of scalars, as written.
func scalars(node *yaml.Node) ([]string, bool) {
	switch node.Kind {
	case yaml.AliasNode:
		return scalars(node.Alias)
	case yaml.ScalarNode:
		return []string{node.Value}, node.Tag != "!!null"
	case yaml.SequenceNode:
		raw := []string{}
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return nil, false
			}
			raw = append(raw, item.Value)
		}
		return raw, true
	}
	return nil, false
}

func findYAML(table []setting, key string) *setting {
	for i := range table {
		if table[i].yaml() == key {
			return &table[i]
		}
	}
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
