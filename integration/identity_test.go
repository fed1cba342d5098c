package integration

import (
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

func TestIDIsTheInstancesOwn(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{InstanceID: "alice"}, engine.Options{InstanceID: "b-2.o_B"})
		for _, f := range awareFamilies {
			users := r.in(t, f).users
			users[0].want("ID", "alice")
			users[1].want("ID", "b-2.o_B")
		}
	})
}

func TestInstancesListsContributors(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		r := newRig(t, b, engine.Options{InstanceID: "alice"}, engine.Options{InstanceID: "bob"})
		for _, f := range awareFamilies {
			t.Run(f.prefix, func(t *testing.T) {
				alice, bob := r.in(t, f).users[0], r.in(t, f).users[1]
				alice.want("INSTANCES", []any{})
				alice.act("INC x 1", 1, 1)
				alice.act("INC page:x 1", 1, 1)
				bob.act("INC page:x 1", 2, 1)
				checkInstances(t, alice, "INSTANCES", "alice")
				checkInstances(t, bob, "INSTANCES", "alice")
				checkInstances(t, bob, "INSTANCES distkit", "alice")
				checkInstances(t, alice, "INSTANCES page", "alice", "bob")
				alice.want("INSTANCES nothing", []any{})
			})
		}
	})
}

// checkInstances checks a list of live instances, in any order.
func checkInstances(t *testing.T, u user, line string, ids ...string) {
	t.Helper()
	list, ok := u.do(line).([]any)
	if !ok || len(list) != len(ids) {
		t.Fatalf("%s: %v, want %v", line, list, ids)
	}
	left := make(map[string]bool)
	for _, id := range ids {
		left[id] = true
	}
	for _, it := range list {
		item := it.([]any)
		id, _ := item[0].(string)
		if silent, ok := item[1].(int64); len(item) != 3 || !left[id] || !ok || silent < 0 || silent > 10_000 || item[2] != int64(1) {
			t.Errorf("%s: %v, want one of %v, ms, 1", line, item, ids)
		}
		delete(left, id)
	}
}

func TestPlainFamiliesKnowNoInstances(t *testing.T) {
	onRigs(t, 1, plainFamilies, func(t *testing.T, r *rig) {
		u := r.users[0]
		for _, line := range []string{"ID", "INSTANCES", "SETI x 1", "DELI x", "CLEARI", "MGETI x", "MSETI x 1"} {
			checkUnknown(t, u, line)
		}
		for _, line := range []string{"", "FOO x", "INCR x"} {
			checkUnknown(t, u, line)
		}
		same(t, "keys", keyTypes(t, r.redis), map[string]string{})
	})
}

// What was accepted a moment ago makes this proxy a contributor at once.
func TestInstancesKnowsWhoAsks(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		u := newRig(t, b, engine.Options{InstanceID: "alice", FlushInterval: time.Minute}).in(t, laxAware).users[0]
		u.act("INC x 1", 1, 1)
		checkInstances(t, u, "INSTANCES", "alice")
	})
}
