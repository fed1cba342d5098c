// Package integration tests the proxy as its users meet it: over TCP, in front
// of a real Redis and of the embedded one, two and more proxies side by side,
// and with faults in between.
package integration

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
