package commands

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestReplies(t *testing.T) {
	for _, tc := range []struct {
		reply Reply
		want  string
	}{
		{Reply{}, ":0\r\n"},
		{integer(math.MinInt64), ":-9223372036854775808\r\n"},
		{integers(1, -2, 3, -4, 5), "*5\r\n:1\r\n:-2\r\n:3\r\n:-4\r\n:5\r\n"},
		{ok(), "+OK\r\n"},
		{bulk(""), "$0\r\n\r\n"},
		{bulk("a\r\nb"), "$4\r\na\r\nb\r\n"},
		{composed([]byte("*0\r\n")), "*0\r\n"},
		{instanceList(nil), "*0\r\n"},
		{instanceList([]engine.Instance{{ID: "a", IdleMillis: 5, Alive: true}, {ID: "bc", IdleMillis: 31000}}),
			"*2\r\n*3\r\n$1\r\na\r\n:5\r\n:1\r\n*3\r\n$2\r\nbc\r\n:31000\r\n:0\r\n"},
	} {
		if got := string(tc.reply.AppendTo([]byte("x"))); got != "x"+tc.want || tc.reply.IsError() {
			t.Errorf("%q, want %q", got, "x"+tc.want)
		}
	}
}

func TestErrorReplies(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{engine.ErrLoading, "LOADING distkit: Redis cannot be reached, and this counter is not in memory"},
		{fmt.Errorf("inc a: %w", engine.ErrOverflow), "ERR increment or decrement would overflow"},
		{errors.New("WRONGTYPE Operation against a key"), "WRONGTYPE Operation against a key"},
		{errors.New("ERR something"), "ERR something"},
		{errors.New("dial tcp: refused"), "ERR dial tcp: refused"},
		{errors.New("I am not a code"), "ERR I am not a code"},
		{errors.New("Oops no code"), "ERR Oops no code"},
		{io.EOF, "ERR EOF"},
		{errors.New(""), "ERR "},
		{errors.New("two\r\nlines\n"), "ERR two  lines "},
		{&engine.Error{Code: "ERR", Msg: "a\r\nb"}, "ERR a  b"},
	} {
		reply := FromError(tc.err)
		if got := string(reply.AppendTo(nil)); got != "-"+tc.want+"\r\n" || !reply.IsError() {
			t.Errorf("%q: %q", tc.err, got)
		}
	}
}

func TestSeveral(t *testing.T) {
	away, full := FromError(engine.ErrLoading), FromError(engine.ErrTooManyPending)
	overflow, other := FromError(engine.ErrOverflow), FromError(errors.New("WRONGTYPE no"))
	for want, items := range map[string][]Reply{
		"*0\r\n":                                 {},
		"-" + away.text + "\r\n":                 {away, away},
		"-" + full.text + "\r\n":                 {full},
		"*2\r\n-ERR " + away.text + "\r\n:7\r\n": {away, integer(7)},
		"*2\r\n:7\r\n-ERR " + full.text + "\r\n": {integer(7), full},
		"*2\r\n-ERR " + away.text + "\r\n-ERR " + full.text + "\r\n": {away, full},
		"*2\r\n-" + overflow.text + "\r\n-" + overflow.text + "\r\n": {overflow, overflow},
		"*1\r\n-" + other.text + "\r\n":                              {other},
	} {
		got := several(len(items), func(i int) Reply { return items[i] })
		if text := string(got.AppendTo(nil)); text != want {
			t.Errorf("%d items: %q, want %q", len(items), text, want)
		}
	}
}
