package hostile

import (
	"fmt"
	"strings"
)

// Input is one thing to send.
type Input struct {
	Name  string
	Bytes []byte
	// Derived inputs are many of a kind, made by a rule. The others are written by hand.
	Derived bool
	// Differs says why a proxy does not answer what Redis answers; "": it does.
	Differs string
	// Begins is the beginning of the answer where Differs is set.
	Begins string
}

// Why a proxy differs from the Redis behind it.
const (
	ours   = "the command is the proxy's own"
	limit  = "the proxy takes a million arguments, Redis two thousand million"
	reads  = "Redis' answer depends on where its reads of the input fall, the proxy's does not"
	nul    = "Redis waits for ever for the end of a header with a NUL, the proxy refuses it"
	silent = "messages may be on their way to a subscriber, which an error would tear"
	denied = "refused by the deny list"
)

// maxLine is the longest line that Redis takes.
const maxLine = 64 << 10

// Requests returns what a client may send, the same at every call.
func Requests() []Input {
	var all []Input
	for _, list := range [][]Input{lengths(), lines(), types(), strangers(), masses(), setups(), counters(), derived()} {
		all = append(all, list...)
	}
	return all
}

func input(name, s string) Input { return Input{Name: name, Bytes: []byte(s)} }

// inputs makes one of each string, named after it.
func inputs(about string, list ...string) []Input {
	var out []Input
	for _, s := range list {
		out = append(out, input(fmt.Sprintf("%s %.40q", about, s), s))
	}
	return out
}

// differs marks inputs.
func differs(why, begins string, list ...Input) []Input {
	for i := range list {
		list[i].Differs, list[i].Begins = why, begins
	}
	return list
}

// Command is a command as an array of bulk strings.
func Command(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// numbers are no lengths, or such that nobody means.
var numbers = []string{
	"", "-", "+", "+1", "-0", "00", "01", "1 ", " 1", "1.0", "1e3", "0x1", "a", "-1", "-2", "-9223372036854775808", "-9223372036854775809",
	"2147483648", "4294967296", "4294967297", "9223372036854775806", "9223372036854775807", "9223372036854775808",
	"18446744073709551615", "18446744073709551616", "18446744073709551617", "99999999999999999999999999", "\xff", "１",
}

func lengths() []Input {
	var list []Input
	for _, n := range numbers {
		list = append(list, inputs("count", "*"+n+"\r\n", "PING\r\n*"+n+"\r\nPING\r\n")...)
		list = append(list, inputs("length", "*1\r\n$"+n+"\r\n", "*2\r\n$3\r\nGET\r\n$"+n+"\r\nab\r\nPING\r\n")...)
	}
	list = append(list, inputs("length", "*1\r\n$536870912\r\nabc", "*1\r\n$536870913\r\nabc", "*1\r\n$0\r\n\r\n", "*2\r\n$0\r\n\r\n$0\r\n\r\nPING\r\n",
		"*1\r\n$4\r\nPINGxxPING\r\n", "*1\r\n$4\r\nPING\n\n*1\r\n", "*1\r\n$3\r\nPING\r\n", "*1\r\n$5\r\nPING\r\n", "*1\rX$4\rYPING\r\nPING\r\n",
		"*1\n$4\nPING\n", "*1\r\n$4\nPING\r\n", "*1\r\r$4\r\rPING\r\r", "*1\r\n\r\n$4\r\nPING\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n", "*1\r\n$-1\r\nPING\r\n",
		"*3\r\n$3\r\nSET\r\n$-1\r\n$1\r\na\r\n", "*0\r\n*0\r\nPING\r\n", "*-1\r\n*-5\r\nPING\r\n", "*", "*\r", "*1", "*1\r", "*1\r\n$", "*1\r\n$4\r\nPING", "*1\r\n$4\r\nPING\r")...)
	list = append(list, differs(limit, "-ERR Protocol error: invalid multibulk length\r\n", inputs("count", "*1048577\r\n", "*536870913\r\n", "*1000000000\r\n", "*2147483647\r\n")...)...)
	list = append(list, differs(nul, "-ERR Protocol error: ", inputs("header", "*\x00\r\n", "*1\x00\r\n", "*1\r\n$\x00\r\n", "*1\r\n$1\x00\r\n", "*1\r\n\x00\r\n")...)...)
	for _, n := range []int{maxLine - 3, maxLine - 2, maxLine - 1, maxLine, maxLine + 1, maxLine + 2, 3 * maxLine} {
		digits := strings.Repeat("1", n)
		list = append(list,
			input(fmt.Sprintf("a count of %d digits", n), "*"+digits),
			input(fmt.Sprintf("a length of %d digits", n), "*1\r\n$"+digits),
			input(fmt.Sprintf("a length of %d zeros", n), "*1\r\n$"+strings.Repeat("0", n)))
		list = append(list, differs(reads, "-ERR Protocol error: ", input(fmt.Sprintf("a count of %d digits and its end", n), "*"+digits+"\r\n"))...)
	}
	return list
}

func lines() []Input {
	list := inputs("line", "\r\n", "\n", "\r", "\x00", "\x00\r\n", "PING\x00\r\nPING\r\n", "\x00PING\r\n", "PING", "PING\n", "PING\r", "PING\rPING\n", "PING\r\r\n",
		" PING\r\n", "PING \r\n", "\tPING\t\r\n", "\vPING\f\r\n", "ECHO\ta\r\n", "ECHO\va\r\n", "ECHO a\rb\r\n", "ECHO \"a\r\n", "ECHO 'a\r\n", "ECHO \"a\"b\r\n", "ECHO 'a'b\r\n",
		"ECHO a\"b\"\r\n", "ECHO a'b'\r\n", "ECHO a\"b\r\n", "ECHO \"\"\r\n", "ECHO ''\r\n", "\"\"\r\n", "''\r\n", "\"PING\"\r\n", "'PING'\r\n", "\"PING\"\"PING\"\r\n",
		"ECHO \"\\x41\\x4\\xzz\\x\"\r\n", "ECHO \"\\x00\\xff\"\r\n", "ECHO \"\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n", "ECHO '\\n\\'\\\\'\r\n", "ECHO \"\\\r\n", "ECHO '\\\r\n", "ECHO \"a\\\"\r\n",
		"ECHO \\x41\r\n", "ECHO \"\\x4\"\r\n", "ECHO \"\\x\"\r\n", "ECHO \"a\" \"b\"\r\n", "ECHO \"a\"\t\r\n", "ECHO \"a\"\x00\r\n", "ECHO \xff\xfe\r\n", "ECHO é\r\n",
		"   \r\n\t\t\r\n\r\nPING\r\n", "PING\n\nPING\n\r\nPING\r\n", strings.Repeat("\"", 51)+"\r\n", strings.Repeat("'", 50)+"\r\n", strings.Repeat("\" ", 50)+"\r\n")
	for _, n := range []int{maxLine - 8, maxLine - 7, maxLine - 6, maxLine - 5, maxLine - 2, maxLine - 1, maxLine, maxLine + 1, 2 * maxLine} {
		xs := strings.Repeat("x", n)
		list = append(list,
			input(fmt.Sprintf("a line of %d bytes", n), xs),
			input(fmt.Sprintf("NUL and %d line ends", n), "\x00"+strings.Repeat("\n", n)))
		long := []Input{
			input(fmt.Sprintf("ECHO of %d bytes", n), "ECHO "+xs+"\r\nPING\r\n"),
			input(fmt.Sprintf("ECHO of %d blanks", n), "ECHO"+strings.Repeat(" ", n)+"\r\nPING\r\n"),
		}
		if n > maxLine-6 {
			differs(reads, "-ERR ", long...)
		}
		list = append(list, long...)
	}
	return append(list, input("64 KB of arguments", strings.Repeat("a ", 32_000)+"\r\n"),
		input("64 KB of quotes", strings.Repeat("'' ", 20_000)+"\r\n"),
		input("64 KB of escapes", "ECHO \""+strings.Repeat("\\x41", 16_000)+"\"\r\n"),
		input("64 KB of backslashes", "ECHO \""+strings.Repeat("\\\\", 32_000)+"\"\r\n"))
}

// types sends replies as requests.
func types() []Input {
	list := inputs("reply", "+OK\r\n", "-ERR no\r\n", ":1\r\n", "$3\r\nabc\r\n", "$-1\r\n", "%1\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", ">2\r\n+a\r\n+b\r\n", "_\r\n", ",1.5\r\n", "#t\r\n",
		"(12345\r\n", "!3\r\nERR\r\n", "=7\r\ntxt:abc\r\n", "|1\r\n+a\r\n+b\r\n", "*?\r\n", "$?\r\n;1\r\na\r\n;0\r\n", ".\r\n",
		"*1\r\n+PING\r\n", "*1\r\n:1\r\n", "*1\r\n_\r\n", "*1\r\n%1\r\n", "*1\r\n,1.5\r\n", "*1\r\n$?\r\n", "*1\r\n=8\r\ntxt:PING\r\n", "*1\r\n\xff\r\n")
	return append(list, input("nested arrays", strings.Repeat("*1\r\n", 100_000)), input("nested empty arrays", strings.Repeat("*2\r\n*0\r\n", 50_000)))
}

// strangers speak something else.
func strangers() []Input {
	return []Input{
		differs(reads, "", input("HTTP GET", "GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\n\r\n"))[0],
		differs(reads, "", input("HTTP host", "PING\r\nhOsT: x\r\nPING\r\n"))[0],
		differs(reads, "", input("POST as an array", "PING\r\n"+Command("POST", "/")+"PING\r\n"))[0],
		input("HTTP POST", "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 6\r\n\r\nPING\r\n"),
		input("HTTP post", "post /\r\nPING\r\n"), input("HTTP host of one byte less", "Host x\r\nPING\r\n"),
		input("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
		input("HTTP OPTIONS", "OPTIONS * HTTP/1.1\r\n\r\n"),
		input("TLS", "\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03"+strings.Repeat("\x5a", 32)+"\x20"+strings.Repeat("\xa5", 32)+"\x00\x3e\x13\x02\x13\x03\x13\x01\xc0\x2c"),
		input("TLS without NUL", "\x16\x03\x01\x02\x01\x01\x01\x01\xfc\x03\x03"+strings.Repeat("\x5a\n", 100)),
		input("SSH", "SSH-2.0-OpenSSH_9.6\r\n\x01\x02\x03"), input("MySQL", "\x20\x00\x00\x01\x85\xa6\x03\x00\x00\x00\x00\x01\x21"+strings.Repeat("\x00", 23)+"root\x00\x00"),
		input("PostgreSQL", "\x00\x00\x00\x08\x04\xd2\x16\x2f"), input("memcached", "set k 0 0 5\r\nhello\r\nstats\r\nversion\r\n"),
		input("memcached binary", "\x80\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		input("PROXY", "PROXY TCP4 192.0.2.1 192.0.2.2 1234 6379\r\nPING\r\n"),
		input("PROXY 2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x18\xeb*1\r\n$4\r\nPING\r\n"),
		input("SMTP", "EHLO example.org\r\nMAIL FROM:<a@example.org>\r\n"), input("LDAP", "0\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
		input("RTSP", "DESCRIBE rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n"), input("SIP", "INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\n"), input("FTP", "USER a\r\nPASS b\r\n"),
		input("RDP", "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"), input("AMQP", "AMQP\x00\x00\x09\x01"), input("a shell", "() { :;}; /bin/id\r\n$(id)\r\n`id`\r\n"),
	}
}

// masses are much of little.
func masses() []Input {
	return []Input{
		input("a million small arguments", "*1000001\r\n$3\r\nDEL\r\n"+strings.Repeat("$1\r\na\r\n", 1_000_000)),
		input("a million empty arguments, one missing", "*1000001\r\n"+strings.Repeat("$0\r\n\r\n", 1_000_000)),
		input("empty arrays", strings.Repeat("*0\r\n", 50_000)+"PING\r\n"), input("null arrays", strings.Repeat("*-1\r\n", 50_000)+"PING\r\n"),
		input("CRLF", strings.Repeat("\r\n", 100_000)+"PING\r\n"), input("LF", strings.Repeat("\n", 200_000)+"PING\r\n"), input("CR", strings.Repeat("\r", 200_000)),
		input("blanks", strings.Repeat(" \r\n", 70_000)+"PING\r\n"), input("NULs", strings.Repeat("\x00", 200_000)), input("empty names", strings.Repeat("*1\r\n$0\r\n\r\n", 300)),
		input("unknown commands", strings.Repeat(Command("x"), 300)), input("unknown lines", strings.Repeat("x\n", 300)),
		input("a pipeline", strings.Repeat("PING\r\n", 20_000)), input("a pipeline of arrays", strings.Repeat(Command("PING"), 20_000)),
		input("a pipeline and an error", strings.Repeat(Command("PING"), 5_000)+"*x\r\n"), input("wrong arities", strings.Repeat("GET\r\nSET\r\n", 150)),
		input("a megabyte", Command("SET", "hostile:big", strings.Repeat("x", 1<<20))+Command("STRLEN", "hostile:big")),
		input("a megabyte that lacks a byte", strings.TrimSuffix(Command("ECHO", strings.Repeat("x", 1<<20)), "\n")),
		input("many keys", Command(append([]string{"EXISTS"}, repeat("hostile:none", 100_000)...)...)),
	}
}

// setups are absurd ways to begin, and other commands that the proxy looks at.
func setups() []Input {
	list := inputs("set-up", "HELLO 1\r\n", "HELLO 4\r\n", "HELLO x\r\n", "HELLO -3\r\n", "HELLO 99999999999999999999\r\n", "HELLO 3 AUTH\r\n", "HELLO 3 AUTH a\r\n", "HELLO 3 AUTH a b\r\n", "HELLO 3 SETNAME\r\n",
		"HELLO 3 SETNAME \"a b\"\r\n", "HELLO 3 SETNAME a SETNAME\r\n", "HELLO 3 WHAT\r\nPING\r\n", "HELLO \"\"\r\n", "HELLO 3 \"\" \"\"\r\n", "HELLO 3\r\nGET hostile:none\r\nHELLO 2\r\nGET hostile:none\r\n", "HELLO 3\r\nRESET\r\nGET hostile:none\r\n",
		"AUTH\r\n", "AUTH a\r\n", "AUTH a b\r\n", "AUTH a b c\r\n", "AUTH \"\" \"\"\r\n", "AUTH default \"\"\r\n", "SELECT\r\n", "SELECT -1\r\n", "SELECT 99999\r\n", "SELECT x\r\n", "SELECT 1 2\r\n", "SELECT 15\r\nDBSIZE\r\n",
		"CLIENT\r\n", "CLIENT NOPE\r\n", "CLIENT SETNAME\r\n", "CLIENT SETNAME \"a b\"\r\n", "CLIENT SETNAME \"\\n\"\r\n", "CLIENT SETNAME \"\"\r\n", "CLIENT SETNAME a\r\nCLIENT GETNAME\r\n", "CLIENT KILL\r\n", "CLIENT KILL x\r\n", "CLIENT PAUSE x\r\n",
		"CLIENT NO-EVICT x\r\n", "CLIENT UNBLOCK x\r\n", "CLIENT \"\"\r\n", "RESET\r\nRESET\r\nRESET x\r\n", "QUIT\r\nPING\r\n", "QUIT x\r\nPING\r\n", "READONLY\r\nREADWRITE\r\n", "ASKING\r\n", "CLUSTER\r\n", "CLUSTER SLOTS\r\n", "OBJECT\r\n", "DEBUG\r\n",
		"MULTI\r\nMULTI\r\nEXEC\r\nEXEC\r\nDISCARD\r\n", "MULTI\r\nNOPE\r\nPING\r\nEXEC\r\n", "MULTI\r\nEXEC\r\n", "MULTI\r\nWATCH a\r\nEXEC\r\n", "WATCH\r\nUNWATCH x\r\n", "MULTI\r\nRESET\r\nEXEC\r\n", "MULTI\r\nHELLO 3\r\nEXEC\r\n",
		"EVAL\r\n", "EVAL x\r\n", "EVAL x -1\r\n", "EVAL x 1\r\n", "EVAL x 99999999999999999999\r\n", "EVAL \"return {1,{2,{3,{4}}}}\" 0\r\n", "EVAL \"return redis.call('nope')\" 0\r\n", "EVAL \"error('a\\nb')\" 0\r\n",
		"EVALSHA zz 0\r\n", "SCRIPT\r\n", "SCRIPT EXISTS\r\n", "FCALL x 0\r\n", "FUNCTION\r\n", "GETRANGE hostile:none -9223372036854775808 9223372036854775807\r\n", "SETRANGE hostile:none 9223372036854775807 x\r\n", "SETBIT hostile:none 99999999999 1\r\n",
		"SCAN x\r\n", "SCAN 18446744073709551615\r\n", "SCAN 0 COUNT -1\r\n", "SORT hostile:none BY a*b* GET # LIMIT x y\r\n", "BLPOP\r\n", "BLPOP hostile:none x\r\n", "BLPOP hostile:none -1\r\n", "WAIT\r\n", "XREAD BLOCK x STREAMS a 0\r\n",
		"SHUTDOWNX\r\n", "PSYNCX\r\n", "COMMAND NOPE\r\n", "COMMAND GETKEYS\r\n", "COMMAND GETKEYS GET\r\n", "COMMAND GETKEYS NOPE x\r\n", "COMMAND INFO nope\r\n", "COMMAND DOCS nope\r\n", "INFO nope\r\n", "INFO \"\"\r\n", "MULTI x\r\n", "EXEC x\r\n")
	list = append(list, inputs("pump", "SUBSCRIBE\r\n", "SUBSCRIBE a\r\nNOPE\r\n", "PSUBSCRIBE \"[\" \"*a*a*a*b\"\r\n", "CLIENT REPLY x\r\n", "CLIENT REPLY SKIP\r\nPING\r\n", "CLIENT TRACKING x\r\n", "MONITOR x\r\n", "SUBSCRIBE "+strings.Repeat("a ", 300)+"\r\n")...)
	list = append(list, differs(silent, "", input("an error of a subscriber", "SUBSCRIBE a\r\n*1\r\n$-5\r\n"))...)
	return append(list, differs(denied, "-NOPERM ", inputs("denied", "SYNC\r\n", "PSYNC ? -1\r\n", "REPLCONF x\r\n", "SHUTDOWN x y z\r\n")...)...)
}

// counters are our own commands, absurdly used.
func counters() []Input {
	of := func(begins string, args ...string) Input {
		in := input(fmt.Sprintf("ours %.60q", args), Command(args...))
		in.Differs, in.Begins = ours, begins
		return in
	}
	key := func(n int) string { return strings.Repeat("k", n) }
	const no = "-ERR "
	list := []Input{
		of(":0", "DKC.INC", key(1), "0"), of(":0", "DKC.INC", key(255), "0"), of(no, "DKC.INC", key(256), "0"), of(no, "DKC.INC", "", "0"), of(no, "DKC.INC", key(1<<20), "0"),
		of(no, "DKC.INC", ":", "0"), of(no, "DKC.INC", ":a", "0"), of(no, "DKC.INC", "a:", "0"), of(no, "DKC.INC", "a:b:c", "0"), of(no, "DKC.INC", strings.Repeat(":", 255), "0"),
		of(":0", "DKC.INC", "\x00\xff\r\n\x1b[2J", "0"), of(":0", "DKC.INC", "{}*?[\\\"' ", "0"),
		of(no, "DKC.INC", "k", "9223372036854775808"), of(no, "DKC.INC", "k", "-9223372036854775809"), of(no, "DKC.INC", "k", strings.Repeat("9", 1<<20)), of(no, "DKC.INC", "k", "0\x00"),
		of(no, "DKC.DEC", "k", "-9223372036854775808"), of(no, "DKC.INC", "k", ""), of(no, "DKC.INC", "k", "1", "IF"), of(no, "DKC.INC", "k", "1", "IF", "IF", "IF"),
		of(no, append([]string{"DKC.INC", "k", "0"}, repeat("IF", 10_000)...)...), of(no, append([]string{"DKC.MINC"}, repeat("IF", 100_000)...)...),
		of(no, append([]string{"DKC.INC", "k"}, repeat("IF EQ 0", 5_000)...)...), of(no, "DKC.MINC", "IF", "0", "IF", "0"), of("*1", "DKC.MINC", "IF", "0", "IF", "EQ", "0"), of(no, "DKC.MINC", "k", "0", "k"),
		of("*100000", append([]string{"DKC.MGET"}, repeat("k", 100_000)...)...), of(no, append([]string{"DKC.MGET"}, append(repeat("k", 100_000), "")...)...),
		of(no, append([]string{"DKC.GET"}, repeat("k", 100_000)...)...), of(no, "DKC.GET"), of("", strings.Repeat("DKC.GET", 3_000), "k"), of("", "DKC.\x00", "k"), of("", "dk.", "k"),
		of(no, "DKC.SCAN", ""), of(no, "DKC.SCAN", "-1"), of(no, "DKC.SCAN", "18446744073709551616"), of("*2", "DKC.SCAN", "18446744073709551615"), of("*2", "DKC.SCAN", "00000000000000000000"),
		of("*2", "DKC.SCAN", "0", "MATCH", strings.Repeat("*a", 30)+"b"), of("*2", "DKC.SCAN", "0", "MATCH", strings.Repeat("*", 1024)), of(no, "DKC.SCAN", "0", "MATCH", strings.Repeat("*", 1025)), of(no, "DKC.SCAN", "0", "MATCH", strings.Repeat("*", 100_000)), of("*2", "DKC.SCAN", "0", "MATCH", strings.Repeat("k*", 100)+"x"),
		of("*2", "DKC.SCAN", "0", "MATCH", "["), of("*2", "DKC.SCAN", "0", "MATCH", "[^"), of("*2", "DKC.SCAN", "0", "MATCH", "\\"), of("*2", "DKC.SCAN", "0", "MATCH", "[z-a]"), of("*2", "DKC.SCAN", "0", "MATCH", "[\\"), of("*2", "DKC.SCAN", "0", "MATCH", ""),
		of(no, "DKC.SCAN", "0", "COUNT", "0"), of(no, "DKC.SCAN", "0", "COUNT", "-9223372036854775808"), of("*2", "DKC.SCAN", "0", "COUNT", "9223372036854775807"), of(no, "DKC.SCAN", "0", "NS", ""), of(no, "DKC.SCAN", "0", "NS", "a:b"),
		of(no, append([]string{"DKC.SCAN", "0"}, repeat("MATCH", 1_001)...)...), of("*2", append([]string{"DKC.SCAN", "0"}, repeat("MATCH", 1_000)...)...),
		of("$", "DK.ID"), of(no, "DK.ID", "x"), of(no, "DK.INSTANCES", ""), of(no, "DKC.CLEAR", ""), of(no, "DKC.CLEAR", "a:b"), of(no, "DKC.FLUSH", ""), of(":", "DKC.FLUSH"),
		of("*1", "COMMAND", "GETKEYS", "DKC.GET", "k"), of(no, "COMMAND", "GETKEYS", "DKC.MINC", "a"), of(no, "COMMAND", "GETKEYS", "DK.ID"),
		of("$", "INFO", "distkit"), of("$", "INFO", "DISTKIT", "DISTKIT"),
	}
	pipeline := input("ours 20,000 in a pipeline", strings.Repeat("DKC.INC k 0\r\n", 20_000))
	storm := input("ours with errors in a pipeline", strings.Repeat(Command("DKC.INC", "a:b:c"), 5_000))
	inMulti := input("ours in MULTI", "MULTI\r\nDKC.INC k\r\nEXEC\r\n")
	return append(append(list, differs(ours, ":0", pipeline)...), append(differs(ours, no, storm), differs(ours, "+OK\r\n-ERR distkit", inMulti)...)...)
}

func repeat(words string, n int) []string { return strings.Fields(strings.Repeat(words+" ", n)) }
