package main

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// guest is a client that speaks by hand: what it sends, whether it reads one
// line of an answer, and whether it leaves with a reset.
type guest struct {
	send  string
	reads bool
	reset bool
}

// guests are polite ones and all others.
var guests = []guest{
	{"", false, false}, // says nothing
	{"", false, true},
	{"PING\r\n", true, false}, // inline
	{"DKC.INC inline 1\r\n", true, false},
	{"SET \"a b\" 'c d'\r\nGET \"a b\"\r\n", true, false},
	{"*1\r\n$4\r\nQUIT\r\n", true, false},
	{"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", true, false},
	{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nhalf a val", false, false}, // leaves in mid-command
	{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nhalf a val", false, true},
	{"*2\r\n$7\r\nDKC.GET\r\n", false, true},
	{strings.Repeat("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n", 20), false, true}, // replies that nobody reads
	{strings.Repeat("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n", 20), false, false},
	{strings.Repeat("DKC.GET c1\r\n", 500), false, true},
	{"BLPOP nothing 0\r\n", false, false}, // leaves while it waits
	{"BLPOP nothing 0\r\n", false, true},
	{"MULTI\r\nSET k v\r\n", true, true},
	{"WATCH k\r\nMULTI\r\n", true, false},
	{"SUBSCRIBE a b c\r\n", true, true},
	{"SUBSCRIBE a\r\nUNSUBSCRIBE\r\nPING\r\n", true, false},
	{"MONITOR\r\n", true, false},
	{"MONITOR\r\n", true, true},
	{"CLIENT REPLY OFF\r\nSET k v\r\n", false, false},
	{"CLIENT SETNAME me\r\nSELECT 3\r\nGET k\r\n", true, false},
	{"INFO distkit\r\n", true, false},
	{"SHUTDOWN\r\n", true, false}, // refused
	{"*-7\r\n", false, false},     // nothing, as for Redis
	{"*x\r\n", true, false},       // protocol errors
	{"*1\r\n$-5\r\n", true, false},
	{"*1\r\n$99999999999\r\n", true, false},
	{"*99999999999\r\n", true, true},
	{"GET \"unbalanced\r\n", true, false},
	{"*1\r\nPING\r\n", true, false},
	{"\xff\xfe\r\n", true, false},
	{"\x00\xff\xfe\r\n", false, false}, // an empty line, as for Redis
	{"POST / HTTP/1.1\r\nHost: x\r\n\r\n", false, false},
	{strings.Repeat("x", 70_000), false, false},
}

// visitors send what guests send, connection by connection.
func visitors(w *world) *actor {
	return &actor{
		name: "visitors", period: 40 * time.Millisecond,
		turn: func(ctx context.Context, w *world, r *rand.Rand) error {
			g := guests[r.IntN(len(guests))]
			return w.visit(g)
		},
	}
}

// visit is one connection. That the proxy ends it is no error: it may.
func (w *world) visit(g guest) error {
	conn, err := net.DialTimeout("tcp", w.proxyAddr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if g.reset {
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	w.commands.Add(1)
	if _, err := io.WriteString(conn, g.send); err != nil || !g.reads {
		return nil
	}
	_, err = bufio.NewReader(conn).ReadString('\n')
	if late, ok := err.(net.Error); ok && late.Timeout() {
		w.surprised("no answer to %.40q: %v", g.send, err)
		return err
	}
	return nil
}
