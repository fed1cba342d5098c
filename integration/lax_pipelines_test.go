package integration

import "testing"

// What a transaction queues has no part beside its replies, in one pipeline too.
func TestLaxWaitInAPipelinedTransaction(t *testing.T) {
	p := startLax(t)
	l := dialLine(t, p.proxy.addr)
	l.send("MULTI", "WAIT 0 0", "EXEC", "WAIT 0 0")
	l.want("+OK", "+QUEUED", "*1", ":0", ":0")
}
