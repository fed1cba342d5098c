package integration

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/integration/corpus"
)

// listed is a command, or a subcommand as container|name, as Redis lists it.
type listed struct {
	name  string
	arity int // negative: at least so many arguments, the name included
}

// allCommands are the commands and subcommands of a Redis.
func allCommands(t *testing.T, c *control) []listed {
	t.Helper()
	replies, err := c.ask([]string{"COMMAND"})
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	var add func(entries string)
	add = func(entries string) {
		for _, entry := range itemsOf(entries) {
			parts := itemsOf(entry)
			var l listed
			fmt.Sscanf(parts[1], ":%d", &l.arity)
			_, name, _ := strings.Cut(parts[0], "\r\n")
			l.name = strings.TrimSuffix(name, "\r\n")
			all = append(all, l)
			add(parts[len(parts)-1])
		}
	}
	add(replies[0])
	if len(all) < 350 {
		t.Fatalf("Redis 7.0 has more than %d commands and subcommands", len(all))
	}
	return all
}

// leftOut are the commands that no scenario has, and why.
var leftOut = map[string]string{
	"sync":  "what follows is no RESP: the stream of a replica",
	"psync": "what follows is no RESP: the stream of a replica",
}

// No command of Redis is forgotten, and no reason for leaving one out outlives it.
func TestCompareHasEveryCommand(t *testing.T) {
	scenarios, err := corpus.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, s := range scenarios {
		for _, step := range s.Steps {
			if len(step.Args) > 0 {
				name := strings.ToLower(step.Args[0])
				used[name] = true
				if len(step.Args) > 1 {
					used[name+"|"+strings.ToLower(step.Args[1])] = true
				}
			}
		}
	}
	names := make(map[string]bool)
	for _, l := range allCommands(t, newControl(t, startRedis(t), "")) {
		names[l.name] = true
		switch why := leftOut[l.name]; {
		case used[l.name] && why != "":
			t.Errorf("%s is left out and in the corpus", l.name)
		case !used[l.name] && why == "":
			t.Errorf("%s is neither in the corpus nor in the list of what is left out", l.name)
		}
	}
	for name := range leftOut {
		if !names[name] {
			t.Errorf("%s is left out, and Redis has no such command", name)
		}
	}
	for name, s := range shapes {
		if s.why == "" || !used[name] {
			t.Errorf("the shape of %s: reason %q, used: %v", name, s.why, used[name])
		}
	}
	if _, err := readFrame(bufio.NewReader(strings.NewReader("?\r\n"))); err == nil {
		t.Error("what is no reply is read as one")
	}
}

// unpaired are the commands after which replies are not one for one.
var unpaired = []string{"subscribe", "psubscribe", "ssubscribe", "monitor", "sync", "psync", "client|reply", "client|tracking"}

// Every command of Redis is refused with the same error for too few or too many
// arguments, and the client goes on.
func TestCompareWrongNumbersOfArguments(t *testing.T) {
	for proto := 2; proto <= 3; proto++ {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			c := newComparison(t, proto, plainly)
			long := corpus.Scenario{Name: "errors", Uncut: "there are many"}
			add := func(s *corpus.Scenario, args ...string) {
				s.Steps = append(s.Steps, corpus.Step{Text: strings.Join(args, " "), Conn: 1, Args: args, Frames: [2]int{1, 1}, Times: 1})
			}
			for _, l := range allCommands(t, c.direct) {
				name := strings.Split(strings.ToUpper(l.name), "|")
				s := &long
				if slices.Contains(unpaired, l.name) {
					s = &corpus.Scenario{Name: l.name, Uncut: "there are many"}
				}
				if l.arity > len(name) || l.arity < -len(name) {
					add(s, name...)
				}
				if l.arity > 0 {
					add(s, append(name, slices.Repeat([]string{"x"}, l.arity-len(name)+1)...)...)
				}
				if s != &long && len(s.Steps) > 0 {
					add(s, "PING")
					c.compare(t, s)
				}
			}
			c.compare(t, &long)
			t.Logf("%d wrong commands in one", len(long.Steps))
		})
	}
}
