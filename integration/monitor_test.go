package integration

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// monitor is a connection that sees every command that Redis is sent.
type monitor struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func startMonitor(t testing.TB, r *redisServer) *monitor {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := &monitor{t: t, conn: conn, in: bufio.NewReader(conn)}
	fmt.Fprint(conn, "MONITOR\r\n")
	if line, err := m.line(time.Now().Add(5 * time.Second)); err != nil || line != "+OK" {
		t.Fatalf("MONITOR: %q, %v", line, err)
	}
	return m
}

// line is the next command sent; those that scripts call are left out.
func (m *monitor) line(deadline time.Time) (string, error) {
	m.conn.SetReadDeadline(deadline)
	for {
		line, err := m.in.ReadString('\n')
		if err != nil || !strings.Contains(line, " lua] ") {
			return strings.TrimSpace(line), err
		}
	}
}

// read returns the commands of the next d.
func (m *monitor) read(d time.Duration) (lines []string) {
	deadline := time.Now().Add(d)
	for {
		line, err := m.line(deadline)
		if err != nil {
			return lines
		}
		lines = append(lines, line)
	}
}

// until returns the commands sent before one that c sends now.
func (m *monitor) until(c *redis.Client) (lines []string) {
	m.t.Helper()
	c.Echo(context.Background(), "end-of-monitor")
	deadline := time.Now().Add(10 * time.Second)
	for {
		line, err := m.line(deadline)
		if err != nil {
			m.t.Fatal(err)
		}
		if strings.Contains(line, "end-of-monitor") {
			return lines
		}
		lines = append(lines, line)
	}
}

// quiet waits for a time of length d in which Redis is sent nothing at all.
func (m *monitor) quiet(d time.Duration) {
	m.t.Helper()
	var lines []string
	for end := time.Now().Add(5 * d); time.Now().Before(end); {
		line, err := m.line(time.Now().Add(d))
		if err != nil {
			return
		}
		lines = append(lines, line)
	}
	m.t.Errorf("no silence of %v within %v; sent were %s", d, 5*d, strings.Join(lines, "\n"))
}
