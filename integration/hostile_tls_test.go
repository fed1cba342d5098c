package integration

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/proxy/hostile"
)

// tlsPieces cuts an input where TLS would not, so that there are short records,
// long ones and one in the middle of another's read.
func tlsPieces(in string) []string {
	var pieces []string
	for i, size := 0, 1; len(in) > 0; i++ {
		n := min(len(in), size)
		pieces, in = append(pieces, in[:n]), in[n:]
		if size = 3*size + 1; size > 40_000 {
			size = 1
		}
	}
	return pieces
}

// What is hostile is no more so over TLS, in records of any size.
func TestHostileInputOverTLS(t *testing.T) {
	r := startRedis(t)
	addr, conf, _, _ := startTLSProxy(t, r.addr)
	n := 0
	for _, in := range hostile.Requests() {
		if in.Derived {
			continue
		}
		want := ""
		if in.Differs == "" {
			want = exchange(t, r.addr, string(in.Bytes))
		}
		conn, err := tls.Dial("tcp", addr, conf)
		if err != nil {
			t.Fatal(err)
		}
		got := exchangeOn(conn, len(want)+len(in.Begins), tlsPieces(string(in.Bytes))...)
		if in.Differs == "" && got != want || !strings.HasPrefix(got, in.Begins) {
			t.Errorf("%s: %.200q, want %.200q%.200q", in.Name, got, want, in.Begins)
		}
		n++
	}
	t.Logf("%d inputs", n)
}
