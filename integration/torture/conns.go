package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tidwall/redcon"
)

// clientTimeout is how long a client waits for a reply: shorter than a paused
// proxy is paused, so that there are requests nobody waits for any longer.
const clientTimeout = 2 * time.Second

// answer is the reply to one command. err is an error reply, which is a
// redis.Error, or says why there is none.
type answer struct {
	value any // int64, string, nil, or []any of these and of errors
	err   error
}

// conn sends commands to one address and returns an answer for each.
type conn interface {
	do(ctx context.Context, commands [][]any) []answer
	many() bool // whether it can be asked for many keys
	close()
}

// libraryConn is a real client; commands that come together are a pipeline.
type libraryConn struct{ client *redis.Client }

func (c libraryConn) do(ctx context.Context, commands [][]any) []answer {
	answers := make([]answer, len(commands))
	if len(commands) == 1 {
		answers[0].value, answers[0].err = c.client.Do(ctx, commands[0]...).Result()
		return answers
	}
	pipe := c.client.Pipeline()
	cmds := make([]*redis.Cmd, len(commands))
	for i, words := range commands {
		cmds[i] = pipe.Do(ctx, words...)
	}
	_, err := pipe.Exec(ctx)
	for i, cmd := range cmds {
		answers[i].value, answers[i].err = cmd.Result()
		if err != nil && answers[i].err == nil && answers[i].value == nil {
			answers[i].err = err
		}
	}
	return answers
}

// many: of an array in which LOADING or OOM stands in an item's place go-redis
// 9.23 leaves the rest unread, and takes it for the reply to the next command of
// the pipeline.
func (c libraryConn) many() bool { return false }

func (c libraryConn) close() { c.client.Close() }

// plainConn speaks RESP by itself, all commands in one write.
type plainConn struct {
	addr string
	conn net.Conn
	buf  []byte // what was read and is not parsed yet
}

// errCut says that a connection ended before a reply was complete.
var errCut = errors.New("the connection ended before the reply")

func (c *plainConn) do(_ context.Context, commands [][]any) []answer {
	answers := make([]answer, len(commands))
	fail := func(from int, err error) []answer {
		c.close()
		for i := from; i < len(answers); i++ {
			answers[i].err = err
		}
		return answers
	}
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.addr, clientTimeout)
		if err != nil {
			return fail(0, err)
		}
		c.conn, c.buf = conn, nil
	}
	c.conn.SetDeadline(time.Now().Add(clientTimeout))
	var out []byte
	for _, words := range commands {
		out = redcon.AppendArray(out, len(words))
		for _, word := range words {
			out = redcon.AppendBulkString(out, fmt.Sprint(word))
		}
	}
	if _, err := c.conn.Write(out); err != nil {
		return fail(0, errors.Join(errCut, err))
	}
	for i := range answers {
		reply, err := c.read()
		if err != nil {
			return fail(i, err)
		}
		if failure, ok := reply.(error); ok {
			answers[i].err = failure
		} else {
			answers[i].value = reply
		}
	}
	return answers
}

// read returns the next reply.
func (c *plainConn) read() (any, error) {
	piece := make([]byte, 16<<10)
	for {
		if n, resp := redcon.ReadNextRESP(c.buf); n > 0 {
			c.buf = c.buf[n:]
			return fromRESP(resp)
		}
		n, err := c.conn.Read(piece)
		c.buf = append(c.buf, piece[:n]...)
		if err != nil {
			return nil, errors.Join(errCut, err)
		}
	}
}

func (c *plainConn) many() bool { return true }

func (c *plainConn) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// replyError is an error reply, to plainConn what redis.Error is to the library.
type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

func fromRESP(r redcon.RESP) (any, error) {
	switch r.Type {
	case redcon.Integer:
		return strconv.ParseInt(string(r.Data), 10, 64)
	case redcon.Error:
		return replyError(r.Data), nil
	case redcon.Array:
		items := make([]any, 0, r.Count)
		var failed error
		r.ForEach(func(item redcon.RESP) bool {
			value, err := fromRESP(item)
			items, failed = append(items, value), err
			return err == nil
		})
		return items, failed
	default:
		return string(r.Data), nil
	}
}
