package keyspec

import (
	"bytes"
	"testing"
	"unsafe"
)

// oldForm is the table as a Redis before 7.0 would give it.
func oldForm(reply []any) []any {
	var old []any
	for _, item := range reply {
		old = append(old, item.([]any)[:7])
	}
	return old
}

// No arguments make it panic, and every key is an argument.
func FuzzTouched(f *testing.F) {
	for _, seed := range []string{"GET k", "MSET a 1 b", "XREAD STREAMS STREAMS 0", "EVAL s 3 a", "SORT k BY x* STORE", "COPY a b DB 1",
		"SWAPDB 1 2", "MIGRATE h p  0 0 KEYS a", "XGROUP CREATE k", "GEORADIUS k 0 0 1 m STORE", "ZUNIONSTORE d -1", "BLPOP", "NOSUCH k"} {
		f.Add([]byte(seed))
	}
	reply := savedReply(f)
	tables := []*Table{parsed(f, reply), parsed(f, oldForm(reply)), nil}
	f.Fuzz(func(t *testing.T, in []byte) {
		args := bytes.Split(in, []byte(" "))
		isArg := make(map[*byte]bool)
		for _, arg := range args {
			isArg[unsafe.SliceData(arg)] = true
		}
		for _, table := range tables {
			a := table.Touched(args, nil)
			for _, key := range a.Keys {
				if !isArg[unsafe.SliceData(key)] {
					t.Fatalf("%q: %q is no argument", args, key)
				}
			}
			for _, o := range a.Others {
				if o.DB < 0 || o.Whole != (o.Key == nil) || o.Key != nil && !isArg[unsafe.SliceData(o.Key)] {
					t.Fatalf("%q: %+v", args, o)
				}
			}
			if a.Unknown && a.Loose != Everywhere {
				t.Fatalf("%q is unknown and not loose", args)
			}
		}
	})
}
