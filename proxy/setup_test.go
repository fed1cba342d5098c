package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// remembered is what a new connection would begin with, in order.
func (s *setup) remembered() []string {
	var lines []string
	for _, cmd := range s.cmds {
		if cmd != nil {
			fr := newFramer(Limits{}, new(bufferPool))
			copy(fr.space(), cmd)
			fr.commit(len(cmd))
			req, _, _ := fr.next(nil)
			lines = append(lines, string(bytes.Join(req.args, []byte(" "))))
		}
	}
	return lines
}

func TestSetupRemembersTheLastOfEachKind(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing", nil, nil},
		{"in order of the replay", []string{"SELECT 3", "CLIENT SETNAME n", "HELLO 3", "AUTH p"}, []string{"AUTH p", "HELLO 3", "CLIENT SETNAME n", "SELECT 3"}},
		{"HELLO in parts", []string{"HELLO 3 AUTH u p SETNAME n", "client setname m"}, []string{"AUTH u p", "HELLO 3", "CLIENT SETNAME m"}},
		{"HELLO keeps what it does not say", []string{"AUTH u p", "CLIENT SETNAME n", "HELLO 3", "HELLO"}, []string{"AUTH u p", "HELLO 3", "CLIENT SETNAME n"}},
		{"back to the start", []string{"HELLO 3 SETNAME n", "SELECT 3", "READONLY", "CLIENT NO-EVICT on", "CLIENT NO-TOUCH ON",
			"HELLO 2", "CLIENT SETNAME ", "SELECT 0", "READWRITE", "CLIENT NO-EVICT OFF", "client no-touch off"}, nil},
		{"everything", []string{"READONLY", "CLIENT NO-TOUCH ON", "CLIENT NO-EVICT ON", "CLIENT SETINFO lib-ver 1", "CLIENT SETINFO LIB-NAME a", "CLIENT SETINFO LIB-NAME b"},
			[]string{"CLIENT SETINFO LIB-NAME b", "CLIENT SETINFO lib-ver 1", "CLIENT NO-EVICT ON", "CLIENT NO-TOUCH ON", "READONLY"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s setup
			for _, line := range tc.in {
				if !s.apply(bytes.Split([]byte(line), []byte(" "))) {
					t.Errorf("%s is not remembered", line)
				}
			}
			if got := s.remembered(); fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestSetupIsBounded(t *testing.T) {
	var s setup
	long := strings.Repeat("x", maxSetup)
	for _, line := range []string{"AUTH " + long, "CLIENT SETNAME " + long, "HELLO 3 SETNAME " + long, "CLIENT CAPA redirect", "CLIENT", "NOPE"} {
		if s.apply(bytes.Split([]byte(line), []byte(" "))) {
			t.Errorf("%.40s is remembered", line)
		}
	}
	if got := s.remembered(); fmt.Sprint(got) != "[HELLO 3]" {
		t.Errorf("%q", got)
	}
}

func TestSetupReset(t *testing.T) {
	var s setup
	for _, line := range []string{"HELLO 3 AUTH u p", "CLIENT SETINFO LIB-NAME a", "SELECT 1"} {
		s.apply(bytes.Fields([]byte(line)))
	}
	s.reset()
	if got := s.remembered(); fmt.Sprint(got) != "[CLIENT SETINFO LIB-NAME a]" || s.resp3() {
		t.Errorf("%q", got)
	}
}
