package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// talk writes all lines at once and checks the bytes that come back.
func talk(t *testing.T, addr string, lines []string, replies string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	var request strings.Builder
	for _, line := range lines {
		words := strings.Fields(line)
		fmt.Fprintf(&request, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	go io.WriteString(conn, request.String())
	got := make([]byte, len(replies))
	n, err := io.ReadFull(bufio.NewReader(conn), got)
	if string(got[:n]) != replies {
		t.Errorf("%q (%v)\n got %q\nwant %q", lines, err, got[:n], replies)
	}
}

func TestPipelineOfOursAndOthersKeepsItsOrder(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		u := newRig(t, b, engine.Options{}).users[0]
		talk(t, u.p.addr, []string{
			"SET k v", "DK.INC x 5", "GET k", "DKC.INC x 7", "DKCS.INC x 1", "DKS.INC x 2", "INCR n", "DK.GET x", "DKC.NOSUCH",
			"DKC.SET x 3", "LPUSH l a b", "DKC.GET x", "DKC.INC", "LRANGE l 0 -1", "DKC.MGET x y", "GET missing", "DK.ID", "PING",
		}, "+OK\r\n"+"*2\r\n:5\r\n:5\r\n"+"$1\r\nv\r\n"+":7\r\n"+":1\r\n"+"*2\r\n:2\r\n:2\r\n"+":1\r\n"+"*2\r\n:5\r\n:5\r\n"+
			unknown(b, "DKC.NOSUCH")+
			":3\r\n"+":2\r\n"+":3\r\n"+"-ERR wrong number of arguments for 'dkc.inc' command\r\n"+"*2\r\n$1\r\nb\r\n$1\r\na\r\n"+
			"*2\r\n:3\r\n:0\r\n"+"$-1\r\n"+fmt.Sprintf("$%d\r\n%s\r\n", len(u.p.id), u.p.id)+"+PONG\r\n")
	})
}

func TestRepliesAreTheSameInBothProtocols(t *testing.T) {
	onRigs(t, 1, everyFamily, func(t *testing.T, r *rig) {
		u, u3 := r.users[0], r.users[0]
		u3.c = redis.NewClient(&redis.Options{Addr: u.p.addr, Protocol: 3, MaxRetries: -1, DisableIdentity: true})
		defer u3.c.Close()
		u3.want("INC x 5", u.f.own(5))
		u3.want("SET x 6 IF EQ 5", u.f.ownCond(1, 6, 5))
		u3.want("INC x abc", failure("ERR value is not an integer or out of range"))
		lines := []string{"GET x", "MGET x y", "INC x 0 IF GT 5", "SCAN 0", "FLUSH", "CLEAR other", "GET", "GET a:b:c"}
		if u.f.aware {
			lines = append(lines, "ID", "MGETI x y", "INSTANCES nothing")
		}
		for _, line := range lines {
			same(t, line, u3.do(line), u.do(line))
		}
	})
}

// unknown is the backend's own error for an unknown command without arguments.
func unknown(b backend, name string) string {
	if b.embedded {
		return "-ERR unknown command `" + name + "`, with args beginning with: \r\n"
	}
	return "-ERR unknown command '" + name + "', with args beginning with: \r\n"
}

func TestLongMixedPipeline(t *testing.T) {
	onBackends(t, func(t *testing.T, b backend) {
		u := newRig(t, b, engine.Options{}).users[0]
		var lines []string
		var replies strings.Builder
		for i := 1; i <= 300; i++ {
			lines = append(lines, "INCR n", "DKC.INC x", fmt.Sprintf("DK.INC k%d 2", i), "ECHO hello")
			fmt.Fprintf(&replies, ":%d\r\n:%d\r\n*2\r\n:2\r\n:2\r\n$5\r\nhello\r\n", i, i)
			if i%100 == 0 {
				lines = append(lines, "DKCS.INC y")
				fmt.Fprintf(&replies, ":%d\r\n", i/100)
			}
		}
		talk(t, u.p.addr, lines, replies.String())
	})
}

func TestOursInMultiAbortTheTransaction(t *testing.T) {
	for _, f := range everyFamily {
		t.Run(f.prefix, func(t *testing.T) {
			onBackends(t, func(t *testing.T, b backend) {
				u := newRig(t, b, engine.Options{}).in(t, f).users[0]
				for _, verb := range []string{"INC x", "GET x", "SET x 1", "CLEAR", "FLUSH"} {
					checkAborted(t, u.p.addr, f.prefix+verb)
				}
				same(t, "set in the aborted transactions", raw(t, u.c, "GET", "in"), nil)
				u.want("GET x", f.own(0))
				talk(t, u.p.addr, []string{"MULTI", "SET k v", "EXEC", f.prefix + "SET x 3", "MULTI", "DISCARD", "GET k"},
					"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"+resp(f.own(3))+"+OK\r\n+OK\r\n$1\r\nv\r\n")
			})
		})
	}
}

// resp is a reply of integers as bytes.
func resp(reply any) string {
	if list, ok := reply.([]any); ok {
		text := fmt.Sprintf("*%d\r\n", len(list))
		for _, item := range list {
			text += resp(item)
		}
		return text
	}
	return fmt.Sprintf(":%d\r\n", reply)
}

// checkAborted sends a command of ours in a transaction, in one write.
func checkAborted(t *testing.T, addr, line string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "MULTI\r\nSET in 1\r\n%s\r\nSET in 2\r\nEXEC\r\nPING\r\n", line)
	in := bufio.NewReader(conn)
	for _, want := range []string{"+OK", "+QUEUED", "-ERR ", "+QUEUED", "-EXECABORT ", "+PONG"} {
		got, err := in.ReadString('\n')
		if !strings.HasPrefix(got, want) {
			t.Fatalf("%s in MULTI: %q (%v), want %s", line, got, err, want)
		}
		if want == "-ERR " && !strings.Contains(strings.ToLower(got), "multi") {
			t.Errorf("%s in MULTI: %q does not say why", line, got)
		}
	}
}
