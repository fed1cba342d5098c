// Package acl remembers for a moment what Redis says its users may do.
//
// Redis is asked when somebody does what depends on it, once for all who wait,
// and again in the background while the answer is in use, so that as a rule nobody waits
// for it twice. While Redis cannot be asked its last answer stands.
package acl

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// Defaults of Options.
const (
	DefaultAge    = 2 * time.Second
	DefaultUsers  = 256
	DefaultSpaces = 4096
)

// retryPause is how long nobody asks again after Redis did not answer.
const retryPause = time.Second

// Redis is who is asked. See engine.Engine.
type Redis interface {
	UserRights(ctx context.Context, user string) (engine.Permit, error)
	UserMay(ctx context.Context, user string, use engine.Use) (engine.Permit, error)
}

// Options configure a Book.
type Options struct {
	// Redis answers. Required.
	Redis Redis
	// Context ends the questions under way. Required.
	Context context.Context
	// Go runs a question in a goroutine that is waited for. Required.
	Go func(func())
	// Age is how long an answer counts. Default DefaultAge.
	Age time.Duration
	// Users bounds the users that are remembered, Spaces for each of them what
	// they may do where: with which namespace, or ordinary key. Defaults DefaultUsers and DefaultSpaces.
	Users, Spaces int
}

// Book is what is remembered of all users. Safe for concurrent use.
type Book struct {
	opts Options

	mu    sync.Mutex // guards the following field
	users map[string]*User
}

// New makes an empty Book.
func New(opts Options) *Book {
	setDefault(&opts.Age, DefaultAge)
	setDefault(&opts.Users, DefaultUsers)
	setDefault(&opts.Spaces, DefaultSpaces)
	return &Book{opts: opts, users: make(map[string]*User)}
}

func setDefault[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}

// User is one of Redis' users. It stays good when the Book forgets it. Safe for
// concurrent use.
type User struct {
	book   *Book
	name   string
	rights answer

	mu   sync.RWMutex // guards the following field
	uses map[string]*answer
}

// User returns what is remembered of a user.
func (b *Book) User(name string) *User {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.users[name]
	if u == nil {
		makeRoom(b.users, b.opts.Users)
		u = &User{book: b, name: name, uses: make(map[string]*answer)}
		b.users[name] = u
	}
	return u
}

// makeRoom forgets one of m, whichever, if there are as many as may be: it is
// asked for again.
func makeRoom[T any](m map[string]T, most int) {
	if len(m) < most {
		return
	}
	for key := range m {
		delete(m, key)
		return
	}
}

// Waiter is called before Redis is waited for; false: not to wait.
type Waiter func() bool

// All reports whether Redis has said just now that the user may do everything.
// It takes no lock and allocates nothing.
func (u *User) All() bool {
	p, fresh := u.rights.read(u.book.opts.Age)
	return fresh && p == engine.PermitAll
}

// Rights is PermitAll, PermitSome, PermitGone, or PermitUnknown while Redis was
// never reached.
func (u *User) Rights(ctx context.Context, wait Waiter) engine.Permit {
	if p, fresh := u.rights.read(u.book.opts.Age); fresh {
		return p
	}
	return u.book.get(ctx, &u.rights, wait, func(ctx context.Context) (engine.Permit, error) {
		return u.book.opts.Redis.UserRights(ctx, u.name)
	})
}

// Tryout finds out by another way what a user may do, where Redis does not
// tell. Its errors mean that Redis did not answer.
type Tryout func(ctx context.Context, use engine.Use) (engine.Permit, error)

// May is PermitYes, PermitNoCommand, PermitNoKey, PermitGone, PermitSome where
// it cannot be found out, or PermitUnknown while Redis was never reached.
func (u *User) May(ctx context.Context, f engine.Family, namespace []byte, write bool, wait Waiter, try Tryout) engine.Permit {
	a := u.use(f, "", namespace, write, true)
	if p, fresh := a.read(u.book.opts.Age); fresh {
		return p
	}
	return u.ask(ctx, a, engine.Use{Family: f, Namespace: string(namespace), Write: write}, wait, try)
}

// MayCount is May for a command on an ordinary key, by its name in lower case;
// operand says that an integer follows the key.
func (u *User) MayCount(ctx context.Context, verb string, key []byte, operand bool, wait Waiter) engine.Permit {
	a := u.use(engine.Ordinary, verb, key, operand, true)
	if p, fresh := a.read(u.book.opts.Age); fresh {
		return p
	}
	return u.ask(ctx, a, engine.Use{Family: engine.Ordinary, Namespace: string(key), Write: operand, Verb: verb}, wait, nil)
}

func (u *User) ask(ctx context.Context, a *answer, use engine.Use, wait Waiter, try Tryout) engine.Permit {
	return u.book.get(ctx, a, wait, func(ctx context.Context) (engine.Permit, error) {
		p, err := u.book.opts.Redis.UserMay(ctx, u.name, use)
		if errors.Is(err, engine.ErrUntold) && try != nil {
			p, err = try(ctx, use)
		}
		if errors.Is(err, engine.ErrUntold) {
			return engine.PermitSome, nil
		}
		return p, err
	})
}

// Known is May for who neither waits nor asks.
func (u *User) Known(f engine.Family, namespace []byte, write bool) bool {
	if p, _ := u.rights.read(u.book.opts.Age); p == engine.PermitAll {
		return true
	}
	a := u.use(f, "", namespace, write, false)
	if a == nil {
		return false
	}
	p, _ := a.read(u.book.opts.Age)
	return p == engine.PermitYes
}

// use finds the answer for a use of counters, or makes room for one.
func (u *User) use(f engine.Family, verb string, namespace []byte, write, make bool) *answer {
	var room [256]byte
	kind := byte(f) << 1
	if write {
		kind |= 1
	}
	key := append(append(append(append(room[:0], kind), verb...), 0), namespace...)
	u.mu.RLock()
	a := u.uses[string(key)]
	u.mu.RUnlock()
	if a != nil || !make {
		return a
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if a = u.uses[string(key)]; a == nil {
		makeRoom(u.uses, u.book.opts.Spaces)
		a = new(answer)
		u.uses[string(key)] = a
	}
	return a
}

// answer is what Redis said to one question. Safe for concurrent use; the zero
// value was never asked.
type answer struct {
	last atomic.Pointer[dated]

	mu     sync.Mutex // guards the following fields
	asking chan struct{}
	failed bool      // Redis did not answer the last time
	tried  time.Time // … which ended then
}

type dated struct {
	permit engine.Permit
	at     time.Time // when it was asked for
}

// read returns the last answer, and whether it need not be asked for again yet:
// half of its life.
func (a *answer) read(age time.Duration) (p engine.Permit, fresh bool) {
	last := a.last.Load()
	if last == nil {
		return engine.PermitUnknown, false
	}
	return last.permit, time.Since(last.at) < age/2
}

// get returns an answer, asked for again if it is not fresh, and waited for if
// it does not count any more.
func (b *Book) get(ctx context.Context, a *answer, wait Waiter, ask func(context.Context) (engine.Permit, error)) engine.Permit {
	asking, stands := b.begin(a, ask)
	if stands || asking == nil || wait != nil && !wait() {
		p, _ := a.read(0)
		return p
	}
	select {
	case <-asking:
	case <-ctx.Done():
	}
	p, _ := a.read(0)
	return p
}

// begin asks unless that is under way, or has just failed. It also reports
// whether the last answer stands.
func (b *Book) begin(a *answer, ask func(context.Context) (engine.Permit, error)) (asking <-chan struct{}, stands bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.last.Load()
	stands = last != nil && (a.failed || time.Since(last.at) < b.opts.Age)
	if a.asking != nil {
		return a.asking, stands
	}
	if a.failed && time.Since(a.tried) < retryPause {
		return nil, stands
	}
	done := make(chan struct{})
	a.asking = done
	b.opts.Go(func() { b.settle(a, ask, done) })
	return done, stands
}

// settle asks Redis and takes note of the answer.
func (b *Book) settle(a *answer, ask func(context.Context) (engine.Permit, error), done chan struct{}) {
	defer close(done)
	begun := time.Now()
	permit, err := ask(b.opts.Context)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed = err != nil; !a.failed {
		a.last.Store(&dated{permit, begun})
	}
	a.asking, a.tried = nil, time.Now()
}
