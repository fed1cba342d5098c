package proxy

import (
	"errors"
	"strings"
	"testing"
)

// wholeReplies are replies that are one frame each, with the type byte of the reply itself.
var wholeReplies = map[string]byte{
	"+OK\r\n":                             '+',
	"-ERR no\r\n":                         '-',
	":-12\r\n":                            ':',
	"$0\r\n\r\n":                          '$',
	"$5\r\nab\r\nc\r\n":                   '$',
	"$-1\r\n":                             '$',
	"*-1\r\n":                             '*',
	"*0\r\n":                              '*',
	"*2\r\n*2\r\n:1\r\n*0\r\n$1\r\na\r\n": '*',
	"_\r\n":                               '_',
	"#t\r\n":                              '#',
	",inf\r\n":                            ',',
	"(123456789012345678901234567890\r\n": '(',
	"!5\r\nERR x\r\n":                     '!',
	"=7\r\ntxt:abc\r\n":                   '=',
	"~1\r\n+a\r\n":                        '~',
	"%1\r\n+a\r\n%0\r\n":                  '%',
	"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n": '%',
	">2\r\n+message\r\n+x\r\n":            '>',
	"|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n":     '$', // the attribute belongs to the reply
	"|0\r\n:1\r\n":                        ':',
	"|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n+d\r\n|1\r\n+e\r\n+f\r\n:9\r\n": ':',
	"*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n":                         '*',
	"$?\r\n;4\r\nab\r\n\r\n;1\r\nc\r\n;0\r\n":                      '$',
	"$?\r\n;0\r\n": '$',
	"*?\r\n:1\r\n*?\r\n.\r\n$?\r\n;0\r\n.\r\n": '*',
	"%?\r\n+a\r\n:1\r\n.\r\n":                  '%',
	"~?\r\n.\r\n":                              '~',
	"|?\r\n+a\r\n+b\r\n.\r\n:1\r\n":            ':',
	"*1\r\n*?\r\n.\r\n":                        '*',
}

func TestReplyFramer(t *testing.T) {
	for reply, first := range wholeReplies {
		in := []byte(reply + "+next\r\n")
		for cut := 0; cut <= len(reply); cut++ {
			var f replyFramer
			n, done, err := f.scan(in[:cut])
			if err == nil && !done {
				if n != cut {
					t.Fatalf("%q: %d of %d bytes taken before the end", reply, n, cut)
				}
				var k int
				k, done, err = f.scan(in[cut:])
				n += k
			}
			if err != nil || !done || n != len(reply) || f.first != first || f.push() != (first == '>') {
				t.Fatalf("%q cut at %d: ends at %d of %d, done %v, first %q, error %v", reply, cut, n, len(reply), done, f.first, err)
			}
		}
	}
}

func TestReplyFramerRefusesGarbage(t *testing.T) {
	for _, in := range []string{
		"x", "HTTP/1.1 200 OK\r\n", "\r\n", "$\r\n", "$-2\r\n", "*a\r\n", "*1\n", "$1x\r\n", "$--1\r\n", "$1-\r\n", "$?1\r\n",
		";1\r\n", ".\r\n", "*1\r\n.\r\n", "$?\r\n+a\r\n", "$?\r\n;?\r\n", "$?\r\n;-1\r\n", "=?\r\n", "%-1\r\n",
		"$99999999999999999999\r\n", "*1\r\n;0\r\n", "*?\r\n;0\r\n",
	} {
		var f replyFramer
		if n, done, err := f.scan([]byte(in)); err == nil {
			t.Errorf("%q: %d bytes taken, done %v, want an error", in, n, done)
		}
	}
}

func TestReplyFramerDepth(t *testing.T) {
	var f replyFramer
	if _, _, err := f.scan([]byte(strings.Repeat("*1\r\n", maxReplyDepth))); err != nil {
		t.Errorf("%d levels: %v", maxReplyDepth, err)
	}
	if _, _, err := f.scan([]byte("*1\r\n")); !errors.Is(err, errReplyDepth) {
		t.Errorf("one more: %v", err)
	}
}

// replyEnds marks the ends of all replies in in, given in pieces.
func replyEnds(in []byte, step int) (string, error) {
	var f replyFramer
	var ends strings.Builder
	for len(in) > 0 {
		piece := in[:min(step, len(in))]
		n, done, err := f.scan(piece)
		ends.Write(in[:n])
		if err != nil {
			return ends.String(), err
		}
		if done {
			ends.WriteString("<" + string(rune(f.first)) + ">")
			f.reset()
		} else if n != len(piece) {
			return "bytes left over", nil
		}
		in = in[n:]
	}
	return ends.String(), nil
}

func BenchmarkReplyFramer(b *testing.B) {
	in := []byte("$3\r\nabc\r\n")
	var f replyFramer
	for b.Loop() {
		if _, done, err := f.scan(in); !done || err != nil {
			b.Fatal(done, err)
		}
		f.reset()
	}
}
