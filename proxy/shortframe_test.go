package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// What is framed in one go is framed as it is byte by byte.
func TestShortFrames(t *testing.T) {
	long := strings.Repeat("x", 9999)
	for _, in := range []string{
		"*1\r\n$4\r\nPING\r\n", "*2\r\n$4\r\nINCR\r\n$20\r\ncounter:000000000001\r\n", "*1\r\n$0\r\n\r\n",
		"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n", "*2\r\n$3\r\nGET\r\n$10\r\n$1\r\n*1\r\n$\r\n",
		string(appendCommand(nil, "SET", long[:100])), string(appendCommand(nil, "SET", long[:1000], long[:10])), string(appendCommand(nil, "SET", long)),
		string(appendCommand(nil, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")), // ten arguments
		string(appendCommand(nil, "SET", long+"x")), "*1\r\n$00004\r\nPING\r\n", "*1\r\n$4x\r\nPING\r\n",
		"*1\rX$4\rYPINGab", "*01\r\n$4\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$:\r\nPING\r\n", "*1\r\n$4\r\nPINGxx", "*:\r\n", "*0\r\n", "*1\r\n$-1\r\n",
	} {
		for _, behind := range []string{"", "*1\r\n$4\r\nPING\r\n", "*1\r\n$"} {
			for _, limits := range []Limits{{}, {MaxArgs: 2}, {MaxBulk: 19}, {MaxBulk: 999}, {MaxQueryBuffer: 30}} {
				stream := in + behind
				whole, wholeErr := frameIn([]byte(stream), len(stream), limits)
				bytewise, bytewiseErr := frameIn([]byte(stream), 1, limits)
				got, want := fmt.Sprintf("%q", argsOf(whole)), fmt.Sprintf("%q", argsOf(bytewise))
				if got != want || wholeErr != bytewiseErr {
					t.Errorf("%q with %+v: %s and error %q, byte by byte %s and %q", stream, limits, got, wholeErr, want, bytewiseErr)
				}
				for i := range whole {
					if i < len(bytewise) && !bytes.Equal(whole[i].raw, bytewise[i].raw) {
						t.Errorf("%q: %q, byte by byte %q", stream, whole[i].raw, bytewise[i].raw)
					}
				}
			}
		}
	}
}
