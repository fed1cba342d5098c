package conf

import (
	"slices"
	"strings"
	"time"
)

// setting is one row of the table that flags, environment, YAML, help text and
// documentation are made from.
type setting struct {
	group string // heading in the help text and the documentation
	name  string // of the flag; env and yaml follow from it
	arg   string // what the help text calls the value; empty for a switch
	help  string // one line
	empty string // what an empty default means; the value itself when not empty
	field value
	url   bool // the value may hold a password
}

// settings is the table, bound to the fields of c.
func settings(c *Config) []setting {
	const (
		clients  = "Clients"
		redis    = "Redis"
		counters = "Counters"
		ordinary = "Ordinary keys"
		limits   = "Limits"
		running  = "Running"
	)
	return []setting{
		{group: clients, name: "listen", arg: "ADDR", help: "address to serve on; repeatable",
			field: &addrs{&c.Listen}},
		{group: clients, name: "public", help: "allow addresses beyond loopback without authentication",
			field: &boolean{&c.Public}},
		{group: clients, name: "max-clients", arg: "N", help: "most clients connected at once",
			field: &integer{&c.MaxClients, 1, 1_000_000}},
		{group: clients, name: "idle-timeout", arg: "TIME", help: "disconnect a client silent this long",
			field: &duration{&c.IdleTimeout, 10 * time.Millisecond, year, true}},
		{group: clients, name: "deny", arg: "NAMES", help: "commands refused to clients; repeatable",
			field: &commands{&c.Deny}},
		{group: clients, name: "tls-cert", arg: "FILE", help: "certificate: clients then speak TLS", empty: "no TLS",
			field: &pemFile{text{&c.TLSCert}}},
		{group: clients, name: "tls-key", arg: "FILE", help: "key of the certificate", empty: "none",
			field: &pemFile{text{&c.TLSKey}}},
		{group: clients, name: "tls-client-ca", arg: "FILE", help: "roots of the certificates that clients must have", empty: "none",
			field: &pemFile{text{&c.TLSClientCA}}},

		{group: redis, name: "redis", arg: "URL", help: "the Redis behind", empty: "an embedded in-memory Redis",
			field: &redisURL{&c.Redis}, url: true},
		{group: redis, name: "command-timeout", arg: "TIME", help: "longest wait for an answer of Redis",
			field: &duration{&c.CommandTimeout, 10 * time.Millisecond, 5 * time.Minute, false}},
		{group: redis, name: "wait-replicas", arg: "N", help: "replicas that must have a flush before it counts",
			field: &integer{&c.WaitReplicas, 0, 100}},
		{group: redis, name: "share-from", arg: "N", help: "clients sending in turns from which they share connections",
			field: &integer{&c.ShareFrom, 0, 1_000_000}},

		{group: counters, name: "namespace", arg: "NAME", help: "namespace of counter keys without a colon",
			field: &namespace{&c.Namespace}},
		{group: counters, name: "max-namespaces", arg: "N", help: "most namespaces live at once",
			field: &integer{&c.MaxNamespaces, 1, 65_536}},
		{group: counters, name: "instance-id", arg: "ID", help: "this proxy among all that share the counters", empty: "a new UUID",
			field: &instanceID{&c.InstanceID}},
		{group: counters, name: "flush-interval", arg: "TIME", help: "time between two batches to Redis",
			field: &duration{&c.FlushInterval, time.Millisecond, time.Minute, false}},
		{group: counters, name: "allowed-lag", arg: "TIME", help: "how stale a counter in use may be",
			field: &duration{&c.AllowedLag, time.Millisecond, time.Minute, false}},
		{group: counters, name: "dead-after", arg: "TIME", help: "silence after which an instance is dead",
			field: &duration{&c.DeadAfter, 100 * time.Millisecond, 24 * time.Hour, false}},
		{group: counters, name: "partitions", arg: "N", help: "containers per namespace and family",
			field: &integer{&c.Partitions, 1, 1024}},

		{group: counters, name: "journal", arg: "DIR", help: "what was acknowledged survives kill -9, in this directory", empty: "off",
			field: &directory{text{&c.Journal}}},
		{group: counters, name: "journal-sync", arg: "WHEN", help: "when the journal is synced to the disk",
			field: &choice{&c.JournalSync, []string{"always", "interval", "never"}}},

		{group: ordinary, name: "lax", arg: "GLOB", help: "ordinary keys that are counters; repeatable",
			field: &patterns{&c.Lax}},
		{group: ordinary, name: "observe", help: "only report what lax would save",
			field: &boolean{&c.Observe}},

		{group: limits, name: "max-pending", arg: "N", help: "most counters waiting for Redis",
			field: &integer{&c.MaxPending, 1, 100_000_000}},
		{group: limits, name: "max-pending-age", arg: "TIME", help: "oldest increment waiting for Redis",
			field: &duration{&c.MaxPendingAge, 100 * time.Millisecond, 7 * 24 * time.Hour, true}},
		{group: limits, name: "max-bulk", arg: "SIZE", help: "longest argument",
			field: &size{&c.MaxBulk, kb, 64 * gb}},
		{group: limits, name: "max-args", arg: "N", help: "most arguments of one command",
			field: &integer{&c.MaxArgs, 16, 16 * 1024 * 1024}},
		{group: limits, name: "max-query-buffer", arg: "SIZE", help: "longest whole command",
			field: &size{&c.MaxQueryBuffer, kb, 64 * gb}},
		{group: limits, name: "max-client-memory", arg: "SIZE", help: "most memory held for all clients",
			field: &size{&c.MaxClientMemory, mb, 64 * gb}},

		{group: running, name: "admin", arg: "ADDR", help: "address for metrics and health checks over HTTP", empty: "off",
			field: &addr{&c.Admin}},
		{group: running, name: "threads", arg: "N", help: "threads that work at once",
			field: &automatic{integer{&c.Threads, 0, 1024}}},
		{group: running, name: "config", arg: "FILE", help: "YAML file with settings", empty: "none",
			field: &text{&c.File}},
		{group: running, name: "shutdown-timeout", arg: "TIME", help: "time a stop has for its last flush",
			field: &duration{&c.ShutdownTimeout, 10 * time.Millisecond, time.Hour, false}},
		{group: running, name: "log-level", arg: "LEVEL", help: "least severe log line",
			field: &choice{&c.LogLevel, []string{"debug", "info", "warn", "error"}}},
		{group: running, name: "log-format", arg: "FORMAT", help: "form of log lines",
			field: &choice{&c.LogFormat, []string{"text", "json"}}},
	}
}

const year = 365 * 24 * time.Hour

// env is the setting's environment variable.
func (s setting) env() string {
	return "DISTKIT_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// yaml is the setting's key in the YAML file.
func (s setting) yaml() string { return strings.ReplaceAll(s.name, "-", "_") }

// byDefault describes the value the field has now, in words where it is empty.
// Called on the table of Default, it is the documented default.
func (s setting) byDefault() string {
	if t := s.field.String(); t != "" {
		return t
	}
	return s.empty
}

// show is what was written for the setting, as it may be printed.
func (s setting) show(raw ...string) string {
	if s.url {
		raw = slices.Clone(raw)
		for i := range raw {
			raw[i] = Redact(raw[i])
		}
	}
	return strings.Join(raw, " ")
}
