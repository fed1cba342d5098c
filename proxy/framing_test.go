package proxy

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
)

func TestFramerTakesWhatRedisTakes(t *testing.T) {
	for in, want := range map[string]string{
		"*1\r\n$4\r\nPING\r\n":                  `[["PING"]]`,
		"*2\r\n$3\r\nGET\r\n$0\r\n\r\n":         `[["GET" ""]]`,
		"*1\r\n$0\r\n\r\n":                      `[[""]]`,
		"*0\r\nPING\r\n":                        `[["PING"]]`,
		"*-9223372036854775808\r\nPING\r\n":     `[["PING"]]`,
		"*-1\r\n*-9\r\nPING\r\n":                `[["PING"]]`,
		"\r\n\n   \r\nPING\n":                   `[["PING"]]`,
		"\tSET\t a  \"b c\" \r\n":               `[["SET" "a" "b c"]]`,
		"*1\rX$4\rYPINGab*1\r\n$4\r\nPING\r\n":  `[["PING"] ["PING"]]`, // Redis looks for CR alone
		"*1\r\n$4\r\nPI\r\n\r\nGET a\r\n*1\r\n": `[["PI\r\n"] ["GET" "a"]]`,
	} {
		reqs, err := frameAll(in, Limits{})
		if got := fmt.Sprintf("%q", argsOf(reqs)); got != want || err != "" {
			t.Errorf("%q: %s and error %q, want %s", in, got, err, want)
		}
		for _, req := range reqs {
			if want := appendCommand(nil, req.args...); !bytes.Equal(req.raw, want) {
				t.Errorf("%q is handed out as %q, want the canonical %q", in, req.raw, want)
			}
		}
	}
}

func TestFramerRefusesWhatRedisRefuses(t *testing.T) {
	for in, want := range map[string]protocolError{
		"*1\r\n$9223372036854775807\r\n":        errBulkLen,
		"*1\r\n$99999999999999999999\r\n":       errBulkLen,
		"*1\r\n$536870913\r\n":                  errBulkLen,
		"*1\r\n$-1\r\n":                         errBulkLen,
		"*1\r\n$\r\n":                           errBulkLen,
		"*1\r\n$01\r\n":                         errBulkLen,
		"*1000000000\r\n":                       errMultibulkLen,
		"*2147483647\r\n":                       errMultibulkLen,
		"*1048577\r\n":                          errMultibulkLen,
		"*\r\n":                                 errMultibulkLen,
		"*a\r\n":                                errMultibulkLen,
		"*-0\r\n":                               errMultibulkLen,
		"*+1\r\n":                               errMultibulkLen,
		"*1\r\n:5\r\n":                          "expected '$', got ':'",
		"*1\r\n\r\n":                            "expected '$', got ' '",
		"*1\r\n\xffa\r\n":                       "expected '$', got '\xff'",
		"*" + strings.Repeat("1", maxLine+1):    errBigMultibulk,
		"*1\r\n" + strings.Repeat("$", 70_000):  errBigBulk,
		strings.Repeat("x", maxLine+1):          errBigInline,
		"PING\x00" + strings.Repeat("\n", 70e3): errBigInline, // a NUL hides the line's end
		"SET a \"b\r\n":                         errQuotes,
		"SET a 'b'c\r\n":                        errQuotes,
	} {
		for _, before := range []string{"", "GET a\r\n"} {
			reqs, err := frameAll(before+in, Limits{})
			if err != want || len(reqs) != strings.Count(before, "\n") {
				t.Errorf("%.40q: error %q after %d commands, want %q", before+in, err, len(reqs), want)
			}
		}
	}
}

func TestFramerLimits(t *testing.T) {
	limits := Limits{MaxBulk: 10, MaxArgs: 3, MaxQueryBuffer: 40}
	for in, want := range map[string]protocolError{
		"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n": "",
		"*4\r\n":                      errMultibulkLen,
		"*1\r\n$10\r\n0123456789\r\n": "",
		"*1\r\n$11\r\n":               errBulkLen,
		"*3\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n":        "",
		"*3\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n$10\r\n": errBigQuery,
	} {
		if _, err := frameAll(in, limits); err != want {
			t.Errorf("%q: error %q, want %q", in, err, want)
		}
	}
}

// A bulk that comes byte by byte once killed the process: each read cost a stack frame.
func TestFramerByteByByte(t *testing.T) {
	payload := strings.Repeat("x", 300<<10)
	in := string(appendCommand(nil, "SET", "k", payload)) + "PING\r\n"
	var pool bufferPool
	f := newFramer(Limits{}, &pool)
	f.trusted = true
	var got []request
	for i := range len(in) {
		f.space()[0] = in[i]
		f.commit(1)
		for {
			req, _, ok := f.next(nil)
			if !ok {
				break
			}
			got = append(got, request{raw: bytes.Clone(req.raw), args: req.args})
		}
	}
	if len(got) != 2 || string(got[0].raw)+"PING\r\n" != in {
		t.Fatalf("%d commands, want 2 unchanged", len(got))
	}
	f.space()
	if cap(f.buf) > bufferSize {
		t.Errorf("the buffer stays at %d bytes after a big command", cap(f.buf))
	}
	f.release()
	if f.buf != nil {
		t.Error("an idle framer keeps its buffer")
	}
}

// Many small arguments in small segments once took quadratic time.
func TestFramerManyArgumentsInSegments(t *testing.T) {
	args := make([]string, 160_000)
	for i := range args {
		args[i] = "a"
	}
	in := appendCommand(nil, args...)
	reqs, err := frameIn(in, 1460, Limits{})
	if err != "" || len(reqs) != 1 || len(reqs[0].args) != len(args) {
		t.Fatalf("%d commands, error %q", len(reqs), err)
	}
	newReading(Limits{}, new(bufferPool), maphash.MakeSeed()).feed(slices.Collect(slices.Chunk(in, 1460))...).check(t, "segments")
}

// A header promises memory that is not allocated before the bytes are there.
func TestFramerAllocatesForWhatHasCome(t *testing.T) {
	var pool bufferPool
	f := newFramer(Limits{}, &pool)
	f.trusted = true
	n := copy(f.space(), "*2\r\n$3\r\nSET\r\n$536870912\r\nabc")
	f.commit(n)
	if _, _, ok := f.next(nil); ok || f.err != "" {
		t.Fatalf("complete %v, error %q", ok, f.err)
	}
	f.space()
	if cap(f.buf) > bufferSize {
		t.Errorf("%d bytes allocated for %d", cap(f.buf), n)
	}
}

// Those who have not authenticated send little at a time. Whether one has shows
// when what came before is answered, so the framer waits for that.
func TestFramerDoubtsBigRequests(t *testing.T) {
	args := func(n int) string { return string(appendCommand(nil, strings.Fields(strings.Repeat("a ", n))...)) }
	bulk := func(n int) string { return string(appendCommand(nil, "SET", "k", strings.Repeat("x", n))) }
	for _, tc := range []struct {
		in    string
		doubt protocolError
	}{
		{args(10), ""}, {args(11), errStrangerArgs}, {"*2147483647\r\n", errStrangerArgs},
		{bulk(16384), ""}, {bulk(16385), errStrangerBulk},
		{strings.Repeat("a ", 11) + "\r\n", ""}, // inline: the line is bounded
	} {
		for _, trusted := range []bool{false, true} {
			f := newFramer(Limits{}, new(bufferPool))
			f.trusted = trusted && tc.doubt == ""
			var got []request
			for i := range len(tc.in) {
				f.space()[0] = tc.in[i]
				f.commit(1)
				req, _, ok := f.next(nil)
				if f.doubt != "" {
					if f.doubt != tc.doubt || ok {
						t.Fatalf("%.20q: doubt %q, want %q", tc.in, f.doubt, tc.doubt)
					}
					if _, _, ok = f.next(nil); ok || f.doubt == "" {
						t.Fatalf("%.20q: goes on in doubt", tc.in)
					}
					f.judge(trusted, true)
					req, _, ok = f.next(nil)
				}
				if ok {
					got = append(got, req)
				}
			}
			want, refused := 1, protocolError("")
			switch {
			case tc.doubt != "" && !trusted:
				want, refused = 0, tc.doubt
			case strings.HasPrefix(tc.in, "*2147483647"):
				want, refused = 0, errMultibulkLen
			}
			// A line stays one: as an array it would be refused, and the connection with it.
			if asIs := tc.in[0] == '*' || !trusted; len(got) == 1 && asIs != (string(got[0].raw) == tc.in) {
				t.Errorf("%.20q is handed out as %.20q", tc.in, got[0].raw)
			}
			if len(got) != want || f.err != refused {
				t.Errorf("%.20q, trusted %v: %d commands and %q, want %d and %q", tc.in, trusted, len(got), f.err, want, refused)
			}
		}
	}
}

func BenchmarkFramer(b *testing.B) {
	var pool bufferPool
	f := newFramer(Limits{}, &pool)
	one := appendCommand(nil, "DK.INC", "counter:1", "1")
	in := bytes.Repeat(one, bufferSize/len(one))
	arena := make([][]byte, 0, 8)
	b.SetBytes(int64(len(one)))
	n := 0
	for b.Loop() {
		_, _, ok := f.next(arena)
		if !ok {
			f.commit(copy(f.space(), in))
		}
		n++
	}
}

// frameAll frames all of in, in one piece.
func frameAll(in string, limits Limits) ([]request, protocolError) {
	return frameIn([]byte(in), len(in)+1, limits)
}

// frameIn frames in, given in pieces of at most step bytes; the requests are copies.
func frameIn(in []byte, step int, limits Limits) ([]request, protocolError) {
	var pool bufferPool
	f := newFramer(limits, &pool)
	f.trusted = true
	var out []request
	for len(in) > 0 && f.err == "" {
		n := copy(f.space(), in[:min(step, len(in))])
		f.commit(n)
		in = in[n:]
		for {
			req, _, ok := f.next(nil)
			if !ok {
				break
			}
			c := request{raw: bytes.Clone(req.raw)}
			for _, a := range req.args {
				c.args = append(c.args, bytes.Clone(a))
			}
			out = append(out, c)
		}
		f.release()
	}
	return out, f.err
}

func argsOf(reqs []request) [][][]byte {
	var all [][][]byte
	for _, r := range reqs {
		all = append(all, r.args)
	}
	return all
}
