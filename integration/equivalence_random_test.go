package integration

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// dice makes random programs.
type dice struct {
	*rand.Rand
	own     []string // keys that are used most in this program
	pasts   bool     // SET may set moments that are past: such keys count in DBSIZE until Redis looks
	expires int      // relative times to live so far; none occurs twice, as two servers are not equally fast
}

// Names of keys. Those that begin with c: are counted, of d: those with one letter.
var (
	laxKeys      = []string{"c:a", "c:b", "c:c", "d:a", "d:b"}
	ordinaryKeys = []string{"o:a", "o:b", "d:aa"}
	oddKeys      = []string{"c:", "c:{a}", "c:\x00\xff\r\n", "c:" + strings.Repeat("k", 1022), "c:" + strings.Repeat("k", 1023), "", "C:a"}
)

// Values that SET and its like are given, and what INCRBY is.
var (
	values = []string{"0", "1", "5", "-7", "10000", "123456789", "9223372036854775806", "9223372036854775807", "-9223372036854775808",
		"", "x", "1.5", "012", "-0", "+5", " 12", "12 ", "9223372036854775808", "123456789012345678901", "0x10", "1e3", "text and more", strings.Repeat("v", 70_000)}
	deltas = []string{"1", "2", "-3", "10", "100", "0", "-1", "5000000000", "9223372036854775807", "-9223372036854775808", "-9223372036854775807",
		"", "x", "1.5", "012", "+5", " 5", "5 ", "-0", "9223372036854775808", "123456789012345678901"}
	payloads = []string{
		"\x00\xc0\x05\n\x00c/_f\x83/\xb3Q", "\x00\xc2\xe0\x93\x04\x00\n\x00\xf0^\xfa\xb0\x86A/\xc9", "\x00\x05hello\n\x00cr\xdfve4 \n", "no payload",
		"\x12\x01\x02\r\r\x00\x00\x00\x02\x00\x81x\x02\x81y\x02\xff\n\x00~\x97[V\x8d\x1a\xfao", "\x00\x139223372036854775807\n\x00:e~\x94\x81\xe8_\"",
	}
)

// randomProgram makes the n-th program of a seed.
func randomProgram(seed, n uint64) program {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, n))}
	d.pasts = d.IntN(6) == 0
	d.own = []string{d.pick(laxKeys), d.pick(laxKeys), d.pick(ordinaryKeys)}
	intervals := []time.Duration{time.Millisecond, 10 * time.Millisecond, time.Minute}
	lags := []time.Duration{time.Millisecond, 20 * time.Millisecond, time.Minute}
	p := program{interval: intervals[d.IntN(3)], lag: lags[d.IntN(3)]}
	if d.IntN(4) == 0 {
		p.delay = time.Duration(200+d.IntN(1000)) * time.Microsecond
	}
	conns := 1 + d.IntN(3)
	length := 30 + d.IntN(170)
	if p.delay > 0 {
		length /= 3
	}
	for len(p.writes) < length {
		switch a, b := 1+d.IntN(conns), 1+d.IntN(conns); d.IntN(20) {
		case 0:
			p.writes = append(p.writes, d.watched(a, b)...)
		case 1:
			p.writes = append(p.writes, d.elsewhere(a, b)...)
		default:
			p.writes = append(p.writes, d.write(a))
		}
	}
	return p
}

// watched is a transaction of a client that watches a key, with what may happen to it
// in between.
func (d *dice) watched(a, b int) []write {
	d.Shuffle(len(d.own), func(i, j int) { d.own[i], d.own[j] = d.own[j], d.own[i] })
	k := d.own[0]
	ws := []write{one(a, "UNWATCH"), one(a, "WATCH", k)}
	if d.IntN(2) == 0 {
		ws = append(ws, one(b, d.any("INCR", "GET", "DECR", "TTL", "DEL")[0], k))
	}
	in := write{conn: a, commands: [][]string{{"MULTI"}, d.command(), {"EXEC"}}}
	return append(ws, in, one(b, "GET", k))
}

// elsewhere is what a client does to a key of a database in which another looks at it.
func (d *dice) elsewhere(a, b int) []write {
	here, there := strconv.Itoa(d.IntN(equivalentDBs)), strconv.Itoa(d.IntN(equivalentDBs))
	from, to := d.key(), d.key()
	ws := []write{one(a, "SELECT", there), one(a, d.any("GET", "INCR")[0], to), one(b, "SELECT", here), one(b, d.any("GET", "INCR")[0], from)}
	if a == b {
		ws = append(ws, one(b, "SELECT", here))
	}
	switch d.IntN(5) {
	case 0:
		ws = append(ws, one(b, "DEL", from), one(b, "INCR", from), one(b, "MOVE", from, there))
	case 1:
		ws = append(ws, one(b, "COPY", from, to, "DB", there, "REPLACE"))
	case 2:
		ws = append(ws, one(b, "SWAPDB", here, there))
	case 3:
		ws = append(ws, one(b, "EVAL", "redis.call('SELECT', ARGV[1]) return redis.call('INCR', ARGV[2])", "0", there, to))
	case 4:
		ws = append(ws, write{conn: b, commands: [][]string{{"MULTI"}, {"SELECT", there}, {"INCR", to}, {"EXEC"}}})
	}
	ws = append(ws, one(a, "SELECT", there), one(a, d.any("GET", "INCR")[0], to), one(a, "GET", from))
	return append(ws, one(a, "SELECT", "0"), one(b, "SELECT", "0"))
}

func one(conn int, args ...string) write { return write{conn: conn, commands: [][]string{args}} }

func (d *dice) write(conn int) write {
	w := write{conn: conn}
	switch n := d.IntN(100); {
	case n < 1:
		w.reconnect = true
	case n < 6:
		w.commands = d.transaction()
	case n < 35:
		for range 2 + d.IntN(10) {
			w.commands = append(w.commands, d.command())
		}
	default:
		w.commands = [][]string{d.command()}
	}
	return w
}

// transaction is a whole MULTI in one write, as many libraries send it.
func (d *dice) transaction() (commands [][]string) {
	if d.IntN(3) == 0 {
		commands = append(commands, d.counting())
	}
	commands = append(commands, []string{"MULTI"})
	for range d.IntN(6) {
		commands = append(commands, d.command())
	}
	commands = append(commands, d.any("EXEC", "EXEC", "EXEC", "DISCARD"))
	if d.IntN(3) == 0 {
		commands = append(commands, d.counting())
	}
	return commands
}

func (d *dice) command() []string {
	var args []string
	switch n := d.IntN(100); {
	case n < 45:
		args = d.counting()
	case n < 78:
		args = d.stringCommand()
	case n < 86:
		args = d.otherType()
	case n < 91:
		args = d.script()
	case n < 95:
		args = d.database()
	default:
		args = d.session()
	}
	switch n := d.IntN(100); {
	case args[0] == "BLPOP" || args[0] == "SCAN" || args[0] == "SADD": // that could last, go as far as Redis likes, or have no order
	case n == 0:
		args = append(args, d.pick(values))
	case n == 1:
		args = args[:1+d.IntN(len(args))]
	case n == 2:
		args[0] = strings.ToLower(args[0])
	}
	return args
}

// counting is a command that may be answered from memory.
func (d *dice) counting() []string {
	switch d.IntN(12) {
	case 0, 1, 2:
		return []string{"INCR", d.key()}
	case 3, 4:
		return []string{"INCRBY", d.key(), d.delta()}
	case 5:
		return []string{"DECR", d.key()}
	case 6:
		return []string{"DECRBY", d.key(), d.delta()}
	case 7:
		return append([]string{"MGET"}, d.keys(6)...)
	}
	return []string{"GET", d.key()}
}

// stringCommand is one that a string key may be held for.
func (d *dice) stringCommand() []string {
	k := d.key()
	return d.oneOf(
		func() []string { return d.set(k) },
		func() []string { return d.set(k) },
		func() []string { return []string{"SET", k, d.value()} },
		func() []string { return []string{"GETSET", k, d.value()} },
		func() []string { return []string{"GETDEL", k} },
		func() []string { return append([]string{"GETEX", k}, d.expiryOption("PERSIST")...) },
		func() []string { return []string{"SETRANGE", k, d.any("0", "1", "3")[0], d.value()} },
		func() []string { return []string{d.any("GETRANGE", "SUBSTR")[0], k, "0", d.any("-1", "2")[0]} },
		func() []string { return []string{"APPEND", k, d.any("", "1", "0", "x")[0]} },
		func() []string { return []string{"INCRBYFLOAT", k, d.any("1", "1.5", "-2.5e2", "x")[0]} },
		func() []string { return append(d.any("DEL", "DEL", "UNLINK"), d.keys(3)...) },
		func() []string { return append(d.any("EXISTS", "TOUCH"), d.keys(3)...) },
		func() []string { return d.expire(k) },
		func() []string { return d.expire(k) },
		func() []string { return append(d.any("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"), k) },
		func() []string { return append(d.any("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"), k) },
		func() []string { return append(d.any("RENAME", "RENAMENX"), k, d.key()) },
		func() []string { return d.copy(k) },
		func() []string { return []string{"MOVE", k, d.db()} },
		func() []string { return []string{"DUMP", k} },
		func() []string { return d.restore(k) },
		func() []string { return append(d.any("OBJECT ENCODING", "OBJECT ENCODING", "OBJECT REFCOUNT"), k) },
		func() []string { return append(d.any("TYPE", "STRLEN", "BITCOUNT"), k) },
		func() []string { return append(d.any("TYPE", "STRLEN", "GETBIT"), k) },
		func() []string { return []string{"SETBIT", k, strconv.Itoa(d.IntN(20)), d.any("0", "1")[0]} },
		func() []string { return []string{"SETEX", k, d.seconds(), d.value()} },
		func() []string { return []string{"PSETEX", k, d.seconds() + "000", d.value()} },
		func() []string { return []string{"SETNX", k, d.value()} },
		func() []string { return append(d.any("MSET", "MSETNX"), k, d.value(), d.key(), d.value()) },
		func() []string { return append([]string{"LCS", k, d.key()}, d.any("", "LEN", "IDX")...) },
		func() []string { return []string{"BITOP", d.any("AND", "NOT", "XOR")[0], d.key(), k} },
		func() []string { return []string{"BITFIELD", k, "INCRBY", "u8", "0", "1"} },
	)
}

func (d *dice) set(k string) []string {
	args := []string{"SET", k, d.value()}
	for _, option := range []string{"NX", "XX", "GET"} {
		if d.IntN(4) == 0 {
			args = append(args, option)
		}
	}
	if d.IntN(3) == 0 {
		args = append(args, d.expiryOption("KEEPTTL")...)
	}
	return args
}

// Moments, in seconds, none of which is near the present.
var moments = []string{"4102444800", "4102444801", "5000000000", "1", "1000000000"}

// expiryOption is an option of SET and GETEX, or nothing.
func (d *dice) expiryOption(other string) []string {
	switch d.IntN(5) {
	case 0:
		return []string{"EX", d.seconds()}
	case 1:
		return []string{"PX", d.seconds() + "000"}
	case 2:
		return []string{"EXAT", d.moment()}
	case 3:
		return []string{"PXAT", d.moment() + "000"}
	}
	if d.IntN(2) == 0 {
		return nil
	}
	return []string{other}
}

// moment is one that may be past only where that removes a key at once.
func (d *dice) moment() string {
	if d.pasts {
		return d.pick(moments)
	}
	return d.pick(moments[:3])
}

// seconds is a time to live that no other in the program comes near.
func (d *dice) seconds() string {
	d.expires++
	return strconv.Itoa(10_000 * (1 + d.expires*7919%5000))
}

func (d *dice) expire(k string) []string {
	var args []string
	switch d.IntN(5) {
	case 0:
		args = []string{"EXPIRE", k, d.seconds()}
	case 1:
		args = []string{"PEXPIRE", k, d.seconds() + "000"}
	case 2:
		args = []string{"EXPIREAT", k, d.pick(moments)}
	case 3:
		args = []string{"PEXPIREAT", k, d.pick(moments) + "000"}
	case 4:
		args = []string{d.any("EXPIRE", "PEXPIRE")[0], k, d.any("0", "-1", "x")[0]}
	}
	if d.IntN(3) == 0 {
		args = append(args, d.any("NX", "XX", "GT", "LT")...)
	}
	return args
}

func (d *dice) copy(k string) []string {
	args := []string{"COPY", k, d.key()}
	if d.IntN(2) == 0 {
		args = append(args, "DB", d.db())
	}
	if d.IntN(2) == 0 {
		args = append(args, "REPLACE")
	}
	return args
}

func (d *dice) restore(k string) []string {
	args := []string{"RESTORE", k, "0", d.pick(payloads)}
	switch d.IntN(4) {
	case 0:
		args[2] = d.seconds() + "000"
	case 1:
		args[2] = d.pick(moments) + "000"
		args = append(args, "ABSTTL")
	}
	if d.IntN(3) > 0 {
		args = append(args, "REPLACE")
	}
	return args
}

// otherType is a command on keys that are no strings, or one that sorts.
func (d *dice) otherType() []string {
	k := d.key()
	return d.oneOf(
		func() []string { return []string{"LPUSH", k, d.any("a", "b", "c")[0], d.any("a", "b", "1")[0]} },
		func() []string { return []string{"RPUSH", k, "2", "1"} },
		func() []string { return append(d.any("LPOP", "RPOP", "LLEN", "HGETALL", "SMEMBERS"), k) },
		func() []string { return []string{"LRANGE", k, "0", "-1"} },
		func() []string { return []string{"HSET", k, "f", d.value()} },
		func() []string { return []string{"HINCRBY", k, "f", d.delta()} },
		func() []string { return []string{"SADD", k, "1"} },
		func() []string { return []string{"ZADD", k, "1", "a"} },
		func() []string { return []string{"LMOVE", k, d.key(), "LEFT", "RIGHT"} },
		func() []string { return []string{"LMPOP", "2", k, d.key(), "LEFT"} },
		func() []string { return []string{"BLPOP", k, d.key(), "0.001"} },
		func() []string { return []string{"SORT", k, "ALPHA"} },
		func() []string {
			return []string{"SORT", k, "BY", "c:*", "GET", "#", "GET", d.any("c:*", "o:*", "d:*")[0]}
		},
		func() []string { return []string{"SORT", k, "BY", "nosort", "GET", "c:*"} },
		func() []string { return []string{"SORT", k, "ALPHA", "STORE", d.key()} },
		func() []string { return []string{"SORT_RO", k, "ALPHA", "GET", "c:*"} },
		func() []string { return []string{"SUNIONSTORE", k, d.key()} },
	)
}

// Scripts. What they return is the same whatever a proxy's records are.
var scripts = []string{
	bumpScript,
	"return redis.call('GET', KEYS[1] or ARGV[1])",
	"return redis.pcall('INCRBY', KEYS[1] or ARGV[1], ARGV[2] or 3)",
	"redis.call('SET', KEYS[1] or ARGV[1], ARGV[2] or '41') return redis.call('INCR', KEYS[1] or ARGV[1])",
	"redis.call('SELECT', 1) return redis.call('INCR', ARGV[1] or KEYS[1])",
	"local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do if string.sub(k, 1, 8) ~= 'distkit:' then n = n + 1 end end return n",
	"return redis.call('DEL', KEYS[1] or ARGV[1])",
	"return redis.call('MGET', 'c:a', 'c:b', 'd:a', 'o:a')",
	"return redis.call('EXPIREAT', KEYS[1] or ARGV[1], 4102444800)",
	"return redis.error_reply('ERR made')",
}

func (d *dice) script() []string {
	k := d.key()
	switch d.IntN(8) {
	case 0:
		return []string{"EVALSHA", bumpDigest, "1", k}
	case 1:
		return []string{"EVALSHA", bumpDigest, "0", k}
	case 2:
		return []string{"FCALL", d.any("bump", "peek")[0], "1", k}
	case 3:
		return []string{"FCALL", d.any("bump", "peek", "none")[0], "0", k, "2"}
	case 4:
		return []string{"EVAL_RO", scripts[1], "1", k}
	case 5:
		return []string{"EVAL", d.pick(scripts), "0", k}
	}
	return []string{"EVAL", d.pick(scripts), "1", k}
}

// database is a command on all keys of one or more databases.
func (d *dice) database() []string {
	if !d.pasts && d.IntN(5) == 0 {
		return []string{"DBSIZE"}
	}
	return d.oneOf(
		func() []string { return []string{"KEYS", d.any("*", "c:*", "c:a")[0]} },
		func() []string { return []string{"KEYS", "*"} },
		func() []string { return []string{"SCAN", "0", "COUNT", "1000"} },
		func() []string { return []string{"SCAN", "0", "MATCH", "c:*", "COUNT", "1000", "TYPE", "string"} },
		func() []string { return []string{"RANDOMKEY"} },
		func() []string { return []string{"SWAPDB", d.db(), d.db()} },
		func() []string { return []string{"FLUSHDB"} },
		func() []string { return d.any("FLUSHALL", "FLUSHALL ASYNC", "FLUSHDB SYNC") },
	)
}

// session is a command about the connection.
func (d *dice) session() []string {
	switch d.IntN(15) {
	case 0, 1:
		return []string{"SELECT", d.db()}
	case 14:
		return d.any("CLIENT TRACKING ON", "CLIENT TRACKING OFF")
	case 2, 3:
		return append([]string{"WATCH"}, d.keys(3)...)
	case 4:
		return []string{"UNWATCH"}
	case 5, 6:
		return []string{"MULTI"}
	case 7, 8:
		return []string{"EXEC"}
	case 9:
		return []string{"DISCARD"}
	case 10:
		return []string{"HELLO", d.any("2", "3", "3", "4")[0]}
	case 11:
		return d.any("RESET", "PING", "WAIT 0 1", "NONSENSE", "CLIENT SETNAME x")
	}
	return []string{"SELECT", "0"}
}

func (d *dice) key() string {
	switch n := d.IntN(100); {
	case n < 60:
		return d.pick(d.own)
	case n < 85:
		return d.pick(laxKeys)
	case n < 97:
		return d.pick(ordinaryKeys)
	}
	return d.pick(oddKeys)
}

func (d *dice) keys(most int) (keys []string) {
	for range 1 + d.IntN(most) {
		keys = append(keys, d.key())
	}
	return keys
}

// value is a number more often than not.
func (d *dice) value() string {
	if d.IntN(2) == 0 {
		return fmt.Sprint(d.IntN(2000) - 1000)
	}
	return d.pick(values)
}

func (d *dice) delta() string {
	if d.IntN(2) == 0 {
		return fmt.Sprint(d.IntN(2000) - 1000)
	}
	return d.pick(deltas)
}

// db is one of the databases that are compared, or none.
func (d *dice) db() string {
	if d.IntN(20) == 0 {
		return d.any("16", "x", "-1", "01")[0]
	}
	return strconv.Itoa(d.IntN(1 + d.IntN(equivalentDBs)))
}

func (d *dice) pick(from []string) string { return from[d.IntN(len(from))] }

// any is the words of one of the texts.
func (d *dice) any(texts ...string) []string {
	if text := d.pick(texts); text != "" {
		return strings.Fields(text)
	}
	return []string{""}
}

func (d *dice) oneOf(of ...func() []string) []string { return of[d.IntN(len(of))]() }
