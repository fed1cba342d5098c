package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

// scan iterates to the end and returns the items by their keys; options follow
// the cursor.
func (u user) scan(options string) map[string]any {
	u.t.Helper()
	found := make(map[string]any)
	for cursor := "0"; ; {
		reply := u.do("SCAN " + cursor + options)
		page, ok := reply.([]any)
		if !ok || len(page) != 2 {
			u.t.Fatalf("SCAN %s%s: %v", cursor, options, reply)
		}
		for _, it := range page[1].([]any) {
			item := it.([]any)
			found[item[0].(string)] = item[1:]
		}
		if cursor = page[0].(string); cursor == "0" {
			return found
		}
	}
}

// item is what SCAN tells of a counter that only the asking proxy has changed.
func (f counters) item(n int64) any {
	if f.aware {
		return []any{n, n}
	}
	return []any{n}
}

// fill makes n counters that read 1, 2, 3… and returns what SCAN must find.
func (u user) fill(namespace string, n int) map[string]any {
	u.t.Helper()
	want := make(map[string]any)
	var replies []int64
	var line strings.Builder
	for i := int64(1); i <= int64(n); i++ {
		key := fmt.Sprintf("%sk%d", namespace, i)
		fmt.Fprintf(&line, " %s %d", key, i)
		want[key] = u.f.item(i)
		replies = append(replies, i)
	}
	u.want("MINC"+line.String(), u.f.owns(replies...))
	return want
}

func TestScanFindsEveryCounter(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		for _, partitions := range []int{1, 3} {
			r := newRig(t, b, engine.Options{Partitions: partitions, FlushInterval: hoard.FlushInterval})
			for _, f := range everyFamily {
				t.Run(fmt.Sprintf("%s%d", f.prefix, partitions), func(t *testing.T) {
					u := r.in(t, f).users[0]
					ns := fmt.Sprintf("p%d", partitions)
					same(t, "an empty namespace", u.scan(" NS "+ns), map[string]any{})
					want := u.fill(ns+":", 1000)
					same(t, "unflushed", u.scan(" NS "+ns), want)
					same(t, "in small steps", u.scan(" NS "+ns+" COUNT 7"), want)
					same(t, "in one step", u.scan(" COUNT 100000 NS "+ns), want)
				})
			}
		}
	})
}

func TestScanOptions(t *testing.T) {
	onRigs(t, 2, everyFamily, func(t *testing.T, r *rig) {
		u, other := r.users[0], r.users[1]
		u.want("MINC apple 1 avocado 2 banana 3 page:apple 4", u.f.owns(1, 2, 3, 4))
		all := map[string]any{"apple": u.f.item(1), "avocado": u.f.item(2), "banana": u.f.item(3)}
		same(t, "all", u.scan(""), all)
		same(t, "the default namespace by name", u.scan(" NS distkit"), all)
		same(t, "glob", u.scan(" MATCH a*"), map[string]any{"apple": u.f.item(1), "avocado": u.f.item(2)})
		same(t, "glob of one", u.scan(" match ?pple count 5"), map[string]any{"apple": u.f.item(1)})
		same(t, "glob of none", u.scan(" MATCH zzz*"), map[string]any{})
		same(t, "namespace", u.scan(" NS page"), map[string]any{"page:apple": u.f.item(4)})
		same(t, "namespace and glob", u.scan(" NS page MATCH app*"), map[string]any{"page:apple": u.f.item(4)})
		same(t, "unknown namespace", u.scan(" NS nothing"), map[string]any{})

		theirs := map[string]any{"page:apple": []any{int64(4)}}
		if u.f.aware {
			theirs = map[string]any{"page:apple": []any{int64(4), int64(0)}}
		}
		same(t, "from another proxy", other.scan(" NS page"), theirs)

		u.want("DEL apple", u.f.own(1))
		same(t, "after DEL", u.scan(" MATCH a*"), map[string]any{"avocado": u.f.item(2)})
	})
}
