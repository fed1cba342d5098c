package lua

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Every numbered script writes whatever it answers: what a repeat's answer rests
// on may have been written over another connection, and a WAIT behind it would
// otherwise not be for that. And what a replica that lags would answer is wrong.
func TestRepeatsRenewTheRecord(t *testing.T) {
	const ttl = 60_000
	inst := []string{"totals", "slices", "instances", "keys", "epochs", "buried", "record"}
	for name, call := range map[string]func(number int) Call{
		"plain_apply":  func(n int) Call { return PlainApply.Call([]string{"totals", "record"}, n, ttl, 0, 1, "k", 5) },
		"plain_clear":  func(n int) Call { return PlainClear.Call([]string{"totals", "record"}, n, ttl, 0) },
		"string_apply": func(n int) Call { return StringApply.Call([]string{"record", "k"}, n, ttl, 0, 1, 0, 0, 5) },
		"inst_apply":   func(n int) Call { return InstApply.Call(inst, n, ttl, 0, "me", 30_000, "m", 0, 0, 1, "k", 5, "", 0, 0) },
		"inst_clear":   func(n int) Call { return InstClear.Call(inst, n, ttl, 0, "me", "m") },
		"inst_restore": func(n int) Call { return InstRestore.Call(inst, n, ttl, "me", 500) },
		"inst_cleari": func(n int) Call {
			return InstClearI.Call([]string{"totals", "slices", "instances", "epochs", "buried", "record"}, n, ttl, 0, "me")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := miniredis.RunT(t)
			exec := runOn(t, m)
			reply := exec.Run(t.Context(), []Call{call(2)})[0]
			if words, _ := reply.Value.([]any); reply.Err != nil || words[0] != "gap" || !m.Exists("record") {
				t.Fatalf("without a record: %v, %v; want gap, and a note of it", reply.Value, reply.Err)
			}
			for _, step := range []struct {
				number int
				status string
			}{{1, "ok"}, {1, "seen"}, {5, "gap"}} {
				if m.Exists("record") {
					m.SetTTL("record", time.Second)
				}
				reply := exec.Run(t.Context(), []Call{call(step.number)})[0]
				words, _ := reply.Value.([]any)
				if reply.Err != nil || len(words) == 0 || words[0] != step.status {
					t.Fatalf("number %d: %v, %v; want %s", step.number, reply.Value, reply.Err, step.status)
				}
				if got := m.TTL("record"); got != ttl*time.Millisecond {
					t.Errorf("after %s the record lives for %v", step.status, got)
				}
			}
		})
	}
}

// A burial that goes on at another server than it began at has a cursor that
// means nothing there: it begins again and leaves nothing out.
func TestBurialGoesOnAtAnotherServer(t *testing.T) {
	m := miniredis.RunT(t)
	exec := runOn(t, m)
	m.HSet("totals", "k", "5")
	m.HSet("slices", "k", "5")
	m.ZAdd("instances", 1, "dead")
	cursor := any("12345")
	for range 3 {
		reply := exec.Run(t.Context(), []Call{InstBury.Call(
			[]string{"totals", "instances", "epochs", "slices", "buried"}, "dead", 1000, cursor, 500, 60_000)})[0]
		words, _ := reply.Value.([]any)
		if reply.Err != nil || len(words) < 3 {
			t.Fatalf("%v, %v", reply.Value, reply.Err)
		}
		if cursor = words[1]; words[0] == "done" {
			break
		}
	}
	if got := m.HGet("totals", "k"); got != "0" || m.Exists("slices") || m.Exists("instances") {
		t.Errorf("the total is %s, slices left: %v, still an instance: %v", got, m.Exists("slices"), m.Exists("instances"))
	}
}

func runOn(t *testing.T, m *miniredis.Miniredis) *Executor {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { client.Close() })
	return NewExecutor(client)
}
