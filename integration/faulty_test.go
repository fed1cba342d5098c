package integration

import (
	"testing"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// startLink starts a link to the server at addr; it is closed with the test.
func startLink(t testing.TB, to string) *loopback.Link {
	t.Helper()
	l, err := loopback.NewLink(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}
