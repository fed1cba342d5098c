package integration

import (
	"errors"
	"io"
	"net"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// exchange is what a server answers to bytes that come in pieces, after which
// the client sends no more: all until the server closes, too.
func exchange(t testing.TB, addr string, pieces ...string) string {
	t.Helper()
	return exchangeUntil(t, addr, 0, pieces...)
}

// exchangeUntil ends the client's side only when so many bytes are there: a
// proxy takes a client for gone that has ended its side and waits for Redis.
func exchangeUntil(t testing.TB, addr string, wait int, pieces ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return exchangeOn(conn, wait, pieces...)
}

// exchangeOn is exchangeUntil on a connection that is there, and closes it.
func exchangeOn(conn net.Conn, wait int, pieces ...string) string {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	got := make(chan string)
	there := make(chan struct{})
	go func() {
		begin := make([]byte, wait)
		n, err := io.ReadFull(conn, begin)
		close(there)
		reply := begin[:n]
		if err == nil {
			var rest []byte
			rest, err = io.ReadAll(conn)
			reply = append(reply, rest...)
		} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		// A server that closes for an error may leave unread bytes behind.
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			reply = append(reply, " and then "+err.Error()...)
		}
		got <- string(reply)
	}()
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			break // closed already
		}
	}
	<-there
	conn.(interface{ CloseWrite() error }).CloseWrite()
	return clientID.ReplaceAllString(<-got, "id\r\n:?")
}

// clientID is the only thing in HELLO's reply that two connections differ in.
var clientID = regexp.MustCompile(`id\r\n:\d+`)

// cuts are the places to split an input at: all, or for a long one all near its
// ends and every so many between.
func cuts(n int) []int {
	near, between := 60, 20
	switch {
	case n > 100_000:
		near, between = 1, 1
	case n > 1000:
		near, between = 5, 3
	}
	var at []int
	for i := 1; i < n; i++ {
		if i <= near || i >= n-near || n < 3*near || i%(n/between) == 0 {
			at = append(at, i)
		}
	}
	return at
}

// sameExchange checks that a proxy answers as Redis does: whole and split.
func sameExchange(t *testing.T, redis, proxy, in string) {
	t.Helper()
	want := exchange(t, redis, in)
	if got := exchangeUntil(t, proxy, len(want), in); got != want {
		t.Errorf("%.80q: %.200q, Redis: %.200q", in, got, want)
		return
	}
	for _, at := range cuts(len(in)) {
		if got := exchangeUntil(t, proxy, len(want), in[:at], in[at:]); got != want {
			t.Errorf("%.80q cut at %d: %.200q, Redis: %.200q", in, at, got, want)
			return
		}
	}
}

func dialTCP(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*net.TCPConn)
}
