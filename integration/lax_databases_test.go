package integration

import (
	"fmt"
	"runtime"
	"testing"
)

// Numbers that a client makes up are no databases: nothing is kept for them.
func TestLaxDatabasesThatAreNone(t *testing.T) {
	p := startLax(t)
	l := dialLines(t, p.proxy.addr)
	before := runtime.NumGoroutine()
	for i := range 100 {
		l.send(fmt.Sprintf("COPY a b DB %d", 1000+i), fmt.Sprintf("SWAPDB 0 %d", 1000+i), fmt.Sprintf("MOVE a %d", 1000+i))
		l.reads("-ERR DB index is out of range", "-ERR DB index is out of range", "-ERR DB index is out of range")
	}
	if more := runtime.NumGoroutine() - before; more > 50 {
		t.Errorf("%d goroutines more", more)
	}
	p.client.Incr(t.Context(), "a")
	l.send("COPY a b DB 7", "SELECT 7", "INCR b", "SWAPDB 7 8", "GET b", "SELECT 8", "GET b")
	l.reads(":1", "+OK", ":2", "+OK", "$-1", "+OK", "$1", "2")
}
