package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/hostile"
)

// step is a command of a pipeline. One of ours has its own reply; what Redis
// says to the others is asked of a Redis directly.
type step struct {
	raw    string
	own    string
	silent bool // there is no reply
}

func foreign(args ...string) step { return step{raw: hostile.Command(args...)} }
func unanswered(args ...string) step {
	return step{raw: hostile.Command(args...), silent: true}
}
func increments(key string, total int) step {
	return step{raw: hostile.Command("DKC.INC", key), own: ":" + strconv.Itoa(total) + "\r\n"}
}

// bigSteps is a pipeline with arguments of n bytes among commands of ours.
func bigSteps(r *rand.Rand, key string, n int) []step {
	v, w := noise(r, n), noise(r, n/2)
	many := append([]string{"EXISTS"}, strings.Split(strings.Repeat("a ", n/8)+"a", " ")...)
	in := func(i int) step { return increments(key+"-n", i) }
	return []step{
		in(1), foreign("SET", key, v), in(2), foreign("GET", key), foreign("APPEND", key, w), {raw: "strlen " + key + "\r\n"}, foreign("GET", key), in(3),
		foreign("MSET", key+"a", v, key+"b", w, key+"c", ""), foreign("MGET", key+"a", key+"b", key+"c"),
		in(4), in(5), foreign("EVAL", "return {#ARGV[1], ARGV[2], redis.sha1hex(ARGV[1])}", "0", v, "tail"), foreign(many...), in(6),
		foreign("SET", key, v, "BOGUS"), foreign("NOSUCH", v), foreign(v), foreign("GET", key, v), in(7),
		foreign("MULTI"), foreign("SET", key, w), foreign("APPEND", key, v), foreign("GET", key), foreign("EXEC"), in(8),
		foreign("MULTI"), foreign("SET", key, v, "BOGUS"), foreign("NOSUCH", v), foreign("EXEC"), foreign("GET", key), in(9),
		foreign("WATCH", key), foreign("MULTI"), foreign("SET", key, v), foreign("DISCARD"), foreign("RESET"), foreign("SET", key, w), in(10),
	}
}

// pumpedSteps are pipelines after which replies are not one for one.
func pumpedSteps(r *rand.Rand, key string, n int) []step {
	v := noise(r, n)
	return []step{
		increments(key+"-n", 1), foreign("SET", key, v), unanswered("CLIENT", "REPLY", "SKIP"), unanswered("SET", key, v[1:]), foreign("GET", key),
		unanswered("CLIENT", "REPLY", "OFF"), unanswered("APPEND", key, v), unanswered("GET", key), foreign("CLIENT", "REPLY", "ON"), foreign("GET", key),
		foreign("SUBSCRIBE", key), foreign("SET", key, v), foreign("PING", v), foreign("UNSUBSCRIBE", key), foreign("GET", key),
	}
}

// noise is n bytes with much in them that looks like the protocol.
func noise(r *rand.Rand, n int) string {
	const alphabet = "*$\r\n0123456789+-:ab\x00\xff"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// Big commands, which go to Redis in pieces, do what they do without a proxy:
// every reply is the same to the byte, among commands of ours and wherever the
// stream is cut.
func TestBigRequestsAreAsWithoutAProxy(t *testing.T) {
	t.Parallel()
	direct, behind := startRedis(t), startRedis(t)
	p := startProxy(t, realBackend(behind.addr), engine.Options{})
	var wg sync.WaitGroup
	for i, n := range []int{
		1 << 10, 16<<10 - 1, 16 << 10, 16<<10 + 1, 32<<10 - 40, 32<<10 - 1, 32 << 10, 32<<10 + 1,
		64<<10 - 60, 64<<10 - 40, 64<<10 - 30, 64<<10 - 1, 64 << 10, 64<<10 + 1, 128<<10 + 7, 1 << 20,
	} {
		for name, steps := range map[string]func(*rand.Rand, string, int) []step{"plain": bigSteps, "pumped": pumpedSteps} {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				key := fmt.Sprint(name, ":", n)
				if err := sameAnswers(r, direct.addr, p.addr, name == "pumped", steps(r, key, n)); err != nil {
					t.Errorf("%s, %d bytes: %v", name, n, err)
				}
			})
		}
	}
	wg.Go(func() {
		r := rand.New(rand.NewPCG(1, 2))
		v := strings.Repeat(noise(r, 1<<20), 20)
		steps := []step{increments("huge", 1), foreign("SET", "huge", v), increments("huge", 2), foreign("GET", "huge"), increments("huge", 3)}
		if err := sameAnswers(r, direct.addr, p.addr, false, steps); err != nil {
			t.Errorf("20 MB: %v", err)
		}
	})
	wg.Wait()
}

// sameAnswers sends the steps to the proxy in one pipeline, cut at random
// places, and compares the replies with what Redis says to them one by one.
func sameAnswers(r *rand.Rand, direct, proxy string, resp3 bool, steps []step) error {
	d, err := dialReplies(direct, resp3)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := dialReplies(proxy, resp3)
	if err != nil {
		return err
	}
	defer p.Close()
	var all bytes.Buffer
	for _, s := range steps {
		all.WriteString(s.raw)
	}
	go func() {
		for all.Len() > 0 {
			if _, err := p.Write(all.Next(1<<r.IntN(20) + r.IntN(3))); err != nil {
				return // the reader sees it
			}
		}
	}()
	for i, s := range steps {
		want := s.own
		if want == "" {
			if _, err := io.WriteString(d, s.raw); err != nil {
				return err
			}
		}
		if s.silent {
			continue
		}
		if want == "" {
			if want, err = d.reply(); err != nil {
				return fmt.Errorf("step %d, Redis: %w", i, err)
			}
		}
		if got, err := p.reply(); err != nil || got != want {
			return fmt.Errorf("step %d, %.40q: %d bytes %.80q (%v), Redis: %d bytes %.80q", i, s.raw, len(got), got, err, len(want), want)
		}
	}
	return nil
}

// replyConn reads replies as they are.
type replyConn struct {
	net.Conn
	r *bufio.Reader
}

func dialReplies(addr string, resp3 bool) (*replyConn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &replyConn{conn, bufio.NewReader(conn)}
	conn.SetDeadline(time.Now().Add(time.Minute))
	if resp3 {
		if _, err = io.WriteString(conn, "HELLO 3\r\n"); err == nil {
			_, err = c.reply()
		}
	}
	return c, err
}

// reply reads one reply, or one push.
func (c *replyConn) reply() (string, error) {
	var b strings.Builder
	for left := 1; left > 0; left-- {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), err
		}
		n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
		switch line[0] {
		case '*', '>', '~':
			left += max(n, 0)
		case '%':
			left += 2 * n
		case '$', '=':
			if n >= 0 {
				if _, err := io.CopyN(&b, c.r, int64(n)+2); err != nil {
					return b.String(), err
				}
			}
		}
	}
	return b.String(), nil
}

// A Redis that goes away in the middle of a big command has not executed it, and
// what came before it in the pipeline is answered once.
func TestRedisGoesInABigRequest(t *testing.T) {
	t.Parallel()
	r := startRedis(t, durable...) // what is flushed before it goes has to be there
	p := startProxy(t, realBackend(r.addr), engine.Options{})
	c, err := dialReplies(p.addr, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 1 << 20
	fmt.Fprintf(c, "%s%s*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s", hostile.Command("DKC.INC", "a"), hostile.Command("INCR", "n"), n, strings.Repeat("x", n/2))
	for range 2 {
		if got, err := c.reply(); got != ":1\r\n" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	r.kill()
	r.start()
	io.WriteString(c, strings.Repeat("x", n/2)+"\r\n") // an error is an end, too
	if rest, err := c.reply(); rest != "" && !strings.HasPrefix(rest, "-") {
		t.Fatalf("read %.80q, %v", rest, err)
	}
	again := client(t, p.addr)
	same(t, "what was cut", raw(t, again, "EXISTS", "k"), int64(0))
	same(t, "a counter", raw(t, again, "DKC.INC", "a"), int64(2))
}
