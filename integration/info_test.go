package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// section reads our lines of INFO.
func section(t *testing.T, u user) map[string]string {
	t.Helper()
	text := raw(t, u.c, "INFO", "distkit").(string)
	if !strings.HasPrefix(text, "# distkit\r\n") || strings.Count(text, "# ") != 1 {
		t.Fatalf("INFO distkit: %q", text)
	}
	lines := make(map[string]string)
	for _, line := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found {
			t.Errorf("INFO distkit: line %q", line)
		}
		lines[name] = value
	}
	return lines
}

func TestInfoHasOurSectionAtTheEnd(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{})
		u := r.users[0]
		ours := func(text string) string {
			_, after, _ := strings.Cut(text, "# distkit\r\n")
			return after
		}
		for _, words := range [][]any{{"INFO"}, {"info"}} {
			text := raw(t, u.c, words...).(string)
			if !strings.HasPrefix(text, "# ") || ours(text) == "" || strings.Contains(ours(text), "# ") {
				t.Errorf("%v: our section is not the last: %q", words, text)
			}
			own, _, _ := strings.Cut(raw(t, r.redis, "INFO").(string), "\r\n")
			if first, _, _ := strings.Cut(text, "\r\n"); first != own {
				t.Errorf("%v begins with %q, Redis' own with %q", words, first, own)
			}
		}
		if text := raw(t, u.c, "INFO", "clients").(string); strings.Contains(text, "# distkit") || !strings.Contains(strings.ToLower(text), "# clients") {
			t.Errorf("INFO clients: %q", text)
		}
		if b.embedded {
			return // it takes one section at a time
		}
		text := raw(t, u.c, "INFO", "distkit", "clients").(string)
		if !strings.HasPrefix(text, "# Clients\r\n") || !strings.Contains(text, "# distkit\r\n") || strings.Contains(text, "# Server") {
			t.Errorf("INFO distkit clients: %q", text)
		}
		for _, all := range []string{"all", "everything", "default"} {
			if text := raw(t, u.c, "INFO", all).(string); ours(text) == "" || !strings.Contains(text, "# Server") {
				t.Errorf("INFO %s: %q", all, text)
			}
		}
	})
}

func TestInfoCounts(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		u := newRig(t, b, hoard).users[0]
		before := section(t, u)
		same(t, "instance_id", before["instance_id"], u.p.id)
		same(t, "embedded", before["embedded"], strconv.Itoa(b2i(b.embedded)))
		same(t, "increments", before["increments_accepted"], "0")

		u.want("INC x 5", u.f.own(5))
		u.flush()
		for i := range int64(10) {
			u.want("INC x 1", u.f.own(6+i))
		}
		held := section(t, u)
		same(t, "redis_up", held["redis_up"], "1")
		same(t, "increments", held["increments_accepted"], "11")
		same(t, "pending", held["pending_counters"], "1")
		same(t, "bound on pending", held["max_pending_counters"], "1000000")
		same(t, "bound on their age", held["max_pending_age_usec"], "0")
		same(t, "in memory", held["counters_in_memory"], "1")
		same(t, "flushed", held["flushed_counters"], "1")
		if age, err := strconv.Atoi(held["oldest_pending_usec"]); err != nil || age <= 0 {
			t.Errorf("oldest_pending_usec: %s", held["oldest_pending_usec"])
		}
		u.flush()
		after := section(t, u)
		same(t, "pending", after["pending_counters"], "0")
		same(t, "flushed", after["flushed_counters"], "2")
		same(t, "failures", after["redis_failures"], "0")
	})
}

func TestInfoCountsLiveInstances(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{}, engine.Options{})
		for i, u := range r.users {
			u.do("INC x 5")
			u.flush()
			eventually(t, 5*time.Second, func() error {
				if got := section(t, u)["instances_alive"]; got != strconv.Itoa(i+1) {
					return fmt.Errorf("instances_alive: %s, want %d", got, i+1)
				}
				return nil
			})
		}
	})
}
