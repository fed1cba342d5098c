package proxy

import "strings"

// trait is what the session has to know of a command of Redis'. The zero value is an
// ordinary one of which nothing is known.
type trait struct {
	kind  kind
	share share
	// keys is where the keys are of one that is shared: from the first argument on
	// each keys-th; 0: the first argument alone.
	keys int
}

// The commands that may go over a shared connection: those that clients send most, of
// all that leave nothing behind with a connection, do not block and have one reply.
// A name that is missing costs speed and nothing else.
const (
	shareableReads = `get getrange strlen getbit bitcount exists:1 mget:1 type ttl pttl expiretime pexpiretime
		hget hmget hgetall hexists hlen hkeys hvals hstrlen
		lindex llen lrange scard sismember smismember smembers
		zcard zcount zscore zmscore zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore
		xlen xrange pfcount:1 geopos geodist`
	shareableWrites = `set setex psetex setnx setrange append getset getdel getex mset:2 msetnx:2
		incr incrby incrbyfloat decr decrby del:1 unlink:1 touch:1 setbit
		expire pexpire expireat pexpireat persist
		hset hmset hsetnx hdel hincrby hincrbyfloat
		lpush rpush lpushx rpushx lpop rpop lrem lset ltrim sadd srem spop
		zadd zincrby zrem zpopmin zpopmax zremrangebyscore zremrangebyrank
		xadd xack xdel xtrim pfadd geoadd`
)

// addShareable adds them to a table of commands.
func addShareable(table map[string]trait) {
	for how, names := range map[share]string{sharedReads: shareableReads, sharedWrites: shareableWrites} {
		for entry := range strings.FieldsSeq(names) {
			name, step, _ := strings.Cut(entry, ":")
			tr := trait{share: how}
			if step != "" {
				tr.keys = int(step[0] - '0')
			}
			table[name] = tr
		}
	}
}

// touchesAny reports whether a command that may be shared has a key of which touched
// reports true.
func (tr *trait) touchesAny(args [][]byte, touched func(key []byte) bool) bool {
	if tr.keys == 0 {
		return len(args) > 1 && touched(args[1])
	}
	for i := 1; i < len(args); i += tr.keys {
		if touched(args[i]) {
			return true
		}
	}
	return false
}

// awaitsReplicas reports whether a command asks what replicas have of what the
// connection has written.
func awaitsReplicas(args [][]byte) bool {
	name := word(args, 0)
	return name == "wait" || name == "waitaof"
}
