package proxy

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2/server"
)

// compat answers what miniredis lacks, or answers badly, of what clients send
// of themselves: redis-cli, redis-benchmark and the client libraries. An answer
// that reports false has written nothing and leaves the command to miniredis.
// The table never changes.
var compat = map[string]func(e *Embedded, c *server.Peer, args []string) bool{
	"CLIENT":  (*Embedded).cmdClient,
	"CONFIG":  (*Embedded).cmdConfig,
	"COMMAND": (*Embedded).cmdCommand,
	"EVAL":    eval("EVAL"),
	"EVALSHA": eval("EVALSHA"),
	"HELLO":   (*Embedded).cmdHello,
	"INFO":    (*Embedded).cmdInfo,
	"ACL":     (*Embedded).cmdACL,
}

// config is what CONFIG GET knows. It never changes.
var config = map[string]string{
	"appendonly": "no", "databases": "16", "maxmemory": "0", "maxmemory-policy": "noeviction",
	"notify-keyspace-events": "", "proto-max-bulk-len": "536870912", "save": "", "timeout": "0",
}

func (e *Embedded) cmdClient(c *server.Peer, args []string) bool {
	if len(args) == 0 {
		return false
	}
	switch strings.ToLower(args[0]) {
	case "setinfo", "no-evict", "no-touch":
		c.WriteOK()
	case "id":
		c.WriteInt(e.clientID(c))
	case "info", "list":
		proto := 2
		if c.Resp3 {
			proto = 3
		}
		c.WriteBulk(fmt.Sprintf("id=%d addr=embedded name=%s db=0 resp=%d\n", e.clientID(c), c.ClientName, proto))
	default:
		return false
	}
	return true
}

// clientID is the connection's number.
func (e *Embedded) clientID(c *server.Peer) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ids[c] == 0 {
		e.lastID++
		e.ids[c] = e.lastID
		c.OnDisconnect(func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			delete(e.ids, c)
		})
	}
	return e.ids[c]
}

func (e *Embedded) cmdConfig(c *server.Peer, args []string) bool {
	switch {
	case len(args) > 1 && strings.EqualFold(args[0], "get"):
		var found []string
		for name, value := range config {
			for _, pattern := range args[1:] {
				if ok, err := path.Match(strings.ToLower(pattern), name); ok && err == nil {
					found = append(found, name, value)
					break
				}
			}
		}
		c.Block(func(w *server.Writer) {
			w.WriteMapLen(len(found) / 2)
			for _, s := range found {
				w.WriteBulk(s)
			}
		})
	case len(args) == 1 && strings.EqualFold(args[0], "resetstat"):
		c.WriteOK()
	default:
		c.WriteError("ERR distkit: the embedded Redis has no configuration to change")
	}
	return true
}

// cmdHello lets HELLO go without a version, which asks and changes nothing.
func (e *Embedded) cmdHello(c *server.Peer, args []string) bool {
	if len(args) > 0 {
		return false
	}
	version := "2"
	if c.Resp3 {
		version = "3"
	}
	e.srv.Dispatch(c, []string{"HELLO", version})
	return true
}

func (e *Embedded) cmdACL(c *server.Peer, args []string) bool {
	if len(args) != 1 || !strings.EqualFold(args[0], "whoami") {
		return false
	}
	c.WriteBulk("default")
	return true
}

// cmdInfo knows the sections that miniredis can say something about.
func (e *Embedded) cmdInfo(c *server.Peer, args []string) bool {
	sections := []struct{ name, text string }{
		{"server", "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\nredis_engine:miniredis, embedded in distkit-proxy\r\n"},
		{"clients", fmt.Sprintf("# Clients\r\nconnected_clients:%d\r\n", e.srv.ClientsLen())},
		{"memory", "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n"},
		{"persistence", "# Persistence\r\nloading:0\r\n"},
		{"stats", fmt.Sprintf("# Stats\r\ntotal_connections_received:%d\r\ntotal_commands_processed:%d\r\n", e.srv.TotalConnections(), e.srv.TotalCommands())},
		{"replication", "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"},
		{"cluster", "# Cluster\r\ncluster_enabled:0\r\n"},
	}
	var out []string
	for _, s := range sections {
		if len(args) == 0 || wants(args, s.name) {
			out = append(out, s.text)
		}
	}
	c.WriteBulk(strings.Join(out, "\r\n"))
	return true
}

func wants(args []string, section string) bool {
	for _, arg := range args {
		switch arg = strings.ToLower(arg); arg {
		case section, "all", "everything", "default":
			return true
		}
	}
	return false
}

// Bounds on single commands: beyond them miniredis would take the memory or
// the time of the whole process.
const (
	maxEmbeddedOffset = 64 << 20
	maxEmbeddedCount  = 1 << 20
)

// tooMuch returns the error for a command that asks for too much, or "".
func tooMuch(cmd string, args []string) string {
	at, limit := -1, int64(0)
	switch cmd {
	case "SETRANGE":
		at, limit = 1, maxEmbeddedOffset
	case "SETBIT":
		at, limit = 1, 8*maxEmbeddedOffset
	case "SELECT":
		if n, err := strconv.Atoi(strings.Join(args, " ")); err == nil && (n < 0 || n > 15) {
			return "ERR DB index is out of range"
		}
	case "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER":
		at, limit = 1, maxEmbeddedCount
	}
	if at < 0 || at >= len(args) {
		return ""
	}
	n, err := strconv.ParseInt(args[at], 10, 64)
	if err != nil || n <= limit && n >= -limit {
		return ""
	}
	return fmt.Sprintf("ERR distkit: %d is beyond the %d that the embedded Redis allows here", n, limit)
}
