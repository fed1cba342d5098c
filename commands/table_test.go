package commands

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

// arityCases has for every verb lines of a right and of a wrong length; what
// stands on them is not looked at.
var arityCases = map[string]struct{ right, wrong []string }{
	"inc":       {[]string{"k", "k 1", "k if gt 1", "k 1 if gt 1"}, []string{""}},
	"dec":       {[]string{"k", "k 1", "k if gt 1", "k 1 if gt 1"}, []string{""}},
	"get":       {[]string{"k"}, []string{"", "k k"}},
	"set":       {[]string{"k 1", "k 1 if gt 1"}, []string{"", "k"}},
	"seti":      {[]string{"k 1", "k 1 if gt 1"}, []string{"", "k"}},
	"del":       {[]string{"k"}, []string{"", "k k"}},
	"deli":      {[]string{"k"}, []string{"", "k k"}},
	"clear":     {[]string{"", "ns"}, []string{"ns ns"}},
	"cleari":    {[]string{"", "ns"}, []string{"ns ns"}},
	"mget":      {[]string{"k", "k k"}, []string{""}},
	"mgeti":     {[]string{"k", "k k"}, []string{""}},
	"minc":      {[]string{"k 1", "k 1 k 1", "k 1 if gt 1 k 1"}, []string{"", "k"}},
	"mset":      {[]string{"k 1", "k 1 k 1", "k 1 if gt 1 k 1"}, []string{"", "k"}},
	"mseti":     {[]string{"k 1", "k 1 k 1", "k 1 if gt 1 k 1"}, []string{"", "k"}},
	"flush":     {[]string{"", "k", "k k"}, nil},
	"hot":       {[]string{"", "5"}, []string{"5 5"}},
	"id":        {[]string{""}, []string{"k"}},
	"instances": {[]string{"", "ns"}, []string{"ns ns"}},
	"scan":      {[]string{"0", "0 match g", "0 match g count 1 ns ns"}, []string{""}},
}

func TestArity(t *testing.T) {
	for _, c := range All() {
		cases, found := arityCases[c.verb.name]
		if !found {
			t.Errorf("%s has no arity case", c.verb.name)
		}
		for _, line := range cases.right {
			if n := 1 + len(strings.Fields(line)); !c.arityHolds(n) {
				t.Errorf("%s %s is refused", c.Name(), line)
			}
		}
		for _, line := range cases.wrong {
			args := append(words(strings.ToUpper(c.Name())), bytes.Fields([]byte(line))...)
			reply := c.Run(context.Background(), &engine.Engine{}, args)
			want := "-ERR wrong number of arguments for '" + c.Name() + "' command\r\n"
			if got := string(reply.AppendTo(nil)); got != want {
				t.Errorf("%s %s: %q", c.Name(), line, got)
			}
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	if len(verbs) != len(arityCases) {
		t.Errorf("%d verbs, %d arity cases", len(verbs), len(arityCases))
	}
	for _, v := range verbs {
		if v.run == nil || v.summary == "" || v.complexity == "" || v.reply == "" || v.arity == 0 {
			t.Errorf("%s: something is missing: %+v", v.name, v)
		}
		if v.name != strings.ToLower(v.name) || len("dkcs.")+len(v.name) > maxName {
			t.Errorf("%s: not a name that Lookup finds", v.name)
		}
		if v.most != 0 && (v.arity > 0 || v.most < -v.arity) {
			t.Errorf("%s: at most %d arguments with arity %d", v.name, v.most, v.arity)
		}
		if v.ofInstances && v.plain != "" {
			t.Errorf("%s: a plain reply of a verb that plain families lack", v.name)
		}
		if (v.keys != noKeys) != (len(v.effect.keyFlags) > 0) {
			t.Errorf("%s: keys and their flags do not fit", v.name)
		}
		if (v.keys == noKeys) == documents(v.args, "key") {
			t.Errorf("%s: keys and the arguments' documentation do not fit", v.name)
		}
		// What may be left out makes the difference between the forms.
		if (v.arity > 0) != (fixed(v.args) == v.arity-1) {
			t.Errorf("%s: arity %d and the arguments' documentation do not fit", v.name, v.arity)
		}
	}
}

// documents reports whether an argument of the type is among args.
func documents(args []arg, typ string) bool {
	for _, a := range args {
		if a.typ == typ || documents(a.args, typ) {
			return true
		}
	}
	return false
}

// fixed is the number of arguments if it never varies, else -1.
func fixed(args []arg) int {
	for _, a := range args {
		if a.optional || a.repeats {
			return -1
		}
	}
	return len(args)
}
