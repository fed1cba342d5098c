package proxy

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
)

// A client may write its whole pipeline before it reads the first reply.
func TestClientThatReadsOnlyWhenAllIsWritten(t *testing.T) {
	r := newRig(t, nil)
	const n = 20_000
	value := strings.Repeat("v", 2000)
	go func() { // far more replies than the sockets hold
		up := r.redis.accept()
		for range n {
			up.expect("*2", "$4", "ECHO", fmt.Sprintf("$%d", len(value)), value)
			up.send(fmt.Sprintf("$%d", len(value)), value)
		}
	}()
	c := r.client()
	w := bufio.NewWriter(c.Conn)
	for range n {
		w.Write(appendCommand(nil, "ECHO", value))
		io.WriteString(w, "DKC.INC k\r\n")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.expect(fmt.Sprintf("$%d", len(value)), value, fmt.Sprintf(":%d", i+1))
	}
}
