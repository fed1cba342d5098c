package proxy

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/hot"
)

func TestObserve(t *testing.T) {
	observe(nil, []byte("INCR"), false, true, touched{keys: keysOf("k")}) // nobody does
	o := hot.New(hot.Options{FlushInterval: time.Hour, AllowedLag: time.Hour})
	for _, tc := range []struct {
		name                string
		inMulti, everywhere bool
		touches             []touched
	}{
		{"INCR", false, false, []touched{{db: 1, keys: keysOf("k")}}},
		{"decrby", false, false, []touched{{db: 1, keys: keysOf("k")}}},
		{"MGET", false, false, []touched{{db: 1, keys: keysOf("k", "other", "k")}}},
		{"RENAME", false, false, []touched{{db: 1, keys: keysOf("k", "other")}}},
		{"MOVE", false, false, []touched{{db: 0, keys: keysOf("k")}, {db: 1, keys: keysOf("k")}}},
		{"INCR", true, false, []touched{{db: 1, keys: keysOf("k")}}},
		{"KEYS", false, false, []touched{{db: 1, all: true}}},
		{"SORT", false, false, []touched{{db: 1, keys: keysOf("k"), all: true}}},
		{"FLUSHDB", false, false, []touched{{all: true}}},
		{"SWAPDB", false, false, []touched{{db: 1, all: true}, {db: 2, all: true}}},
		{"FLUSHALL", false, true, []touched{{db: 1, all: true}}},
		{"PING", false, false, nil},
	} {
		observe(o, []byte(tc.name), tc.inMulti, tc.everywhere, tc.touches...)
	}
	got := o.Top(10)
	// RENAME, MOVE, and the INCR in MULTI; KEYS, SORT, SWAPDB and FLUSHALL.
	want := hot.Key{DB: 1, Name: "k", Tally: hot.Tally{Increments: 2, Reads: 2, Holds: 7, Flushes: 1, Loads: 1}}
	if len(got) != 1 || got[0] != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestInfoOfWhatIsObserved(t *testing.T) {
	o := engine.NewObserver(hot.Options{FlushInterval: time.Hour, Patterns: []hot.Pattern{{Glob: "page:*"}, {Glob: "a\r\nb"}}})
	emb := testEmbedded(t)
	e, err := engine.New(engine.Options{Redis: emb.RedisOptions(), InstanceID: "test", Observer: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	for _, key := range keysOf("page:1", "page:1", "page:1", "page:2", "b\r\nc", "b\r\nc") {
		observe(o, []byte("INCR"), false, false, touched{keys: [][]byte{key}})
	}
	r := newRig(t, func(opts *Options) { opts.Engine = e })
	c := r.client()
	c.send("INFO distkit", "DK.HOT 1")
	text := c.reply()
	for _, want := range []string{
		"\r\nobserving:1\r\nobserved:increments=6,reads=0,holds=0,flushes=3,loads=3,saved=0\r\n",
		"\r\nobserved_lax_1:increments=4,reads=0,holds=0,flushes=2,loads=2,saved=0,pattern=page:*\r\n",
		"\r\nobserved_lax_2:increments=0,reads=0,holds=0,flushes=0,loads=0,saved=0,pattern=\"a\\r\\nb\"\r\n",
		"\r\nobserved_key_1:db=0,increments=3,reads=0,holds=0,saved=1,verdict=no: not hot enough,key=page:1\r\n",
		"\r\nobserved_key_2:db=0,increments=2,reads=0,holds=0,saved=0,verdict=no: not hot enough,key=\"b\\r\\nc\"\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	c.expect("*1", "*8", ":0", "$6", "page:1", ":3", ":0", ":0", ":1", "$18", hot.NotHotEnough, "$6", "page:*")
}

func TestInfoWithoutObserving(t *testing.T) {
	c := newRig(t, nil).client()
	c.send("INFO distkit")
	if text := c.reply(); !strings.Contains(text, "\r\nobserving:0\r\n") || strings.Contains(text, "\r\nobserved") {
		t.Errorf("%q", text)
	}
}

func keysOf(names ...string) (keys [][]byte) {
	for _, name := range names {
		keys = append(keys, []byte(name))
	}
	return keys
}
