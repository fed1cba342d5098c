package commands

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/hot"
)

func TestHotWithoutAnObserver(t *testing.T) {
	const count = "-ERR distkit: DK.HOT lists 1 to 1000 keys\r\n"
	for line, want := range map[string]string{
		"DK.HOT":      "-ERR distkit: nothing is observed; start the proxy with --observe\r\n",
		"DK.HOT 1000": "-ERR distkit: nothing is observed; start the proxy with --observe\r\n",
		"DK.HOT 0":    count,
		"DK.HOT -1":   count,
		"DK.HOT 1001": count,
		"DK.HOT ten":  "-ERR value is not an integer or out of range\r\n",
	} {
		if got := string(hotReply(&engine.Engine{}, line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestHot(t *testing.T) {
	o := engine.NewObserver(hot.Options{FlushInterval: time.Hour, Patterns: []hot.Pattern{{Glob: "page:*"}}})
	e, err := engine.New(engine.Options{Redis: &redis.Options{Addr: "127.0.0.1:1"}, InstanceID: "test", Observer: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	if got := string(hotReply(e, "DK.HOT")); got != "*0\r\n" {
		t.Errorf("of nothing: %q", got)
	}
	for i := range 20 {
		key := fmt.Appendf(nil, "user:%d", i)
		for range i + 1 {
			o.See(2, hot.Increment, key)
			o.See(2, hot.Hold, key)
		}
	}
	for range 100 {
		o.See(0, hot.Increment, []byte("page:home"), []byte("page:home"))
	}
	rows := decode(t, hotReply(e, "DK.HOT")).([]any)
	if len(rows) != 10 {
		t.Fatalf("%d rows, want 10", len(rows))
	}
	// All in one flush interval: a load and a flush.
	if got, want := rows[0], []any{int64(0), "page:home", int64(200), int64(0), int64(0), int64(198), "worth it", "page:*"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// Each increment after a hold is a load and a flush.
	if got, want := rows[1], []any{int64(2), "user:19", int64(20), int64(0), int64(20), int64(-20), "no: held too often", ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := decode(t, hotReply(e, "dk.hot 1000")).([]any); len(got) != 21 {
		t.Errorf("%d rows, want 21", len(got))
	}
	if got := decode(t, hotReply(e, "DK.HOT 1")).([]any); len(got) != 1 {
		t.Errorf("%d rows, want 1", len(got))
	}
}

func TestHotIsForAdministrators(t *testing.T) {
	for _, c := range All() {
		if got, want := c.Administers(), c.Name() == "dk.hot"; got != want {
			t.Errorf("%s: %v", c.Name(), got)
		}
	}
	info := string(mustLookup(t, "dk.hot").AppendInfo(nil))
	for _, want := range []string{"+admin\r\n+noscript\r\n", "+@admin\r\n+@slow\r\n+@dangerous\r\n"} {
		if !strings.Contains(info, want) {
			t.Errorf("%q is not in %q", want, info)
		}
	}
	if docs := string(mustLookup(t, "dk.hot").AppendDocs(nil, false)); strings.Contains(docs, "per instance") {
		t.Errorf("the documentation names a family: %q", docs)
	}
}

func hotReply(e *engine.Engine, line string) []byte {
	args := bytes.Fields([]byte(line))
	return Lookup(args[0]).Run(context.Background(), e, args).AppendTo(nil)
}
