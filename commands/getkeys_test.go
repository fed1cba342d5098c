package commands

import (
	"bytes"
	"testing"
)

func TestKeys(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"DK.INC a", "a"},
		{"DK.INC a 5 IF GT 1", "a"},
		{"DK.GET ns:a", "ns:a"},
		{"DKS.SET a 1", "a"},
		{"DK.DELI a", "a"},
		{"DK.MGET a b a", "a b a"},
		{"DK.FLUSH", ""},
		{"DK.FLUSH a b", "a b"},
		{"DK.MINC a 1", "a"},
		{"DK.MINC a 1 if eq 0 b 2 c 3 IF LT 100", "a b c"},
		{"DKC.MSET if 1 IF EQ 0 if 2", "if if"},
		{"DK.MSETI a x b y", "a b"},
	} {
		args := bytes.Fields([]byte(tc.line))
		keys, err := mustLookup(t, string(args[0])).Keys(args)
		if got := string(bytes.Join(keys, []byte(" "))); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v", tc.line, got, err)
		}
	}
	for _, tc := range []struct{ line, want string }{
		{"DK.GET", "ERR Invalid number of arguments specified for command"},
		{"DK.GET a b", "ERR Invalid number of arguments specified for command"},
		{"DK.MINC a", "ERR Invalid number of arguments specified for command"},
		{"DK.MINC a 1 b", "ERR Invalid arguments specified for command"},
		{"DK.MINC a 1 IF EQ", "ERR Invalid arguments specified for command"},
		{"DK.CLEAR", "ERR The command has no key arguments"},
		{"DK.SCAN", "ERR The command has no key arguments"},
		{"DK.ID too many", "ERR The command has no key arguments"},
	} {
		args := bytes.Fields([]byte(tc.line))
		keys, err := mustLookup(t, string(args[0])).Keys(args)
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: %q, %v", tc.line, keys, err)
		}
	}
}
