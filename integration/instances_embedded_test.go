package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// Death, burial and return also work in front of the embedded Redis.
func TestDeathAndReturnOnBothBackends(t *testing.T) {
	onBackends(t, func(t *testing.T, backend backend) {
		for _, prefix := range []string{"DK.", "DKS."} {
			start := func(id string) *party {
				p := startProxy(t, backend, engine.Options{InstanceID: id, DeadAfter: deadAfter})
				return &party{testProxy: p, c: client(t, p.addr), prefix: prefix}
			}
			stays, goes := start("stays"), start("goes")
			stays.ints("INC", "x", 1)
			goes.ints("INC", "x", 5)
			goes.ints("SET", "y", 3)
			stays.sees("x", 6, 1)
			goes.stop(5 * time.Second)
			stays.sees("x", 1, 1)
			stays.sees("y", 0, 0)

			again := start("goes")
			again.sees("x", 6, 5)
			again.want([]int64{4, 4}, "INC", "y", 1)
			again.stop(5 * time.Second)
			stays.sees("x", 1, 1)

			if err := stays.do("CLEAR").Err(); err != nil {
				t.Fatal(err)
			}
			again = start("goes")
			again.sees("x", 0, 0)
			instances, err := stays.do("INSTANCES").Slice()
			if err != nil || len(instances) > 1 {
				t.Errorf("after CLEAR the instances are %v (%v)", instances, err)
			}
			again.stop(5 * time.Second)
			if err := stays.c.Do(context.Background(), "DK.FLUSH").Err(); err != nil {
				t.Error(fmt.Errorf("%s%w", prefix, err))
			}
			stays.stop(5 * time.Second)
		}
	})
}
