package commands

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestLookupFindsEveryNameInAnyCase(t *testing.T) {
	if got, want := len(All()), 2*18+2*11+1; got != want {
		t.Errorf("%d commands, want %d", got, want)
	}
	for _, c := range All() {
		mixed := []byte(c.Name())
		for i := 0; i < len(mixed); i += 2 {
			mixed[i] = bytes.ToUpper(mixed[i : i+1])[0]
		}
		for _, name := range []string{c.Name(), strings.ToUpper(c.Name()), string(mixed)} {
			if got := Lookup([]byte(name)); got != c {
				t.Errorf("Lookup(%q) = %v", name, got)
			}
		}
	}
}

func TestLookupLeavesOthersAlone(t *testing.T) {
	for _, name := range []string{
		"", "D", "DK", "DK.", "DKS.", "DKC.", "DKCS.", "DKX.INC", "DK.NOSUCH", "DKINC", "XDK.INC", "DK.INC ", " DK.INC", "DK.INC\x00",
		"DKC.SETI", "DKC.DELI", "DKC.CLEARI", "DKC.MGETI", "DKC.MSETI", "DKC.HOT", "DKS.HOT", "DKCS.HOT", "DKC.ID", "DKC.INSTANCES",
		"DKCS.SETI", "DKCS.DELI", "DKCS.CLEARI", "DKCS.MGETI", "DKCS.MSETI", "DKCS.ID", "DKCS.INSTANCES",
		"DK.MDEC", "DKSC.INC", "GET", "INCR", "dkcs.instances.and.a.long.tail", "\x04\x0b.inc", "d\u212a.inc",
	} {
		if c := Lookup([]byte(name)); c != nil {
			t.Errorf("Lookup(%q) = %s", name, c.Name())
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	names := words("DK.INC", "dkcs.scan", "Dkc.MGet", "GET", "DK.NOSUCH")
	if n := testing.AllocsPerRun(100, func() {
		for _, name := range names {
			Lookup(name)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBarrier(t *testing.T) {
	memory := map[string]bool{
		"dk.inc": true, "dk.dec": true, "dk.get": true, "dk.seti": true, "dk.minc": true, "dk.mget": true, "dk.mgeti": true,
		"dk.mseti": true, "dk.id": true, "dk.hot": true,
		"dkc.inc": true, "dkc.dec": true, "dkc.get": true, "dkc.minc": true, "dkc.mget": true,
	}
	for _, c := range All() {
		if got, want := c.Barrier(), !memory[c.Name()]; got != want {
			t.Errorf("%s: Barrier() = %v, want %v", c.Name(), got, want)
		}
	}
}

// The engine of these cases is an empty one, which knows how to parse a key
// and nothing else: a refused command must not ask it for more.
func TestRefusals(t *testing.T) {
	const (
		notInteger = "ERR value is not an integer or out of range"
		syntax     = "ERR syntax error"
	)
	for _, tc := range []struct{ line, want string }{
		{"DK.INC a b", notInteger},
		{"DK.INC a 1.0", notInteger},
		{"DK.INC a 9223372036854775808", notInteger},
		{"DK.INC a 1 2", syntax},
		{"DK.INC a 1 IF", syntax},
		{"DK.INC a IF", syntax},
		{"DK.INC a IF GT", syntax},
		{"DK.INC a 1 IF XX 1", syntax},
		{"DK.INC a 1 IF GT x", notInteger},
		{"DK.INC a 1 IF GT 1 2", syntax},
		{"DK.INC a 1 WHEN GT 1", syntax},
		{"DKC.DEC a -9223372036854775808", "ERR decrement would overflow"},
		{"DK.SET a IF GT 1", notInteger},
		{"DK.SETI a 1 IF GT", syntax},
		{"DK.INC a:b:c", engine.ErrKeyColons.Error()},
		{"DK.GET :c", engine.ErrKeyPart.Error()},
		{"DK.DEL a:", engine.ErrKeyPart.Error()},
		{"DKS.DELI {a}:b", engine.ErrNSBraces.Error()},
		{"DK.GET " + strings.Repeat("x", 256), engine.ErrKeyLong.Error()},
		{"DK.MGET a b:c:d", engine.ErrKeyColons.Error()},
		{"DK.MGETI a:", engine.ErrKeyPart.Error()},
		{"DK.FLUSH a:", engine.ErrKeyPart.Error()},
		{"DKCS.FLUSH a:", engine.ErrKeyPart.Error()},
		{"DK.MINC a 1 b", "ERR wrong number of arguments for 'dk.minc' command"},
		{"DKCS.MSET a 1 IF EQ 0 b", "ERR wrong number of arguments for 'dkcs.mset' command"},
		{"DK.MINC a 1 b x", notInteger},
		{"DK.MINC a 1 b 2 IF EQ", syntax},
		{"DK.MINC a 1 IF 2", syntax},
		{"DK.MINC a 1 IF EQ 0 IF LT 5", notInteger},
		{"DK.MSETI a 1 b:c:d 2", engine.ErrKeyColons.Error()},
		{"DK.CLEAR a:b", engine.ErrNamespaceBad.Error()},
		{"DK.CLEARI {a}", engine.ErrNamespaceBad.Error()},
		{"DKS.INSTANCES a:b", engine.ErrNamespaceBad.Error()},
		{"DK.SCAN x", "ERR invalid cursor"},
		{"DK.SCAN 0 COUNT 0", syntax},
		{"DK.SCAN 0 COUNT x", notInteger},
		{"DK.SCAN 0 COUNT", syntax},
		{"DK.SCAN 0 WITH x", syntax},
		{"DK.SCAN 0 NS a:b", engine.ErrNamespaceBad.Error()},
	} {
		args := bytes.Fields([]byte(tc.line))
		reply := mustLookup(t, string(args[0])).Run(context.Background(), &engine.Engine{}, args)
		if got, want := string(reply.AppendTo(nil)), "-"+tc.want+"\r\n"; got != want || !reply.IsError() {
			t.Errorf("%s\n got %q\nwant %q", tc.line, got, want)
		}
	}
	reply := mustLookup(t, "dk.get").Run(context.Background(), &engine.Engine{}, words("dk.get", ""))
	if got, want := string(reply.AppendTo(nil)), "-"+engine.ErrKeyEmpty.Error()+"\r\n"; got != want {
		t.Errorf("empty key: %q", got)
	}
}

func TestStrictFamiliesHaveNothingToFlush(t *testing.T) {
	for _, args := range [][][]byte{words("DKS.FLUSH"), words("DKCS.FLUSH", "a", "b")} {
		reply := mustLookup(t, string(args[0])).Run(context.Background(), &engine.Engine{}, args)
		if got := string(reply.AppendTo(nil)); got != ":0\r\n" {
			t.Errorf("%s: %q", args[0], got)
		}
	}
}

func TestTooManyArguments(t *testing.T) {
	args := slices.Repeat([][]byte{[]byte("a:b:c")}, MaxArgs+1)
	for n, want := range map[int]error{MaxArgs: engine.ErrKeyColons, MaxArgs + 1: errTooMany} {
		reply := mustLookup(t, "dkc.mget").Run(t.Context(), &engine.Engine{}, args[:n])
		if got := string(reply.AppendTo(nil)); got != "-"+want.Error()+"\r\n" {
			t.Errorf("%d arguments: %q", n, got)
		}
	}
}
