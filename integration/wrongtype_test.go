package integration

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"
)

const wrongType = failure("WRONGTYPE Operation against a key holding the wrong kind of value")

// broken is a partition one container of which is a string for a while.
type broken struct {
	u         user
	r         *rig
	namespace string
	container string
	accepted  int64 // of the counter x
}

// TestContainerOfTheWrongType swaps each container for a string and back.
func TestContainerOfTheWrongType(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u := r.users[0]
		containers := []string{""}
		if r.f.aware {
			containers = []string{":cumulative", ":count:" + u.p.id, ":instances", ":keys", ":epoch"}
		}
		var all []*broken
		for i, suffix := range containers {
			ns := fmt.Sprintf("wrong%d", i)
			all = append(all, &broken{u: u, r: r, namespace: ns, container: ns + ":" + u.f.container + suffix})
		}
		for _, p := range all {
			u.act("INC "+p.namespace+":x 5", 5, 5)
			p.accepted = 5
		}
		for _, p := range all {
			p.swap()
			t.Cleanup(p.heal)
		}
		for _, p := range all {
			p.fails()
		}
		u.want("INC fine:x 1", u.f.own(1))
		if e, bad := u.do("FLUSH fine:x").(failure); bad {
			t.Errorf("FLUSH of another partition: %s", e)
		}
		for _, p := range all {
			p.heal()
		}
		for _, p := range all {
			p.recovers()
		}
	})
}

func (p *broken) swap() {
	raw(p.u.t, p.r.redis, "RENAME", p.container, p.container+"-saved")
	raw(p.u.t, p.r.redis, "SET", p.container, "not a container")
}

// heal puts the container back. It may be called again, and after the test.
func (p *broken) heal() {
	if p.r.redis.Exists(context.Background(), p.container+"-saved").Val() == 1 {
		p.r.redis.Rename(context.Background(), p.container+"-saved", p.container)
	}
}

// fails waits until INC and GET answer the error. A lax counter is served from
// memory until the proxy meets the container.
func (p *broken) fails() {
	p.u.t.Helper()
	eventually(p.u.t, 5*time.Second, func() error {
		reply := p.u.do("INC " + p.namespace + ":x 1")
		if e, bad := reply.(failure); bad {
			same(p.u.t, p.container+": "+p.u.f.prefix+"INC", e, wrongType)
			return nil
		}
		p.accepted++
		return fmt.Errorf("%s: INC: %v", p.container, reply)
	})
	if reply, bad := p.u.do("GET " + p.namespace + ":x").(failure); bad { // not all are needed for reading
		same(p.u.t, p.container+": "+p.u.f.prefix+"GET", reply, wrongType)
	}
}

// recovers waits until the counter has everything that was accepted.
func (p *broken) recovers() {
	p.u.t.Helper()
	want := p.u.f.own(p.accepted)
	eventually(p.u.t, 5*time.Second, func() error {
		if reply := p.u.do("GET " + p.namespace + ":x"); !reflect.DeepEqual(reply, want) {
			return fmt.Errorf("%s: GET: %v, want %v", p.container, reply, want)
		}
		return nil
	})
	p.u.flush()
	same(p.u.t, p.container+": in Redis", raw(p.u.t, p.r.redis, "HGET", p.u.f.totals(p.namespace), "x"), fmt.Sprint(p.accepted))
}
