package integration

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ownDB is the database of the proxy's own connections, which tells them from
// those of its clients. Scenarios use those below it.
const ownDB = 15

// usedDBs is the number of databases that scenarios write to, from 0.
const usedDBs = 4

// control is a connection to Redis past the proxy, to see what is going on there
// and to clear up between scenarios.
type control struct {
	conn net.Conn
	in   *bufio.Reader
	// sweeper takes away what a scenario has left; nil: this connection does. A proxy
	// that counts in memory has to see it go.
	sweeper *control
}

// ownName is the name of connections that are no scenario's.
const ownName = "the-test's"

func newControl(t testing.TB, r *redisServer, password string) *control {
	conn := dialTCP(t, r.addr)
	conn.SetDeadline(time.Time{})
	c := &control{conn: conn, in: bufio.NewReader(conn)}
	if password != "" {
		if replies, err := c.ask([]string{"AUTH", password}); err != nil || replies[0] != "+OK\r\n" {
			t.Fatalf("AUTH: %q, %v", replies, err)
		}
	}
	return c
}

// ask sends commands and returns their replies.
func (c *control) ask(cmds ...[]string) ([]string, error) {
	var out []byte
	for _, args := range cmds {
		out = append(out, command(args...)...)
	}
	if _, err := c.conn.Write(out); err != nil {
		return nil, err
	}
	replies := make([]string, len(cmds))
	for i := range replies {
		var err error
		if replies[i], err = readFrame(c.in); err != nil {
			return nil, err
		}
	}
	return replies, nil
}

// settled waits until no client of a scenario is connected any more, and takes
// away what they have left.
func (c *control) settled() error {
	err := c.until("no clients of the scenario", []string{"CLIENT", "LIST"}, func(reply string) bool {
		clients := 0
		for _, line := range strings.Split(reply, "\n") {
			if strings.Contains(line, " db=") && !strings.Contains(line, " db="+strconv.Itoa(ownDB)+" ") && !strings.Contains(line, " name="+ownName+" ") {
				clients++
			}
		}
		return clients == 1 // this one
	})
	if err != nil {
		return err
	}
	var cmds [][]string
	for db := range usedDBs {
		cmds = append(cmds, []string{"SELECT", strconv.Itoa(db)}, []string{"FLUSHDB"})
	}
	if c.sweeper != nil {
		c = c.sweeper
	}
	_, err = c.ask(append(cmds, []string{"SELECT", "0"})...)
	return err
}

// blocked waits until so many clients are blocked.
func (c *control) blocked(n int) error {
	want := fmt.Sprintf("blocked_clients:%d\r\n", n)
	return c.until(want, []string{"INFO", "clients"}, func(reply string) bool { return strings.Contains(reply, want) })
}

// idle waits until Redis has no child process.
func (c *control) idle() error {
	return c.until("no child", []string{"INFO", "persistence"}, func(reply string) bool {
		return strings.Contains(reply, "rdb_bgsave_in_progress:0") && strings.Contains(reply, "aof_rewrite_in_progress:0") &&
			strings.Contains(reply, "aof_rewrite_scheduled:0")
	})
}

// until asks until the reply is right.
func (c *control) until(what string, cmd []string, right func(reply string) bool) error {
	tick, deadline := time.NewTicker(200*time.Microsecond), time.NewTimer(patience)
	defer tick.Stop()
	defer deadline.Stop()
	for {
		replies, err := c.ask(cmd)
		if err != nil || right(replies[0]) {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("%.60q does not come: %.1000q", what, replies[0])
		}
	}
}
