package engine

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/distkit/distkit-proxy/lua"
)

// space is a namespace: its partitions, per family made at first use.
type space struct {
	name string
	e    *Engine

	parts [families]atomic.Pointer[[]*partition]

	mu sync.Mutex
	// mu guards the following field, and the making of parts.
	gone bool

	agreed atomic.Int32 // how far agree has come: 0, read, recorded
}

const (
	agreedRead = iota + 1
	agreedRecorded
)

// family returns the partitions of a family, or nil when the space has left.
func (sp *space) family(f Family) []*partition {
	if parts := sp.parts[f].Load(); parts != nil {
		return *parts
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if parts := sp.parts[f].Load(); parts != nil {
		return *parts
	}
	if sp.gone {
		return nil
	}
	parts := make([]*partition, sp.e.opts.Partitions)
	for i := range parts {
		parts[i] = newPartition(sp.e, sp, f, i)
		parts[i].join(partitionName{family: f, namespace: sp.name, index: i, of: len(parts)})
		if f.Lax() || f.InstanceAware() {
			sp.e.start(parts[i])
		}
	}
	sp.parts[f].Store(&parts)
	return parts
}

// all returns the partitions that exist.
func (sp *space) all() (parts []*partition) {
	for f := range sp.parts {
		if ps := sp.parts[f].Load(); ps != nil {
			parts = append(parts, *ps...)
		}
	}
	return parts
}

// agree makes sure that this proxy and those before it mean the same by this
// namespace: before the first write it records the number of partitions and
// dead_after, before the first read it compares them.
func (sp *space) agree(ctx context.Context, write bool) error {
	need := int32(agreedRead)
	if write {
		need = agreedRecorded
	}
	if sp.agreed.Load() >= need {
		return nil
	}
	if err := sp.e.agree(ctx, sp.name, write); err != nil {
		return err
	}
	for have := sp.agreed.Load(); have < need && !sp.agreed.CompareAndSwap(have, need); have = sp.agreed.Load() {
	}
	return nil
}

// askAgain has every namespace compare and record its settings again, because
// what is recorded may have been lost.
func (e *Engine) askAgain() {
	for _, sp := range *e.spaces.Load() {
		sp.agreed.Store(0)
	}
}

func (e *Engine) agree(ctx context.Context, namespace string, record bool) error {
	flag := 0
	if record {
		flag = 1
	}
	own := e.settings()
	reply := e.call(ctx, lua.Config.Call([]string{lua.ConfigKey}, namespace, own[0], own[1], flag))[0]
	if reply.Err != nil {
		return reply.Err
	}
	words := list(reply.Value)
	return disagreement(namespace, own, [2]string{word(words, 0), word(words, 1)})
}

// settings are what all proxies of a namespace must agree on: the number of
// partitions, and dead_after in ms.
func (e *Engine) settings() [2]string {
	return [2]string{strconv.Itoa(e.opts.Partitions), strconv.FormatInt(e.opts.DeadAfter.Milliseconds(), 10)}
}

// disagreement compares own settings with the recorded ones.
func disagreement(namespace string, own, recorded [2]string) error {
	if recorded[0] != "" && recorded[0] != own[0] {
		return differs("distkit: namespace %s is recorded with %s partitions in %s, this proxy has --partitions %s",
			namespace, recorded[0], lua.ConfigKey, own[0])
	}
	if recorded[1] != "" && recorded[1] != own[1] {
		return differs("distkit: namespace %s is recorded with a dead_after of %s ms in %s, this proxy has --dead-after %sms",
			namespace, recorded[1], lua.ConfigKey, own[1])
	}
	return nil
}

func differs(format string, args ...any) error {
	return &settingsError{Error{"ERR", fmt.Sprintf(format, args...)}}
}

// partition returns the partition of a counter.
func (e *Engine) partition(f Family, namespace []byte, h uint64) (*partition, error) {
	parts, err := e.partitions(f, namespace)
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts[h%uint64(len(parts))], nil
}

// partitions returns all partitions of a namespace and family, making them at
// first use.
func (e *Engine) partitions(f Family, namespace []byte) ([]*partition, error) {
	for {
		sp := (*e.spaces.Load())[string(namespace)]
		if sp == nil {
			var err error
			if sp, err = e.addSpace(string(namespace)); err != nil {
				return nil, err
			}
		}
		if parts := sp.family(f); parts != nil {
			return parts, nil
		}
		if e.isStopped() {
			return nil, ErrClosed
		}
	}
}

// addSpace makes a namespace live. At the bound it first lets go of those that
// hold nothing.
func (e *Engine) addSpace(name string) (*space, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := *e.spaces.Load()
	if sp := old[name]; sp != nil {
		return sp, nil
	}
	if e.isStopped() {
		return nil, ErrClosed
	}
	spaces := make(map[string]*space, len(old)+1)
	for n, sp := range old {
		spaces[n] = sp
	}
	if name != e.opts.Namespace && len(spaces) >= e.opts.MaxNamespaces {
		for n, sp := range spaces {
			if sp.leave() {
				delete(spaces, n)
				// Not under the lock: a flusher may be waiting for Redis.
				e.leaving.Go(sp.stopFlushers)
			}
		}
	}
	// The default namespace always has room: nobody can lock it out.
	if name != e.opts.Namespace && len(spaces) >= e.opts.MaxNamespaces {
		e.spaces.Store(&spaces)
		return nil, &Error{"ERR", fmt.Sprintf("distkit: %d namespaces are in use, and no more are allowed (--max-namespaces); a namespace groups counters and is not made per user", e.opts.MaxNamespaces)}
	}
	sp := &space{name: name, e: e}
	spaces[name] = sp
	e.spaces.Store(&spaces)
	return sp, nil
}

// leave closes a namespace that holds nothing: no counter in memory but such as
// read zero, no operation, no slice that needs heartbeats. False: it stays. A
// namespace that counts stays live until its counters have been idle, so that
// making one per user is noticed; one that was only asked for does not.
func (sp *space) leave() bool {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	parts := sp.all()
	for i, p := range parts {
		if !p.close() {
			for _, closed := range parts[:i] {
				closed.reopen()
			}
			return false
		}
	}
	sp.gone = true
	return true
}

func (sp *space) stopFlushers() {
	for _, p := range sp.all() {
		p.stopFlusher()
	}
}

// close lets go of counters that read zero and keeps new ones out; false if there
// are others, or one has something unflushed.
func (p *partition) close() bool {
	if p.dirty.Load() > 0 || p.beatAt.Load() != 0 || p.strictly.Load() > 0 {
		return false
	}
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		s.eachLocked(func(c *cell) {
			if c.idle() && c.base == (Value{}) {
				s.dropLocked(c)
				p.gained(-1)
			}
		})
		empty := s.empty()
		s.closed = empty
		s.mu.Unlock()
		if !empty {
			p.reopen()
			return false
		}
	}
	p.mu.Lock()
	idle := len(p.groups)+p.loads.len()+len(p.queue)+len(p.hurry) == 0 && !p.busy && p.strictly.Load() == 0
	p.gone = idle
	p.mu.Unlock()
	if !idle {
		p.reopen()
	}
	return idle
}

func (p *partition) reopen() {
	p.mu.Lock()
	p.gone = false
	p.mu.Unlock()
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		s.closed = false
		s.mu.Unlock()
	}
}
