package corpus

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// parse reads a file of scenarios.
func parse(text string) ([]Scenario, error) {
	var all []Scenario
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		var err error
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			all = append(all, Scenario{Name: strings.Trim(line, "[]")})
		case len(all) == 0:
			err = errors.New("a step before the first scenario")
		case line[0] == '%':
			err = all[len(all)-1].option(strings.TrimSpace(line[1:]))
		default:
			s := &all[len(all)-1]
			var step Step
			if step, err = parseStep(line); err == nil {
				s.Steps = append(s.Steps, step)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return all, nil
}

// option takes a line that begins with %.
func (s *Scenario) option(text string) error {
	name, why, _ := strings.Cut(text, ": ")
	if why == "" {
		return fmt.Errorf("%q gives no reason", text)
	}
	switch name {
	case "alone":
		s.Alone = why
	case "uncut":
		s.Uncut = why
	case "only 2":
		s.Only = 2
	case "only 3":
		s.Only = 3
	default:
		return fmt.Errorf("%q is no option", name)
	}
	return nil
}

// What may stand before a command.
var (
	onConn   = regexp.MustCompile(`^(\d+)?([<>!]) *`)
	inFrames = regexp.MustCompile(`^=(\d+)(?:/(\d+))? +`)
	repeated = regexp.MustCompile(`^(\d+)x +`)
	counts   = regexp.MustCompile(`^(\d+)(?:/(\d+))?$`)
)

func parseStep(line string) (Step, error) {
	step := Step{Text: line, Conn: 1, Frames: [2]int{1, 1}, Times: 1}
	rest := line
	if m := onConn.FindStringSubmatch(rest); m != nil {
		rest = rest[len(m[0]):]
		if m[1] != "" {
			step.Conn, _ = strconv.Atoi(m[1])
		}
		switch m[2] {
		case "<":
			step.Kind = Await
			n := counts.FindStringSubmatch(rest)
			if n == nil {
				return step, fmt.Errorf("%q is no number of replies", rest)
			}
			step.Frames = frames(n)
			return step, nil
		case "!":
			return step, step.wait(strings.Fields(rest))
		}
	}
	if m := inFrames.FindStringSubmatch(rest); m != nil {
		rest = rest[len(m[0]):]
		step.Frames = frames(m)
	}
	if cut, ok := strings.CutPrefix(rest, "& "); ok {
		rest, step.Background = cut, true
	}
	if m := repeated.FindStringSubmatch(rest); m != nil {
		rest = rest[len(m[0]):]
		if step.Times, _ = strconv.Atoi(m[1]); step.Times == 0 {
			return step, fmt.Errorf("%q is sent no times", line)
		}
	}
	args, err := Split(rest)
	switch {
	case err != nil:
		return step, err
	case len(args) == 2 && args[0] == "raw":
		step.Raw = args[1]
	default:
		step.Args = args
	}
	return step, nil
}

// frames takes the numbers of replies from a match; one counts for both protocols.
func frames(m []string) [2]int {
	two, _ := strconv.Atoi(m[1])
	three, err := strconv.Atoi(m[2])
	if err != nil {
		three = two
	}
	return [2]int{two, three}
}

// wait takes what follows an exclamation mark.
func (s *Step) wait(words []string) error {
	s.Frames = [2]int{}
	switch strings.Join(words[:min(len(words), 1)], "") {
	case "blocked":
		s.Kind = Blocked
		var err error
		s.N, err = strconv.Atoi(words[len(words)-1])
		return err
	case "idle":
		s.Kind = Idle
	case "closed":
		s.Kind = Closed
	default:
		return fmt.Errorf("%q is nothing to wait for", words)
	}
	return nil
}

var multiplied = regexp.MustCompile(`^\{(.)\*(\d+)\}$`)

// Split cuts a line into arguments: blanks separate, "…" is a Go string.
func Split(line string) (args []string, err error) {
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		if rest[0] == '"' {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", rest, err)
			}
			arg, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", quoted, err)
			}
			args, rest = append(args, arg), rest[len(quoted):]
			if rest != "" && rest[0] != ' ' {
				return nil, fmt.Errorf("%s: no blank behind %s", line, quoted)
			}
			continue
		}
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		if m := multiplied.FindStringSubmatch(word); m != nil {
			n, _ := strconv.Atoi(m[2])
			word = strings.Repeat(m[1], n)
		}
		args = append(args, word)
	}
	if len(args) == 0 {
		return nil, errors.New("no command")
	}
	return args, nil
}
