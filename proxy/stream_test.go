package proxy

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// streamFramer hands out big commands in pieces, but not those named HELD.
func streamFramer(limits Limits) *framer {
	f := newFramer(limits, &bufferPool{})
	f.trusted = true
	f.mayStream = func(args [][]byte) bool { return len(args) == 0 || string(args[0]) != "HELD" }
	return &f
}

// streamAll frames in, given in pieces of at most step bytes: the commands' bytes,
// and for each whether it came in pieces.
func streamAll(f *framer, in []byte, step int) (out []byte, parts []bool, most int) {
	for len(in) > 0 && f.err == "" {
		n := copy(f.space(), in[:min(step, len(in))])
		f.commit(n)
		in = in[n:]
		for f.err == "" {
			if f.streams {
				raw, done := f.piece()
				out = append(out, raw...)
				if !done {
					break
				}
				continue
			}
			req, _, ok := f.next(nil)
			if !ok {
				break
			}
			out, parts = append(out, req.raw...), append(parts, req.part)
		}
		most = max(most, f.footprint())
		f.release()
	}
	return out, parts, most
}

func TestStreamedCommandIsByteExact(t *testing.T) {
	big := string(numbers(streamFrom + 500))
	in := appendCommand(nil, "SET", "k", big)
	in = appendCommand(in, "GET", "a")
	in = appendCommand(in, "HELD", big)
	in = appendCommand(in, big, "x", "")                   // a name alone
	in = appendCommand(in, make([]string, 20_000)...)      // the arguments' number
	in = appendCommand(in, "MSET", big[:9], big, "y", big) // more than one
	in = appendCommand(in, "PING")
	for _, step := range []int{1 << 20, 65536, 65535, 40_000, 1460, 7, 1} {
		f := streamFramer(Limits{})
		out, parts, _ := streamAll(f, in, step)
		if f.err != "" || !bytes.Equal(out, in) {
			t.Fatalf("in steps of %d: error %q, or other bytes", step, f.err)
		}
		if got := fmt.Sprint(parts); step < streamFrom && got != "[true false false true true true false]" {
			t.Errorf("in steps of %d these came in pieces: %v", step, got)
		}
	}
}

// Every place where a read may end, around each of the ends of a line.
func TestStreamedCommandSplitEverywhere(t *testing.T) {
	in := appendCommand(nil, "SET", string(numbers(streamFrom)), "", "\r\n", "ab")
	in = appendCommand(in, "GET", "a")
	for at := range in {
		if at > 40 && at < len(in)-60 {
			continue
		}
		f := streamFramer(Limits{})
		var out []byte
		for _, part := range [][]byte{in[:at], in[at:]} {
			got, _, _ := streamAll(f, part, 50_000)
			out = append(out, got...)
		}
		if f.err != "" || !bytes.Equal(out, in) {
			t.Fatalf("split at %d: error %q, or other bytes", at, f.err)
		}
	}
}

// What Redis lets pass between the arguments is made canonical here, too.
func TestStreamedCommandIsCanonical(t *testing.T) {
	want := appendCommand(nil, "SET", string(numbers(streamFrom)), "ab")
	in := bytes.ReplaceAll(want, []byte("\r\n$2\r\nab\r\n"), []byte("xy$2\rzabvw"))
	out, _, _ := streamAll(streamFramer(Limits{}), in, 1000)
	if !bytes.Equal(out, want) {
		t.Errorf("ends with %q", out[len(out)-20:])
	}
}

func TestStreamedCommandLimits(t *testing.T) {
	big := strings.Repeat("x", streamFrom)
	for rest, want := range map[string]protocolError{
		"$z\r\n":                       errBulkLen,
		"*1\r\n":                       "expected '$', got '*'",
		"$1048577\r\n":                 errBulkLen,
		"$1048576\r\n":                 errBigQuery,
		strings.Repeat("$", maxLine+2): errBigBulk,
	} {
		f := streamFramer(Limits{MaxBulk: 1 << 20, MaxQueryBuffer: 1<<20 + 1000})
		in := fmt.Sprintf("*4\r\n$3\r\nSET\r\n$%d\r\n%s\r\n%s", len(big), big, rest)
		if streamAll(f, []byte(in), 1000); f.err != want {
			t.Errorf("%.20q: error %q, want %q", rest, f.err, want)
		}
	}
}

// A big command takes no more memory than the buffer that its bytes are read into.
func TestStreamedCommandIsNotHeld(t *testing.T) {
	f := streamFramer(Limits{})
	in := appendCommand(nil, "SET", "k", string(numbers(8<<20)))
	if _, _, most := streamAll(f, in, bufferSize); most > 4*bufferSize {
		t.Errorf("%d bytes held for a command in pieces", most)
	}
}

// bigCommand is SET k with a value that comes in pieces, and its parts.
func bigCommand(n int) (head, value, end string) {
	return fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", n), string(numbers(n)), "\r\n"
}

func TestBigRequestStreams(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	const n = 64 << 20
	head, _, end := bigCommand(n)
	c.send("DKC.INC a")
	c.raw(head)
	c.expect(":1")
	go func() {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for range n / len(piece) {
			c.Conn.Write(piece)
		}
		io.WriteString(c.Conn, end+"DKC.INC a\r\n")
	}()
	up := r.redis.accept()
	up.expect(strings.TrimSuffix(head, "\r\n"))
	before := heldBytes()
	for range 4 {
		if _, err := io.CopyN(io.Discard, up.r, n/4); err != nil {
			t.Fatal(err)
		}
		if held := heldBytes() - before; held > maxAhead+4<<20 { // what is read ahead, and buffers
			t.Errorf("%d bytes are held of a request of %d", held, n)
		}
	}
	up.expect("")
	up.send("+OK")
	c.expect("+OK", ":2")
}

// heldBytes is what is in use, with the garbage taken out.
func heldBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first leaves what lies in pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestBigRequestWhileRedisIsAway(t *testing.T) {
	r := newRig(t, nil)
	r.redis.ln.Close()
	c := r.client()
	head, value, end := bigCommand(1 << 20)
	c.raw(head + value + end + "DKC.INC a\r\n")
	c.expect(strings.TrimSuffix(errNoRedis, "\r\n"), ":1")
}

func TestBigRequestThatIsDenied(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Deny = []string{"SET"} })
	c := r.client()
	head, value, end := bigCommand(1 << 20)
	refused := strings.TrimSuffix(refusal("set"), "\r\n")
	c.raw(head + value + end + "DKC.INC a\r\n")
	c.expect(refused, ":1")

	c.send("MULTI")
	up := r.redis.accept()
	up.gets("MULTI")
	up.send("+OK")
	c.expect("+OK")
	c.raw(head + value + end + "EXEC\r\n")
	up.gets("GET")
	up.send("-ERR wrong number of arguments for 'get' command")
	c.expect(refused)
	up.gets("EXEC")
	up.send("-EXECABORT")
	c.expect("-EXECABORT")
}

// Nothing is executed of a command that does not come to its end.
func TestBigRequestThatDoesNotEnd(t *testing.T) {
	for name, end := range map[string]func(c *wire){
		"client leaves":   func(c *wire) { c.Close() },
		"protocol error":  func(c *wire) { c.raw("\r\n$z\r\n"); c.expect("-ERR Protocol error: invalid bulk length"); c.ends() },
		"the proxy stops": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.client()
			const n = 1 << 20
			c.raw(fmt.Sprintf("*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", n) + string(numbers(n)))
			up := r.redis.accept()
			got := make([]byte, n)
			if _, err := io.ReadFull(up.r, got); err != nil {
				t.Fatal(err)
			}
			if end == nil {
				r.srv.mu.Lock()
				for conn := range r.srv.conns {
					conn.drain()
				}
				r.srv.mu.Unlock()
			} else {
				end(c)
			}
			rest, err := io.ReadAll(up.r)
			if err != nil && isTimeout(err) || bytes.Contains(rest, []byte("$z")) {
				t.Errorf("Redis read %d bytes more, %v", len(rest), err)
			}
		})
	}
}

// What Redis says in the middle of a command reaches the client, which is closed.
func TestBigRequestThatRedisCutsShort(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	const n = 64 << 20
	head, _, _ := bigCommand(n)
	c.raw(head + strings.Repeat("x", 1<<20))
	up := r.redis.accept()
	up.expect(strings.TrimSuffix(head, "\r\n"))
	if _, err := io.CopyN(io.Discard, up.r, 1<<20); err != nil {
		t.Fatal(err)
	}
	up.send("-ERR Protocol error: invalid bulk length")
	up.Close()
	c.raw("x") // wakes the proxy
	c.expect("-ERR Protocol error: invalid bulk length")
	c.ends()
}

func TestBigRequestInMulti(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	head, value, end := bigCommand(1 << 20)
	go io.WriteString(c.Conn, "MULTI\r\n"+head+value+end+"EXEC\r\n")
	up := r.redis.accept()
	up.gets("MULTI")
	up.send("+OK")
	up.expect(strings.TrimSuffix(head+value+end, "\r\n"))
	up.send("+QUEUED")
	up.gets("EXEC")
	up.send("*1", "+OK")
	c.expect("+OK", "+QUEUED", "*1", "+OK")
}

func TestBigRequestOnAPump(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Deny = []string{"GETSET"} })
	c := r.client()
	c.send("CLIENT REPLY ON")
	up := r.redis.accept()
	up.gets("CLIENT REPLY ON")
	head, value, end := bigCommand(1 << 20)
	denied := string(appendCommand(nil, "GETSET", "k", value))
	go io.WriteString(c.Conn, "PING\r\n"+head+value+end+denied+"PING\r\n")
	up.gets("PING")
	up.expect(strings.TrimSuffix(head+value+end, "\r\n"))
	up.gets(refusedPrefix+"getset", "PING")
	up.send("+OK")
	c.expect("+OK")
	if got := r.srv.metrics.refused.Load(); got != 1 {
		t.Errorf("%d commands refused", got)
	}
}

// What is ours is held whole, however long.
func TestBigRequestOfOurs(t *testing.T) {
	r := newRig(t, nil)
	c := r.client()
	c.raw(string(appendCommand(nil, append([]string{"DKC.MGET"}, strings.Split(strings.Repeat("a ", 20_000)+"a", " ")...)...)))
	c.expect("*20001", ":0")
}
