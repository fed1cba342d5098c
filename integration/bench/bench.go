package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/integration/servers"
)

// bench is one run of the program.
type bench struct {
	rounds   int
	scale    float64 // on all numbers of requests
	quick    bool
	failures int    // loads that could not be carried out
	dir      string // for the binary and what servers write
	binary   string // of the proxy
}

// question is one that a table, or two, answer.
type question struct {
	letter, title string
	quick         bool // it is among those of -quick
	answer        func(*bench, context.Context, *testbed) error
}

var questions = []question{
	{"a", "How fast are lax increments?", true, (*bench).increments},
	{"b", "What is Redis spared?", true, (*bench).spared},
	{"c", "What if Redis is far away?", true, (*bench).far},
	{"d", "What does passing through cost?", true, (*bench).passThrough},
	{"e", "What do many connections cost?", true, (*bench).connections},
	{"f", "How much memory?", false, (*bench).memory},
	{"g", "How much CPU when idle?", false, (*bench).idle},
	{"h", "How fast is the engine alone?", true, (*bench).engine},
}

func (b *bench) setDefaults() {
	if b.rounds < 1 {
		b.rounds = 5
		if b.quick {
			b.rounds = 3
		}
	}
	if b.quick {
		b.scale *= 0.25
	}
}

// run answers the questions of these letters, or of all.
func (b *bench) run(ctx context.Context, letters string) error {
	asked, err := b.asked(letters)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "distkit-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.binary, err = servers.Build(ctx, b.dir); err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n%d rounds: medians (lowest to highest). %s\n", machine(), versions(ctx), b.rounds, absentPeers())
	began := time.Now()
	for _, q := range asked {
		fmt.Printf("\n## %s. %s\n\n", q.letter, q.title)
		if err := b.one(ctx, q); err != nil {
			return fmt.Errorf("question %s: %w", q.letter, err)
		}
	}
	fmt.Printf("\nmeasured in %v\n", time.Since(began).Round(time.Second))
	if b.failures > 0 {
		return fmt.Errorf("%d loads failed", b.failures)
	}
	return nil
}

// one answers a question with servers that no other has used.
func (b *bench) one(ctx context.Context, q question) error {
	bed, err := b.newTestbed(ctx)
	if err != nil {
		return err
	}
	defer bed.stop()
	return q.answer(b, ctx, bed)
}

// asked are the questions of these letters.
func (b *bench) asked(letters string) (asked []question, err error) {
	if letters == "" {
		return slices.DeleteFunc(slices.Clone(questions), func(q question) bool { return b.quick && !q.quick }), nil
	}
	for letter := range strings.SplitSeq(letters, ",") {
		i := slices.IndexFunc(questions, func(q question) bool { return q.letter == strings.TrimSpace(letter) })
		if i < 0 {
			return nil, fmt.Errorf("there is no question %q", letter)
		}
		asked = append(asked, questions[i])
	}
	return asked, nil
}
