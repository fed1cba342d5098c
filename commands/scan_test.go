package commands

import (
	"bytes"
	"context"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestParseScan(t *testing.T) {
	a, err := parseScan(&engine.Engine{}, bytes.Fields([]byte("42 count 3 Match x* NS page COUNT 7")))
	if err != nil {
		t.Fatal(err)
	}
	if a.cursor != 42 || a.match != "x*" || a.count != 7 || string(a.namespace) != "page" || a.matchNone {
		t.Errorf("%+v", a)
	}
}

func TestScanPage(t *testing.T) {
	e := &engine.Engine{} // its default namespace is ""
	found := []engine.ScanItem{{Counter: "a", Value: engine.Value{Total: 3, Mine: 2}}, {Counter: "bc"}}
	for _, tc := range []struct{ name, namespace, want string }{
		{"dk.scan", "", "*2\r\n$2\r\n17\r\n*2\r\n*3\r\n$1\r\na\r\n:3\r\n:2\r\n*3\r\n$2\r\nbc\r\n:0\r\n:0\r\n"},
		{"dkcs.scan", "p", "*2\r\n$2\r\n17\r\n*2\r\n*2\r\n$3\r\np:a\r\n:3\r\n*2\r\n$4\r\np:bc\r\n:0\r\n"},
	} {
		reply := mustLookup(t, tc.name).page(e, []byte(tc.namespace), 17, found)
		if got := string(reply.AppendTo(nil)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// No counter has an empty name, so nothing matches; the engine is not asked.
func TestScanMatchingNothing(t *testing.T) {
	args := words("DKC.SCAN", "5", "MATCH", "")
	reply := mustLookup(t, "dkc.scan").Run(context.Background(), &engine.Engine{}, args)
	if got, want := string(reply.AppendTo(nil)), "*2\r\n$1\r\n0\r\n*0\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
