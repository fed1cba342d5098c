package commands

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

func TestNamespacesAndWrites(t *testing.T) {
	e, err := engine.New(engine.Options{Redis: &redis.Options{Addr: "127.0.0.1:1"}, InstanceID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	for line, want := range map[string]string{
		"DKC.GET a":                            "read distkit",
		"dk.get p:a":                           "read p",
		"DKC.INC p:a 5 IF GT 3":                "write p",
		"DKC.MGET a p:b p:c q:d a":             "read distkit p q distkit",
		"DKC.MINC p:a 1 IF GT 2 q:b 2 r:IF 3":  "write p q r",
		"DK.MSETI a 1 b 2":                     "write distkit",
		"DKC.MINC p:a":                         "write ",
		"DKC.MGET p:a q:b:c r:d":               "read p",
		"DKS.DEL p:a":                          "write p",
		"DK.DELI p:a":                          "write p",
		"DKC.FLUSH":                            "write distkit",
		"DKC.FLUSH p:a q:b":                    "write p q",
		"DK.CLEAR":                             "write distkit",
		"DK.CLEARI p":                          "write p",
		"DK.CLEAR p:a":                         "write ",
		"DK.ID":                                "read distkit",
		"DK.INSTANCES p":                       "read p",
		"DK.SCAN 0":                            "read distkit",
		"DK.SCAN 0 MATCH NS COUNT 1 NS p NS q": "read q",
		"DK.SCAN 0 OOPS":                       "read ",
		"DKC.SET":                              "write ",
	} {
		args := bytes.Fields([]byte(line))
		c := Lookup(args[0])
		got := "read "
		if c.Writes() {
			got = "write "
		}
		var all []string
		for ns := range c.Namespaces(e, args) {
			all = append(all, string(ns))
		}
		if got += strings.Join(all, " "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
