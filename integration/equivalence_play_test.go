package integration

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// equivalence is a Redis, and another that a proxy stands in front of while a
// program runs.
type equivalence struct {
	plain, behind *control
	redis         string         // the address of the first
	link          *loopback.Link // to the second
}

// equivalentDBs is the number of databases that programs write to, from 0.
const equivalentDBs = 4

// library is what programs call by name: a function, and a script by its digest.
var library = [][]string{
	{"FUNCTION", "LOAD", "#!lua name=equivalence\n" +
		"redis.register_function('bump', function(keys, args) return redis.call('INCRBY', keys[1] or args[1], args[2] or 1) end)\n" +
		"redis.register_function{function_name='peek', callback=function(keys, args) return redis.call('GET', keys[1] or args[1]) end, flags={'no-writes'}}"},
	{"SCRIPT", "LOAD", bumpScript},
}

const (
	bumpScript = "return redis.call('INCR', KEYS[1] or ARGV[1])"
	bumpDigest = "447db341042431ac1ef07a51e0089811f2358191"
)

func newEquivalence(t *testing.T) *equivalence {
	plain, behind := startRedis(t), startRedis(t)
	e := &equivalence{plain: newControl(t, plain, ""), behind: newControl(t, behind, ""), redis: plain.addr, link: startLink(t, behind.addr)}
	for _, c := range []*control{e.plain, e.behind} {
		replies, err := c.ask(library...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(replies[1], bumpDigest) || strings.HasPrefix(replies[0], "-") {
			t.Fatalf("the library: %q", replies)
		}
	}
	return e
}

// run runs a program on both sides and returns how they differ, "" if they do
// not.
func (e *equivalence) run(t testing.TB, p program) (diff string) {
	for _, c := range []*control{e.plain, e.behind} {
		if _, err := c.ask([]string{"FLUSHALL"}); err != nil {
			t.Fatal(err)
		}
	}
	e.link.Set(func(f *loopback.Faults) { f.Delay = p.delay })
	proxy := startProxy(t, realBackend(e.link.Addr()), engine.Options{
		FlushInterval: 3 * time.Millisecond, AllowedLag: 3 * time.Millisecond, RareFrom: 1,
		Lax: []engine.Pattern{{Glob: "c:*", FlushInterval: p.interval, AllowedLag: p.lag}, {Glob: "d:[a-z]"}},
	})
	defer proxy.stop(5 * time.Second)
	want, got := &clients{addr: e.redis}, &clients{addr: proxy.addr}
	defer want.close()
	defer got.close()
	for i := range p.writes {
		if diff := sameReplies(t, &p.writes[i], want, got); diff != "" {
			return fmt.Sprintf("write %d, %.200s: %s", i+1, p.writes[i], diff)
		}
	}
	flush := write{conn: 0, commands: [][]string{{"DK.FLUSH"}}}
	replies, err := got.send(&flush)
	if err != nil || replies[0][0] != ':' {
		return fmt.Sprintf("DK.FLUSH: %q, %v", replies, err)
	}
	return e.differInData(t)
}

// sameReplies sends a write to both and compares the replies.
func sameReplies(t testing.TB, w *write, plain, behind *clients) string {
	want, err := plain.send(w)
	if err != nil {
		t.Fatalf("Redis itself: %v after %.300s", err, w)
	}
	got, err := behind.send(w)
	for i, args := range w.commands {
		if i >= len(got) {
			return fmt.Sprintf("%.100s: no reply (%v), want %.300q", args, err, want[i])
		}
		if !plain.of(w.conn).alike(args, want[i], got[i]) {
			a, b := around(want[i], got[i])
			return fmt.Sprintf("%.100s: %q, Redis: %q", args, b, a)
		}
	}
	return ""
}

// clients are the connections to one server.
type clients struct {
	addr  string
	conns []*equivalentConn
}

// equivalentConn is a connection, and what MULTI has queued on it.
type equivalentConn struct {
	*comparedConn
	queued [][]string
}

// of returns a connection, which is made at its first use.
func (c *clients) of(n int) *equivalentConn {
	for len(c.conns) <= n {
		c.conns = append(c.conns, nil)
	}
	if c.conns[n] == nil {
		conn, err := dialCompared(c.addr)
		if err != nil {
			panic(err)
		}
		c.conns[n] = &equivalentConn{comparedConn: conn}
	}
	return c.conns[n]
}

func (c *clients) close() {
	for _, conn := range c.conns {
		if conn != nil {
			conn.conn.Close()
		}
	}
}

// send sends a write and returns the replies that came.
func (c *clients) send(w *write) (replies []string, err error) {
	conn := c.of(w.conn)
	if w.reconnect {
		conn.conn.Close()
		c.conns[w.conn] = nil
		return nil, nil
	}
	for _, args := range w.commands {
		conn.out = append(conn.out, command(args...)...)
	}
	if err := conn.write(nil); err != nil {
		return nil, err
	}
	conn.conn.SetReadDeadline(time.Now().Add(patience))
	for range w.commands {
		frame, err := readFrame(conn.in)
		for err == nil && frame[0] == '>' { // when CLIENT TRACKING tells of a key is not compared
			frame, err = readFrame(conn.in)
		}
		if err != nil {
			return replies, err
		}
		replies = append(replies, frame)
	}
	return replies, conn.written()
}

// alike reports whether two replies to a command of the connection are one, but
// for what two servers may say differently. It follows what MULTI queues.
func (c *equivalentConn) alike(args []string, want, got string) bool {
	if want == "+QUEUED\r\n" {
		c.queued = append(c.queued, args)
		return want == got
	}
	queued := c.queued
	switch strings.ToLower(args[0]) {
	case "exec", "discard", "reset":
		c.queued = nil
	}
	if want == got {
		return true
	}
	a, b := itemsOf(want), itemsOf(got)
	if strings.ToLower(args[0]) != "exec" || len(a) != len(queued) || len(b) != len(a) {
		return alike(args, want, got)
	}
	for i := range a {
		if !alike(queued[i], a[i], b[i]) {
			return false
		}
	}
	return true
}

// Exceptions from equal bytes, with the reasons.
const (
	maxSlack   = 8000 // ms that two servers may be apart in what is left of a time to live
	maxRecords = 100  // batch records in one database: those of each pace, and of runs that ended with SWAPDB or FLUSHALL
)

// recordPrefix begins the names of the one thing that a proxy adds to a database.
const recordPrefix = "distkit:lax:flush:"

// alike is equality but for the time that passes between the two servers, the
// order of what has none, chance, and the proxy's batch records.
func alike(args []string, want, got string) bool {
	if want == got {
		return true
	}
	if want[0] == '-' || got[0] == '-' {
		return false
	}
	switch strings.ToLower(args[0]) {
	case "ttl", "expiretime":
		return near(want, got, maxSlack/1000)
	case "pttl", "pexpiretime":
		return near(want, got, maxSlack)
	case "hello":
		return helloID(want) == helloID(got)
	case "randomkey":
		return want[0] == got[0] || strings.Contains(got, recordPrefix)
	case "keys", "scan":
		return unrecorded(want) == unrecorded(got)
	case "dbsize":
		a, b := number(want), number(got)
		return a <= b && b <= a+maxRecords
	}
	return false
}

// near reports whether two integers are next to each other; negative ones are equal.
func near(want, got string, slack int64) bool {
	a, b := number(want), number(got)
	return a > 0 && b > 0 && max(a, b)-min(a, b) <= slack
}

func number(frame string) int64 {
	n, _ := strconv.ParseInt(strings.Trim(frame, ":\r\n"), 10, 64)
	return n
}

// unrecorded is an array, and those in it, in order and without the proxy's records.
func unrecorded(frame string) string {
	items := itemsOf(frame)
	if items == nil {
		return frame
	}
	kept := items[:0]
	for _, item := range items {
		switch {
		case item[0] == '*':
			kept = append(kept, unrecorded(item))
		case !strings.Contains(item, "\r\n"+recordPrefix):
			kept = append(kept, item)
		}
	}
	slices.Sort(kept)
	return fmt.Sprintf("%c%d\r\n%s", frame[0], len(kept), strings.Join(kept, ""))
}

// dumpScript returns name, content and time to live of every key of a database but
// the proxy's records.
const dumpScript = `
redis.call('SELECT', ARGV[1])
local out, keys = {}, redis.call('KEYS', '*')
table.sort(keys)
for _, key in ipairs(keys) do
  if string.sub(key, 1, #ARGV[2]) ~= ARGV[2] then
    out[#out + 1] = {key, redis.call('OBJECT', 'ENCODING', key), redis.call('DUMP', key), redis.call('PTTL', key)}
  end
end
return out`

// differInData tells how the data differ, "" if they do not.
func (e *equivalence) differInData(t testing.TB) string {
	for db := range equivalentDBs {
		dump := []string{"EVAL", dumpScript, "0", strconv.Itoa(db), recordPrefix}
		want, err1 := e.plain.ask(dump)
		got, err2 := e.behind.ask(dump)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		a, b := itemsOf(want[0]), itemsOf(got[0])
		for i := range max(len(a), len(b)) {
			switch {
			case i >= len(a):
				return fmt.Sprintf("database %d has %q, and in Redis there is nothing", db, b[i])
			case i >= len(b):
				return fmt.Sprintf("database %d has no %q", db, a[i])
			case !alikeData(itemsOf(a[i]), itemsOf(b[i])):
				return fmt.Sprintf("database %d has %q, Redis: %q", db, b[i], a[i])
			}
		}
	}
	return ""
}

func alikeData(want, got []string) bool {
	const ttl = 3
	return slices.Equal(want[:ttl], got[:ttl]) && alike([]string{"pttl"}, want[ttl], got[ttl])
}
