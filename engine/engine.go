package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distkit/distkit-proxy/lua"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Engine holds the counters in memory and brings them to Redis. Make one with
// New. Safe for concurrent use.
type Engine struct {
	// Fixed after New.
	opts      Options
	log       *slog.Logger
	defaultNS []byte
	client    *redis.Client
	store     store
	started   time.Time
	patience  time.Duration   // lockPatience
	ctx       context.Context // ends the flushers
	cancel    context.CancelFunc
	stopped   chan struct{} // closed by Close: nobody waits any longer

	journal  *journaling // nil: there is none
	patterns patterns    // of ordinary keys
	rare     *rareBook   // of those; nil: there are none
	open     func(*redis.Client) store

	spaces atomic.Pointer[map[string]*space]    // replaced under mu, never changed
	places atomic.Pointer[map[place]*partition] // of ordinary keys; likewise

	mu sync.Mutex // guards the making and leaving of namespaces and places
	// mu guards the following fields.
	stores  map[int]store   // of databases other than the options'
	clients []*redis.Client // theirs
	heldAll int             // holds on every database

	// Shared and safe.
	pending        atomic.Int64 // counters with unacknowledged changes
	counters       atomic.Int64 // counters in memory
	noBurialBefore atomic.Int64
	downSince      atomic.Int64 // when Redis was first not reached; 0: it was reached last
	lastContact    atomic.Int64 // when Redis last answered
	met            atomic.Bool  // Redis was reached at least once
	lacking        atomic.Bool  // too few replicas confirmed when last asked
	rights         rights
	stats          counts

	meeting sync.WaitGroup // what is done when Redis is first reached
	leaving sync.WaitGroup // flushers of namespaces that made room
	closing sync.Once
	closed  chan struct{} // closed when Close has ended
}

// New starts an engine. It does not need Redis to be reachable.
func New(opts Options) (*Engine, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := opts.openJournal(); err != nil {
		return nil, err
	}
	client := redis.NewClient(clientOptions(opts))
	return newEngine(opts, client, func(c *redis.Client) store { return lua.NewExecutor(c) }), nil
}

// newEngine makes an engine whose Redis is what open makes of a client.
func newEngine(opts Options, client *redis.Client, open func(*redis.Client) store) *Engine {
	e := &Engine{
		journal: opts.journal, patterns: opts.patterns, open: open, stores: make(map[int]store),
		opts: opts, log: opts.Logger, defaultNS: []byte(opts.Namespace),
		client: client, store: open(client), started: time.Now(), patience: lockPatience,
		stopped: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	if e.HasLax() {
		e.rare = new(rareBook)
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.spaces.Store(&map[string]*space{})
	e.places.Store(&map[place]*partition{})
	if e.journal != nil {
		e.journal.attach(e)
	}
	e.meeting.Go(func() {
		for e.guard("meeting Redis", e.meet) != nil {
			select {
			case <-time.After(maxBackoff):
			case <-e.ctx.Done():
				return
			}
		}
	})
	return e
}

// clientOptions are the client's options as the engine needs them: a numbered
// batch is repeated by its flusher, and nothing else is repeated at all.
func clientOptions(opts Options) *redis.Options {
	o := *opts.Redis
	o.MaxRetries = -1
	o.Protocol = 2
	o.DisableIdentity = true
	o.ContextTimeoutEnabled = true
	o.DialTimeout = opts.CommandTimeout
	o.DialerRetries = 1
	o.ReadTimeout = opts.CommandTimeout
	o.WriteTimeout = opts.CommandTimeout
	o.PoolTimeout = opts.CommandTimeout
	o.PoolSize = 64
	o.Dialer = opts.links.dialer(&o)
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &o
}

// now is the time since the engine's start in ns, never 0.
func (e *Engine) now() int64 { return int64(time.Since(e.started)) + 1 }

// InstanceID is this instance's id.
func (e *Engine) InstanceID() string { return e.opts.InstanceID }

// start runs a partition's flusher.
func (e *Engine) start(p *partition) {
	ctx, cancel := context.WithCancel(e.ctx)
	done := make(chan struct{})
	p.stopFlusher = func() { cancel(); <-done }
	go func() {
		defer close(done)
		p.keepFlushing(ctx)
	}()
}

func (e *Engine) isStopped() bool {
	select {
	case <-e.stopped:
		return true
	default:
		return false
	}
}
