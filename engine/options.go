package engine

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine/hot"
	"github.com/distkit/distkit-proxy/engine/journal"
)

// Options configure an Engine. The zero value of a field means its default.
type Options struct {
	// Redis is how the Redis behind is reached, counters' database included.
	// Required. The engine overrides retries and protocol: a numbered batch is
	// repeated by the engine alone.
	Redis *redis.Options
	// Namespace is that of keys without a colon. Default "distkit".
	Namespace string
	// MaxNamespaces bounds the namespaces live at once. Default 256.
	MaxNamespaces int
	// InstanceID is 1 to 64 of [A-Za-z0-9._-]. Required.
	InstanceID string
	// FlushInterval is the time between two flushes of a partition that is
	// written all the time. Default 20 ms.
	FlushInterval time.Duration
	// AllowedLag is how long after a touch a counter is kept fresh. Default 20 ms.
	AllowedLag time.Duration
	// DeadAfter is the silence after which an instance is dead. Default 30 s.
	DeadAfter time.Duration
	// Partitions per namespace and family. Default 1, which gives the crate's key names.
	Partitions int
	// MaxPending bounds the counters with unflushed deltas. Default 1,000,000.
	MaxPending int
	// MaxPendingAge bounds the age of the oldest unflushed delta. Zero: no bound.
	MaxPendingAge time.Duration
	// WaitReplicas is how many replicas must have a flush, or what a strict
	// command has written, before it counts as done; they have half of
	// CommandTimeout to say so. Zero: none is asked.
	WaitReplicas int
	// CommandTimeout bounds a wait for Redis. Default 1 s.
	CommandTimeout time.Duration
	// IdleAfter is how long an untouched counter stays in memory. Default 60 s.
	IdleAfter time.Duration
	// Lax are the ordinary keys that are treated as counters. None by default.
	Lax []Pattern
	// Journal is the directory of a journal, so that what was accepted survives the
	// process. Empty: there is none.
	Journal string
	// JournalSync is when the disk is waited for.
	JournalSync journal.Policy
	// JournalFiles makes a file of the journal, which must not be there yet. Nil: in the
	// system's way.
	JournalFiles func(path string) (journal.File, error)
	// InstanceChosen says that InstanceID is to be kept to. Otherwise a journal's own
	// is used in its place.
	InstanceChosen bool
	// RareFrom is from how many increments a second of ordinary keys that are not in
	// memory on these are sent to Redis as they are, provided that they are half of all
	// or more: see HoldRare. Default 2,000; 1: always.
	RareFrom int
	// Observer is told what ordinary commands do, by whoever sends them on, and
	// asked by DK.HOT: see NewObserver. Nil: nothing is observed.
	Observer *hot.Observer
	// Logger takes one line per event, none per request. Default: discard.
	Logger *slog.Logger

	links    *links      // made by withDefaults
	patterns patterns    // likewise
	journal  *journaling // made by openJournal

	// Tests set this.
	journalSegment int64 // in place of segmentSize
}

// ValidInstanceID reports whether s may name an instance.
func ValidInstanceID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// withDefaults fills in zero fields and checks the rest.
func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Namespace, DefaultNamespace)
	setDefault(&o.MaxNamespaces, 256)
	setDefault(&o.FlushInterval, 20*time.Millisecond)
	setDefault(&o.AllowedLag, 20*time.Millisecond)
	setDefault(&o.DeadAfter, 30*time.Second)
	setDefault(&o.Partitions, 1)
	setDefault(&o.MaxPending, 1_000_000)
	setDefault(&o.CommandTimeout, time.Second)
	setDefault(&o.IdleAfter, time.Minute)
	setDefault(&o.RareFrom, 2000)
	o.links = &links{}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Redis == nil:
		return o, fmt.Errorf("engine: Redis is required")
	case !ValidInstanceID(o.InstanceID):
		return o, fmt.Errorf("engine: instance id %q: 1 to 64 of [A-Za-z0-9._-] are allowed", o.InstanceID)
	case !ValidNamespace(o.Namespace):
		return o, fmt.Errorf("engine: namespace %q: 1 to 255 bytes without ':', '{' or '}' are allowed", o.Namespace)
	case o.WaitReplicas < 0:
		return o, fmt.Errorf("engine: wait replicas %d: at least 0 is needed", o.WaitReplicas)
	case o.Partitions < 1:
		return o, fmt.Errorf("engine: partitions %d: at least 1 is needed", o.Partitions)
	}
	var err error
	o.patterns, err = newPatterns(&o)
	return o, err
}

func setDefault[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}
