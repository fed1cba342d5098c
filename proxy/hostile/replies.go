package hostile

import "strings"

// Refused is what Begins says of a reply that no Redis sends: the connection to
// it is of no more use.
const Refused = "refused"

// Replies returns what a Redis may send that is broken, or none, or an enemy.
// Begins is Refused, or "" for what is RESP so far as it goes, however absurd.
func Replies() []Input {
	fine := inputs("reply", "*9223372036854775\r\n", "*2147483647\r\n:1\r\n", "%1000000000\r\n+a\r\n", "$536870912\r\nabc", "$999999999999999999\r\nabc", ">1000000\r\n", "|1000000\r\n+a\r\n",
		"$?\r\n;1\r\na\r\n", "*?\r\n:1\r\n", "%?\r\n+a\r\n", ":\r\n", ":abc\r\n", "#x\r\n", ",nan\r\n", "(\r\n", "_abc\r\n", "+\r\n", "-\r\n", "=3\r\nabc\r\n", "*0\r\n*0\r\n", "$0\r\n\r\n",
		"$3\r\nabcde", "$1\r\na*9", "+a\x00b\r\n", ">0\r\n", "|0\r\n|0\r\n|0\r\n:1\r\n", "*-1\r\n$-1\r\n")
	refused := inputs("reply", "HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "\n", "\x00", "\xff", "PONG\r\n", " +OK\r\n", "*\r\n", "*-2\r\n", "*+1\r\n", "*1 \r\n", "*1x\r\n", "*01x\r\n", "$-0\r\n", "$--1\r\n", "$1\n", "$1\r\r\n",
		"*9999999999999999999\r\n", "$9223372036854775807\r\n", "%9999999999999999999\r\n", "%-1\r\n", "|-1\r\n", ";1\r\n", ".\r\n", "*1\r\n.\r\n", "$?\r\n:1\r\n", "$?\r\n;?\r\n", "$?\r\n;-1\r\n", "!?\r\n", "=?\r\n",
		"\x16\x03\x01\x02\x00", "SSH-2.0-OpenSSH_9.6\r\n", "*?1\r\n", "*1?\r\n")
	refused = append(refused, input("depth bomb", strings.Repeat("*1\r\n", 100_000)), input("depth bomb of maps", strings.Repeat("%1\r\n+a\r\n", 50_000)),
		input("depth bomb of streams", strings.Repeat("*?\r\n", 100_000)), input("depth bomb of attributes", strings.Repeat("|1\r\n", 100_000)), input("endless length", "$"+strings.Repeat("1", 100_000)))
	fine = append(fine, input("endless line", "+"+strings.Repeat("x", 1<<20)), input("endless number", ":"+strings.Repeat("1", 1<<20)), input("endless pushes", strings.Repeat(">1\r\n+a\r\n", 20_000)),
		input("a wide array", "*1000000\r\n"+strings.Repeat(":1\r\n", 100_000)), input("wide nesting", strings.Repeat("*2\r\n*1\r\n:1\r\n*1\r\n:1\r\n", 5_000)), input("endless chunks", "$?\r\n"+strings.Repeat(";1\r\na\r\n", 20_000)))
	return append(differs("", Refused, refused...), fine...)
}
