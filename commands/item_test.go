package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestParseItem(t *testing.T) {
	for _, tc := range []struct {
		g          grammar
		line, want string // want: key number [comparator operand] | rest
	}{
		{orOne, "k", "k 1 |"},
		{orOne, "ns:k 5", "ns/k 5 |"},
		{orOne, "k -5 IF GT 10", "k -5 gt 10 |"},
		{orOne, "k if ge -10", "k 1 ge -10 |"},
		{orOne, "if", "if 1 |"},
		{orOne, "if if eq 1", "if 1 eq 1 |"},
		{orOne, "k 1 k 2", "k 1 | k 2"},
		{orOneNegated, "k", "k -1 |"},
		{orOneNegated, "k 9223372036854775807", "k -9223372036854775807 |"},
		{orOneNegated, "k -3 if ne 0", "k 3 ne 0 |"},
		{numbered, "k 9223372036854775807", "k 9223372036854775807 |"},
		{numbered, "k -9223372036854775808 if lt 0", "k -9223372036854775808 lt 0 |"},
		{numbered, "if 3 if 4", "syntax error"},
		{numbered, "if 3 if le 4 if 5", "if 3 le 4 | if 5"},
		{numbered, "k if eq 1", "value is not an integer or out of range"},
		{numbered, "k", "item cut short"},
		{orOneNegated, "k -9223372036854775808", "decrement would overflow"},
	} {
		item, rest, err := parseItem(&engine.Engine{}, tc.g, words(strings.Fields(tc.line)...))
		got := itemText(item, rest)
		if own, found := errors.AsType[*engine.Error](err); found {
			got = own.Msg
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.line, got, tc.want)
		}
	}
}

// itemText writes an item of the zero engine, whose default namespace is empty.
func itemText(it engine.Item, rest [][]byte) string {
	var b strings.Builder
	if len(it.Key.Namespace) > 0 {
		fmt.Fprintf(&b, "%s/", it.Key.Namespace)
	}
	fmt.Fprintf(&b, "%s %d ", it.Key.Counter, it.N)
	if it.Cond.Op != engine.None {
		fmt.Fprintf(&b, "%s %d ", it.Cond.Op, it.Cond.Operand)
	}
	b.WriteByte('|')
	for _, w := range rest {
		fmt.Fprintf(&b, " %s", w)
	}
	return b.String()
}

func TestOutcome(t *testing.T) {
	r := engine.Result{Applied: true, Value: engine.Value{Total: 10, Mine: 4}, Prev: engine.Value{Total: 7, Mine: 1}}
	missed := engine.Result{Value: engine.Value{Total: 10, Mine: 4}, Prev: engine.Value{Total: 10, Mine: 4}}
	failed := engine.Result{Err: engine.ErrOverflow}
	for _, tc := range []struct {
		name        string
		conditional bool
		result      engine.Result
		want        string
	}{
		{"dk.inc", false, r, "*2\r\n:10\r\n:4\r\n"},
		{"dk.inc", true, r, "*5\r\n:1\r\n:10\r\n:4\r\n:7\r\n:1\r\n"},
		{"dks.inc", true, missed, "*5\r\n:0\r\n:10\r\n:4\r\n:10\r\n:4\r\n"},
		{"dkc.inc", false, r, ":10\r\n"},
		{"dkc.inc", true, r, "*3\r\n:1\r\n:10\r\n:7\r\n"},
		{"dkcs.set", true, missed, "*3\r\n:0\r\n:10\r\n:10\r\n"},
		{"dk.inc", true, failed, "-ERR increment or decrement would overflow\r\n"},
		{"dkc.inc", false, failed, "-ERR increment or decrement would overflow\r\n"},
	} {
		reply := mustLookup(t, tc.name).outcome(tc.conditional, &tc.result)
		if got := string(reply.AppendTo(nil)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestItemsAndTheirRepliesDoNotAllocate(t *testing.T) {
	e := &engine.Engine{}
	c := mustLookup(t, "dk.inc")
	args := words("key", "5", "if", "gt", "-10")
	result := engine.Result{Applied: true, Value: engine.Value{Total: 1 << 62, Mine: -1 << 63}}
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		item, _, err := parseItem(e, orOne, args)
		if err != nil {
			t.Fatal(err)
		}
		dst = c.outcome(item.Cond.Op != engine.None, &result).AppendTo(dst[:0])
		dst = c.outcome(false, &result).AppendTo(dst)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
