package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"
)

// mixed is a load of pipelines in which SET and GET alternate, which
// redis-benchmark cannot send. Each client has connected and been answered before
// the clock starts, and sends the same commands at each run.
func mixed(ctx context.Context, addr string, s shape) (outcome, error) {
	clients := make([]mixedClient, s.clients)
	for i := range clients {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return outcome{}, err
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		clients[i] = mixedClient{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), batch: mixedBatch(i, s), pipeline: s.pipeline}
		if err := clients[i].exchange(); err != nil {
			return outcome{}, err
		}
	}
	batches := max(1, s.requests/s.clients/s.pipeline)
	failures := make(chan error, s.clients)
	began := time.Now()
	for i := range clients {
		go func() { failures <- clients[i].run(batches) }()
	}
	var err error
	for range clients {
		err = errors.Join(err, <-failures)
	}
	if err != nil {
		return outcome{}, err
	}
	seconds := time.Since(began).Seconds()
	var waits []time.Duration
	for i := range clients {
		waits = append(waits, clients[i].waits...)
	}
	o := latencies(waits)
	o.rate = float64(len(waits)*s.pipeline) / seconds
	return o, nil
}

// mixedClient is one connection of the load.
type mixedClient struct {
	conn     net.Conn
	in       *bufio.Reader
	batch    []byte
	pipeline int
	waits    []time.Duration
}

func (c *mixedClient) run(batches int) error {
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
func (c *mixedClient) exchange() error {
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

// skipReply reads a reply to SET or GET. An error of Redis is one.
func skipReply(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	switch line = bytes.TrimSpace(line); {
	case len(line) > 1 && line[0] == '+':
		return nil
	case len(line) > 1 && line[0] == '$':
		n, err := strconv.Atoi(string(line[1:]))
		if err == nil && n >= 0 {
			_, err = io.CopyN(io.Discard, in, int64(n)+2)
		}
		return err
	}
	return fmt.Errorf("the reply to SET or GET is %q", line)
}

// latencies are the percentiles of waits, at least one of them. It sorts them.
func latencies(waits []time.Duration) outcome {
	slices.Sort(waits)
	at := func(part float64) float64 {
		return waits[min(len(waits)-1, int(part*float64(len(waits))))].Seconds() * 1000
	}
	return outcome{p50: at(0.5), p99: at(0.99), p99_9: at(0.999)}
}
