package integration

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

// A client that Redis kills is closed if it has lost something, and else goes on
// with a new connection: this is how it lives through a restart of Redis.
func TestClientKill(t *testing.T) {
	r := startRedis(t)
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	admin := client(t, r.addr)
	for before, after := range map[string]struct{ sent, want string }{
		"CLIENT SETNAME me":         {"CLIENT GETNAME", "$2\r\nme\r\n"},
		"SELECT 3":                  {"GET nix", "$-1\r\n"},
		"WATCH k":                   {"GET nix", ""},
		"MULTI":                     {"EXEC", ""},
		"SUBSCRIBE ch":              {"", ""},
		"CLIENT TRACKING ON NOLOOP": {"", ""},
		"BLPOP nothing 0":           {"", ""},
	} {
		t.Run(before, func(t *testing.T) {
			conn := dialTCP(t, p.addr)
			in := bufio.NewReader(conn)
			fmt.Fprintf(conn, "CLIENT ID\r\n%s\r\n", before)
			id, err := readFrame(in)
			if err == nil && !strings.HasPrefix(before, "BLPOP") {
				_, err = readFrame(in)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := admin.ClientKillByFilter(t.Context(), "ID", strings.Trim(id, ":\r\n")).Err(); err != nil {
				t.Fatal(err)
			}
			if after.sent != "" {
				io.WriteString(conn, after.sent+"\r\n")
			}
			got, err := readFrame(in)
			if after.want == "" && err != io.EOF || got != after.want {
				t.Errorf("%q, %v, want %q", got, err, after.want)
			}
		})
	}
}
