package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"
)

// The load generator of our own is for what redis-benchmark cannot do: mix commands
// in a pipeline, and have thousands of clients connected before the clock starts. It
// sends the same commands at each run.

// own is a load whose clients send what batch says, again and again.
func own(batch func(client int, s shape) []byte) load {
	return func(ctx context.Context, addr string, s shape) (outcome, error) {
		clients, err := connect(ctx, addr, s, batch)
		defer func() {
			for _, c := range clients {
				c.conn.Close()
			}
		}()
		if err != nil {
			return outcome{}, err
		}
		return drive(ctx, clients, s)
	}
}

// connect opens all connections, each when the one before has been answered. Those
// that are open are returned with an error, too.
func connect(ctx context.Context, addr string, s shape, batch func(int, shape) []byte) (clients []*ownClient, err error) {
	var dialer net.Dialer
	for i := range s.clients {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			return clients, err
		}
		c := &ownClient{conn: conn, in: bufio.NewReaderSize(conn, 4<<10), batch: batch(i, s), pipeline: s.pipeline}
		clients = append(clients, c)
		if err := c.exchange(); err != nil {
			return clients, err
		}
	}
	return clients, nil
}

// drive has all clients send their part of the requests.
func drive(ctx context.Context, clients []*ownClient, s shape) (outcome, error) {
	defer context.AfterFunc(ctx, func() {
		for _, c := range clients {
			c.conn.Close()
		}
	})()
	batches := max(1, s.requests/s.clients/s.pipeline)
	failures := make(chan error, len(clients))
	began := time.Now()
	for _, c := range clients {
		go func() { failures <- c.run(batches) }()
	}
	var err error
	for range clients {
		if failure := <-failures; err == nil {
			err = failure
		}
	}
	if err != nil {
		return outcome{}, err
	}
	seconds := time.Since(began).Seconds()
	var waits []time.Duration
	for _, c := range clients {
		waits = append(waits, c.waits...)
	}
	o := latencies(waits)
	o.rate = float64(len(waits)*s.pipeline) / seconds
	return o, nil
}

// repeating is a pipeline of the same command.
func repeating(words ...string) func(int, shape) []byte {
	return func(_ int, s shape) []byte {
		var b bytes.Buffer
		for range s.pipeline {
			fmt.Fprintf(&b, "*%d\r\n", len(words))
			for _, word := range words {
				fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
			}
		}
		return b.Bytes()
	}
}

// ownClient is one connection of the load.
type ownClient struct {
	conn     net.Conn
	in       *bufio.Reader
	batch    []byte
	pipeline int
	waits    []time.Duration
}

func (c *ownClient) run(batches int) error {
	c.waits = make([]time.Duration, 0, batches)
	for range batches {
		began := time.Now()
		if err := c.exchange(); err != nil {
			return err
		}
		c.waits = append(c.waits, time.Since(began))
	}
	return nil
}

// exchange sends the batch and reads its replies. A batch bigger than the sockets
// take is written while replies are read.
func (c *ownClient) exchange() error {
	written := make(chan error, 1)
	if len(c.batch) > 64<<10 {
		go func() { _, err := c.conn.Write(c.batch); written <- err }()
	} else {
		_, err := c.conn.Write(c.batch)
		written <- err
	}
	for range c.pipeline {
		if err := skipReply(c.in); err != nil {
			return err
		}
	}
	return <-written
}

// mixedBatch is a pipeline of SET and GET in turns on keys of a client's own;
// without a pipeline, one of the two.
func mixedBatch(client int, s shape) []byte {
	var b bytes.Buffer
	value := bytes.Repeat([]byte("x"), s.bytes)
	for i := range s.pipeline {
		key := fmt.Sprintf("mixed:%012d", (client*7919+i/2)%s.keys)
		if (client+i)%2 == 0 {
			fmt.Fprintf(&b, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(key), key, len(value), value)
		} else {
			fmt.Fprintf(&b, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key)
		}
	}
	return b.Bytes()
}

// skipReply reads a reply: a status, a number, a string, or an array of such. An
// error of Redis is an error.
func skipReply(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	line = bytes.TrimSpace(line)
	if len(line) < 2 || bytes.IndexByte([]byte("+:$*"), line[0]) < 0 {
		return fmt.Errorf("the reply is %q", line)
	}
	if line[0] == '+' || line[0] == ':' {
		return nil
	}
	kind := line[0]
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < 0 {
		return err
	}
	if kind == '$' {
		_, err = io.CopyN(io.Discard, in, int64(n)+2)
		return err
	}
	for range n {
		if err := skipReply(in); err != nil {
			return err
		}
	}
	return nil
}

// latencies are the percentiles of waits, at least one of them. It sorts them.
func latencies(waits []time.Duration) outcome {
	slices.Sort(waits)
	at := func(part float64) float64 {
		return waits[min(len(waits)-1, int(part*float64(len(waits))))].Seconds() * 1000
	}
	return outcome{p50: at(0.5), p99: at(0.99), p99_9: at(0.999)}
}
