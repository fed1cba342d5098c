package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// Counters work, in order, on connections on which Redis says more than it is
// asked, and are refused and silent where an ordinary command would be.
func TestCountersInSessionsWithState(t *testing.T) {
	const refused = "-ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"
	for name, tc := range map[string]struct{ sent, want string }{
		"RESP3 subscriber": {
			"HELLO 3\nSUBSCRIBE ch\nDKC.INC a 2\nPUBLISH ch hi\nDKC.GET a\nGET nix\nUNSUBSCRIBE\nDKC.INC a",
			"…>3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n:2\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n:1\r\n:2\r\n_\r\n>3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n:3\r\n",
		},
		"RESP2 subscriber": {
			"SUBSCRIBE ch\nDKC.INC b 2\nGET b\nUNSUBSCRIBE\nDKC.INC b\nSUBSCRIBE ch\nRESET\nDKC.INC b",
			"*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n" + fmt.Sprintf(refused, "dkc.inc") + fmt.Sprintf(refused, "get") +
				"*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n+RESET\r\n:2\r\n",
		},
		"tracking": {
			"HELLO 3\nCLIENT TRACKING ON\nGET key\nDKC.INC c 2\nSET key 1\nDKC.INC c\nDK.INC c\nCLIENT TRACKING OFF\nDKC.GET c",
			"…+OK\r\n_\r\n:2\r\n+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n:3\r\n*2\r\n:1\r\n:1\r\n+OK\r\n:3\r\n",
		},
		"no replies": {
			"CLIENT REPLY SKIP\nDKC.INC d\nDKC.INC d\nCLIENT REPLY OFF\nDKC.INC d\nGET d\nDKC.INC d\nCLIENT REPLY ON\nDKC.INC d\nCLIENT REPLY SKIP\nCLIENT REPLY SKIP\nDKC.INC d\nDKC.INC d",
			":2\r\n+OK\r\n:5\r\n:7\r\n",
		},
		"transaction": {
			"CLIENT TRACKING ON\nMULTI\nSET x 1\nDKC.INC e\nEXEC\nDKC.INC e\nMULTI\nGET x\nEXEC",
			"+OK\r\n+OK\r\n+QUEUED\r\n-ERR distkit: DK commands are not allowed in MULTI\r\n-EXECABORT Transaction discarded because of previous errors.\r\n:1\r\n+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pipelined := range []bool{true, false} {
				t.Run(fmt.Sprintf("pipelined=%v", pipelined), func(t *testing.T) {
					p := startProxy(t, realBackend(startRedis(t).addr), engine.Options{})
					conn, err := net.Dial("tcp", p.addr)
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					conn.SetDeadline(time.Now().Add(20 * time.Second))
					in := bufio.NewReader(conn)
					want := tc.want
					sent := strings.ReplaceAll(tc.sent, "\n", "\r\n") + "\r\n"
					if rest, skip := strings.CutPrefix(want, "…"); skip {
						hello, after, _ := strings.Cut(sent, "\r\n")
						io.WriteString(conn, hello+"\r\nPING\r\n")
						for line := ""; line != "+PONG\r\n"; {
							if line, err = in.ReadString('\n'); err != nil {
								t.Fatal(err)
							}
						}
						want, sent = rest, after
					}
					if pipelined {
						io.WriteString(conn, sent)
					} else {
						for line := range strings.SplitAfterSeq(sent, "\n") {
							io.WriteString(conn, line)
						}
					}
					got := make([]byte, len(want))
					if n, err := io.ReadFull(in, got); err != nil || string(got) != want {
						t.Errorf("%v\ngot  %q\nwant %q", err, got[:n], want)
					}
				})
			}
		})
	}
}

// COMMAND and INFO know of the proxy wherever a client may ask for them.
func TestCommandAndInfoInSessionsWithState(t *testing.T) {
	p := startProxy(t, realBackend(startRedis(t).addr), engine.Options{})
	for _, hello := range []string{"HELLO 2", "HELLO 3"} {
		for _, state := range []string{"CLIENT TRACKING ON", "SUBSCRIBE ch", "UNSUBSCRIBE"} {
			if hello == "HELLO 2" && state != "UNSUBSCRIBE" {
				continue // there Redis refuses the one, and all that follows the other
			}
			t.Run(hello+", "+state, func(t *testing.T) {
				ordinary, pumped := newAsker(t, p.addr, hello), newAsker(t, p.addr, hello, state)
				for _, cmd := range []string{
					"COMMAND", "COMMAND COUNT", "COMMAND LIST", "COMMAND INFO get dkc.inc nosuch", "COMMAND INFO dkc.inc", "COMMAND DOCS dkc.inc", "COMMAND DOCS dkc.inc get", "COMMAND LIST FILTERBY PATTERN dkc.*",
					"COMMAND GETKEYS DKC.MINC a 1 b 2", "COMMAND GETKEYS DKC.INC", "COMMAND GETKEYSANDFLAGS DKC.GET a", "COMMAND GETKEYS GET a", "COMMAND NOSUCH", "COMMAND HELP", "COMMAND LIST x",
				} {
					want, got := ordinary.asks(t, cmd), pumped.asks(t, cmd)
					if sorted(want) != sorted(got) { // Redis' own flags come in any order
						t.Errorf("%s: %.300q, want %.300q", cmd, got, want)
					}
				}
				for cmd, want := range map[string]string{
					"INFO distkit": "# distkit\r\n", "INFO server distkit": "\r\n# distkit\r\n", "INFO": "\r\n# distkit\r\n", "INFO everything": "\r\n# distkit\r\n",
				} {
					if got := pumped.asks(t, cmd); !strings.Contains(got, want) || got[:1] != ordinary.asks(t, cmd)[:1] {
						t.Errorf("%s: %.300q", cmd, got)
					}
				}
				if got := pumped.asks(t, "INFO server"); strings.Contains(got, "# distkit") {
					t.Errorf("INFO server: %q", got)
				}
			})
		}
	}
}

// asker is a connection on which each command has one reply, whatever is pushed.
type asker struct {
	conn net.Conn
	in   *bufio.Reader
}

// newAsker sends commands first and reads all that they bring.
func newAsker(t *testing.T, addr string, first ...string) *asker {
	conn := dialTCP(t, addr)
	a := &asker{conn, bufio.NewReader(conn)}
	io.WriteString(conn, strings.Join(first, "\r\n")+"\r\nECHO ready\r\n")
	for {
		if frame, err := readFrame(a.in); err != nil {
			t.Fatal(err)
		} else if frame == "$5\r\nready\r\n" {
			return a
		}
	}
}

// asks sends an inline command and returns the reply.
func (a *asker) asks(t *testing.T, line string) string {
	t.Helper()
	io.WriteString(a.conn, line+"\r\n")
	frame, err := readFrame(a.in)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return frame
}
