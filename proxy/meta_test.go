package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/commands"
)

// reply reads one whole reply.
func (w *wire) reply() string {
	w.t.Helper()
	var f replyFramer
	var out []byte
	for {
		b, err := w.r.ReadByte()
		if err != nil {
			w.t.Fatalf("after %q: %v", out, err)
		}
		out = append(out, b)
		_, done, err := f.scan([]byte{b})
		if err != nil {
			w.t.Fatalf("%q: %v", out, err)
		}
		if done {
			return string(out)
		}
	}
}

// elements splits an array or map into its elements, keys and values apart.
func elements(t *testing.T, reply string) []string {
	t.Helper()
	n, body, ok := aggregate([]byte(reply))
	if !ok {
		t.Fatalf("%.80q is neither array nor map", reply)
	}
	if reply[0] == '%' {
		n *= 2
	}
	var out []string
	for range n {
		var f replyFramer
		k, done, err := f.scan(body)
		if !done || err != nil {
			t.Fatalf("%d elements promised, %d there (%v)", n, len(out), err)
		}
		out = append(out, string(body[:k]))
		body = body[k:]
	}
	if len(body) > 0 {
		t.Fatalf("left over: %.80q", body)
	}
	return out
}

func bulk(s string) string { return "$" + strconv.Itoa(len(s)) + "\r\n" + s + "\r\n" }

func TestCommandSplicesOursIntoRedisOwn(t *testing.T) {
	ours := commands.All()
	get := "*6\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n"
	inc := string(commands.Lookup([]byte("dk.inc")).AppendInfo(nil))
	doc := bulk("get") + "*2\r\n$7\r\nsummary\r\n$1\r\ns\r\n"
	for _, tc := range []struct {
		name, send, redis string
		want              []string // the first elements
		n                 int
	}{
		{"all", "COMMAND", "*1\r\n" + get, []string{get}, 1 + len(ours)},
		{"info", "COMMAND INFO", "*1\r\n" + get, []string{get}, 1 + len(ours)},
		{"named", "COMMAND INFO GET Dk.Inc nope", "*3\r\n" + get + "*-1\r\n*-1\r\n", []string{get, inc, "*-1\r\n"}, 3},
		{"list", "COMMAND LIST", "*1\r\n" + bulk("get"), []string{bulk("get")}, 1 + len(ours)},
		{"pattern", "COMMAND LIST FILTERBY PATTERN dk*.INC", "*0\r\n", []string{bulk("dk.inc"), bulk("dks.inc"), bulk("dkc.inc"), bulk("dkcs.inc")}, 4},
		{"module", "COMMAND LIST FILTERBY MODULE x", "*0\r\n", nil, 0},
		{"docs", "COMMAND DOCS", "*2\r\n" + doc, nil, 2 + 2*len(ours)},
		{"docs of", "COMMAND DOCS get dk.inc nope", "*2\r\n" + doc, []string{bulk("get"), "*2\r\n$7\r\nsummary\r\n$1\r\ns\r\n", bulk("dk.inc")}, 4},
		{"docs in RESP3", "COMMAND DOCS dk.inc", "%0\r\n", []string{bulk("dk.inc")}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.client()
			c.send(tc.send)
			up := r.redis.accept()
			up.gets(tc.send)
			up.raw(tc.redis)
			got := elements(t, c.reply())
			if len(got) != tc.n {
				t.Fatalf("%d elements, want %d", len(got), tc.n)
			}
			if have := got[:len(tc.want)]; fmt.Sprint(have) != fmt.Sprint(tc.want) {
				t.Errorf("begins with %q, want %q", have, tc.want)
			}
		})
	}
}

func TestCommandOtherSubcommands(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.send("COMMAND COUNT", "COMMAND GETKEYS DKC.MINC a 1 b 2", "COMMAND GETKEYSANDFLAGS dkc.inc a", "COMMAND GETKEYS get x", "COMMAND NOPE")
	up := r.redis.accept()
	up.gets("COMMAND COUNT")
	up.send(":100")
	c.expect(":"+strconv.Itoa(100+len(commands.All())), "*2", "$1", "a", "$1", "b")
	c.expect("*1", "*2", "$1", "a", "*1", "+RW")
	up.gets("COMMAND GETKEYS get x")
	up.send("*1", "$1", "x")
	c.expect("*1", "$1", "x")
	up.gets("COMMAND NOPE")
	up.send("-ERR unknown subcommand")
	c.expect("-ERR unknown subcommand")
	c.send("COMMAND", "MULTI", "COMMAND")
	up.gets("COMMAND")
	up.send("-NOAUTH no")
	up.gets("MULTI")
	up.send("+OK")
	c.expect("-NOAUTH no", "+OK")
	up.gets("COMMAND")
	up.send("+QUEUED")
	c.expect("+QUEUED")
}

func TestInfo(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Version, o.Namespace = "1.2.3", "ns" })
	c := r.client()
	c.send("DKC.INC k", "INFO distkit")
	c.expect(":1")
	alone := c.reply()
	body, ok := bulkBody([]byte(alone))
	if !ok || !bytes.HasPrefix(body, []byte("# distkit\r\ndistkit_version:1.2.3\r\n")) || !bytes.HasSuffix(body, []byte("\r\n")) {
		t.Fatalf("%q", alone)
	}
	for _, want := range []string{"instance_id:test\r\n", "namespace:ns\r\n", "commands_answered:1\r\n", "clients_connected:1\r\n", "private_connections:0\r\n"} {
		if !strings.Contains(alone, want) {
			t.Errorf("no %q in %q", want, alone)
		}
	}
	c.send("INFO")
	up := r.redis.accept()
	for _, tc := range []struct{ sent, asked string }{
		{"INFO", "INFO"}, {"info everything", "info everything"}, {"INFO server DistKit", "INFO server"},
	} {
		if tc.sent != "INFO" {
			c.send(tc.sent)
		}
		up.gets(tc.asked)
		up.raw(bulk("# Server\r\nredis_version:7.0.15\r\n"))
		if got := c.reply(); !strings.Contains(got, "\r\n# Server\r\nredis_version:7.0.15\r\n\r\n# distkit\r\n") {
			t.Errorf("%s: %q", tc.sent, got)
		}
	}
	for _, same := range []string{bulk("# Server\r\n"), "-NOAUTH no\r\n"} {
		c.send("INFO server")
		up.gets("INFO server")
		up.raw(same)
		if got := c.reply(); got != same {
			t.Errorf("%q, want %q unchanged", got, same)
		}
	}
	c.send("HELLO 3", "INFO distkit", "INFO")
	up.gets("HELLO 3")
	up.send("%0")
	up.gets("INFO")
	up.send("=16", "txt:# Server", "a:")
	c.expect("%0")
	if got := c.reply(); !strings.HasPrefix(got, "=") || !strings.Contains(got, "txt:# distkit") {
		t.Errorf("%q", got)
	}
}
