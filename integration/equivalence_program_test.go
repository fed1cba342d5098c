package integration

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/integration/corpus"
)

// program is what clients send, one write at a time: the next is sent when all of
// the last is answered. So a Redis has but one answer.
//
// As text it has a line for each write, its commands apart by ; and in the corpus'
// notation, and one for how the proxy is set:
//
//	% interval 1ms lag 5ms delay 0s
//	1> MULTI ; INCR c:a ; EXEC
//	2> SET c:a "no number"
//	2> ! reconnect
type program struct {
	interval, lag time.Duration // of the proxy's first pattern; the second's are others
	delay         time.Duration // of what its Redis replies
	writes        []write
}

// write is what one connection sends in one piece.
type write struct {
	conn      int
	commands  [][]string
	reconnect bool // instead: close the connection, and make another
}

func (p program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%% interval %v lag %v delay %v\n", p.interval, p.lag, p.delay)
	for _, w := range p.writes {
		fmt.Fprintf(&b, "%s\n", w)
	}
	return b.String()
}

func (w write) String() string {
	if w.reconnect {
		return fmt.Sprintf("%d> ! reconnect", w.conn)
	}
	texts := make([]string, len(w.commands))
	for i, args := range w.commands {
		words := make([]string, len(args))
		for j, arg := range args {
			words[j] = wordOf(arg)
		}
		texts[i] = strings.Join(words, " ")
	}
	return fmt.Sprintf("%d> %s", w.conn, strings.Join(texts, " ; "))
}

var bareWord = regexp.MustCompile(`^[A-Za-z0-9_:.*+()\[\]=,~@/-]+$`)

func wordOf(arg string) string {
	switch {
	case len(arg) > 1000 && arg == strings.Repeat(arg[:1], len(arg)):
		return fmt.Sprintf("{%s*%d}", arg[:1], len(arg))
	case bareWord.MatchString(arg):
		return arg
	}
	return strconv.Quote(arg)
}

var (
	programLine = regexp.MustCompile(`^% interval (\S+) lag (\S+) delay (\S+)$`)
	writeLine   = regexp.MustCompile(`^(\d+)> (.*)$`)
)

// parseProgram reads what String has written; lines that begin with # do not count.
func parseProgram(text string) (p program, err error) {
	for _, line := range strings.Split(text, "\n") {
		if m := programLine.FindStringSubmatch(line); m != nil {
			for i, d := range []*time.Duration{&p.interval, &p.lag, &p.delay} {
				if *d, err = time.ParseDuration(m[1+i]); err != nil {
					return p, err
				}
			}
			continue
		}
		m := writeLine.FindStringSubmatch(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case m == nil:
			return p, fmt.Errorf("%q is no line of a program", line)
		}
		w := write{}
		w.conn, _ = strconv.Atoi(m[1])
		if m[2] == "! reconnect" {
			w.reconnect = true
		} else if w.commands, err = parseCommands(m[2]); err != nil {
			return p, err
		}
		p.writes = append(p.writes, w)
	}
	if p.interval == 0 {
		return p, errors.New("a program has a line with its interval")
	}
	return p, nil
}

func parseCommands(text string) (commands [][]string, err error) {
	words, err := corpus.Split(text)
	if err != nil {
		return nil, err
	}
	for len(words) > 0 {
		n := slices.Index(words, ";")
		if n < 0 {
			n = len(words)
		}
		if n == 0 {
			return nil, fmt.Errorf("%q has an empty command", text)
		}
		commands = append(commands, words[:n])
		words = words[min(n+1, len(words)):]
	}
	return commands, nil
}
