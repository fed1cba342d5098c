package corpus

import (
	"fmt"
	"testing"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		`SET k "a b" "\x00"  {x*3}`: `{Conn:1 Kind:0 Args:["SET" "k" "a b" "\x00" "xxx"] Raw:"" Frames:[1 1] Background:false Times:1 N:0}`,
		`raw "PING\r\n"`:            `{Conn:1 Kind:0 Args:[] Raw:"PING\r\n" Frames:[1 1] Background:false Times:1 N:0}`,
		`2> =3/0 & 100x PING`:       `{Conn:2 Kind:0 Args:["PING"] Raw:"" Frames:[3 0] Background:true Times:100 N:0}`,
		`=2 PING`:                   `{Conn:1 Kind:0 Args:["PING"] Raw:"" Frames:[2 2] Background:false Times:1 N:0}`,
		`< 1`:                       `{Conn:1 Kind:1 Args:[] Raw:"" Frames:[1 1] Background:false Times:1 N:0}`,
		`3< 0/1`:                    `{Conn:3 Kind:1 Args:[] Raw:"" Frames:[0 1] Background:false Times:1 N:0}`,
		`! blocked 2`:               `{Conn:1 Kind:2 Args:[] Raw:"" Frames:[0 0] Background:false Times:1 N:2}`,
		`! idle`:                    `{Conn:1 Kind:3 Args:[] Raw:"" Frames:[0 0] Background:false Times:1 N:0}`,
		`2! closed`:                 `{Conn:2 Kind:4 Args:[] Raw:"" Frames:[0 0] Background:false Times:1 N:0}`,
	} {
		all, err := parse("# a comment\n\n[name]\n% alone: why\n" + line)
		if err != nil || len(all) != 1 || all[0].Name != "name" || all[0].Alone != "why" || len(all[0].Steps) != 1 {
			t.Errorf("%s: %+v, %v", line, all, err)
			continue
		}
		s := all[0].Steps[0]
		got := fmt.Sprintf("{Conn:%d Kind:%d Args:%q Raw:%q Frames:%d Background:%v Times:%d N:%d}",
			s.Conn, s.Kind, s.Args, s.Raw, s.Frames, s.Background, s.Times, s.N)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"PING", "[a]\n% alone", "[a]\n% only 4: why", "[a]\n< x", "[a]\n< ", "[a]\n! sleep", "[a]\n! blocked", "[a]\n!",
		"[a]\nSET \"k", "[a]\nSET \"a\"b", "[a]\nSET \"\\q\"", "[a]\n0x PING", "[a]\n2>",
	} {
		if all, err := parse(text); err == nil {
			t.Errorf("%q is taken for %+v", text, all)
		}
	}
}
