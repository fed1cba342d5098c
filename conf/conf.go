// Package conf reads the proxy's configuration: flags over environment over a
// YAML file over defaults.
//
//	cfg, err := conf.Load(os.Args[1:], os.Environ())
//	if err != nil {
//		// one line per wrong setting, safe to print
//	}
//
// One table (see settings) names every setting once; flags, environment, YAML,
// the help text and docs/configuration.md all follow from it.
//
// It does not open anything but the YAML file: a port that is taken or a Redis
// that is away is not its business.
package conf

import "time"

// Config is every setting of the proxy. It is plain data; Default gives the
// values that apply when nothing is set, Validate says what is wrong with it.
type Config struct {
	// Listen are the addresses to serve on: host:port or unix:///path. At least one.
	Listen []string
	// Redis is the URL of the Redis behind; empty means an embedded in-memory
	// one. It may hold a password: print Redact(Redis), never this.
	Redis string
	// Namespace is that of counter keys without a colon.
	Namespace string
	// MaxNamespaces bounds the namespaces live at once.
	MaxNamespaces int
	// InstanceID names this process among those that share the counters. Load
	// puts a new UUID here when nobody else did.
	InstanceID string
	// InstanceChosen is whether anybody did, so that a journal does not replace it.
	InstanceChosen bool
	// Journal is the directory of the journal; empty for none. JournalSync is when
	// the disk is waited for: always, interval or never.
	Journal, JournalSync string
	// FlushInterval is the time between two flushes of counters that are
	// written all the time.
	FlushInterval time.Duration
	// AllowedLag is how long after a touch a counter is kept fresh.
	AllowedLag time.Duration
	// DeadAfter is the silence after which an instance is dead.
	DeadAfter time.Duration
	// Partitions per namespace and family; the same in every proxy on one Redis.
	Partitions int
	// Lax name the ordinary string keys that are counters. Empty: none.
	Lax []LaxPattern
	// Observe serves everything from Redis and reports what Lax would save.
	Observe bool
	// MaxPending bounds the counters with increments that Redis does not have yet.
	MaxPending int
	// MaxPendingAge bounds the age of the oldest such increment. Zero: no bound.
	MaxPendingAge time.Duration
	// WaitReplicas is how many replicas must have a flush before it counts as
	// done. Zero: none is asked.
	WaitReplicas int
	// ShareFrom is how many clients have to send in turns for them to share
	// connections. Zero: they never do.
	ShareFrom int
	// CommandTimeout bounds one wait for Redis.
	CommandTimeout time.Duration
	// ShutdownTimeout bounds the last flush and all else that a stop waits for.
	ShutdownTimeout time.Duration
	// MaxClients bounds the clients connected at once.
	MaxClients int
	// IdleTimeout is the silence after which a client is disconnected. Zero: never.
	IdleTimeout time.Duration
	// MaxBulk is the longest argument in bytes, MaxArgs the most arguments of
	// one command, MaxQueryBuffer the longest command in bytes.
	MaxBulk, MaxArgs, MaxQueryBuffer int
	// MaxClientMemory bounds what all clients together may make the proxy hold, in bytes.
	MaxClientMemory int
	// Deny are commands refused to clients, in upper case.
	Deny []string
	// TLSCert and TLSKey are the files of the certificate with which TCP
	// listeners speak TLS; empty: they speak none. TLSClientCA has the roots of
	// the certificates that clients must have; empty: they need none.
	TLSCert, TLSKey, TLSClientCA string
	// Public allows addresses beyond loopback without authentication, Admin's included.
	Public bool
	// Admin is the address of metrics and health checks: host:port or
	// unix:///path; empty for none.
	Admin string
	// Threads is how many threads run Go code at once. Zero: what GOMAXPROCS in the
	// environment says, or as many as there are cores.
	Threads int
	// File is the YAML file that was read; empty for none.
	File string
	// LogLevel is debug, info, warn or error; LogFormat text or json.
	LogLevel, LogFormat string

	// ShowHelp, ShowVersion and CheckOnly are what --help, --version and
	// --check-config ask for. After the first two Load has read nothing else.
	ShowHelp, ShowVersion, CheckOnly bool

	// origin is how each setting was given, for messages; missing: default.
	origin map[string]entry
}

// Default is the configuration when nothing is set. InstanceID is empty: Load
// fills it in.
func Default() Config {
	return Config{
		Listen:          []string{"127.0.0.1:6380"},
		Namespace:       "distkit",
		MaxNamespaces:   256,
		FlushInterval:   20 * time.Millisecond,
		AllowedLag:      20 * time.Millisecond,
		DeadAfter:       30 * time.Second,
		Partitions:      1,
		MaxPending:      1_000_000,
		CommandTimeout:  time.Second,
		ShareFrom:       4,
		ShutdownTimeout: 8 * time.Second,
		MaxClients:      10_000,
		MaxBulk:         512 * mb,
		MaxArgs:         1024 * 1024,
		MaxQueryBuffer:  1 * gb,
		MaxClientMemory: 48 * mb,
		Deny:            []string{"SHUTDOWN", "SYNC", "PSYNC", "REPLCONF"},
		JournalSync:     "interval",
		LogLevel:        "info",
		LogFormat:       "text",
	}
}
