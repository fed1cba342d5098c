package engine

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// opKind is an operation that a script carries out, unlike an increment in
// memory. Its String is the script's word for it.
type opKind uint8

const (
	opInc opKind = iota
	opSet
	opSetI
	opDel
	opDelI
	opGet
	opClear  // the whole partition
	opClearI // the whole partition, this instance's slices
)

func (k opKind) String() string {
	return [...]string{"inc", "set", "seti", "del", "deli", "get", "clear", "cleari"}[k]
}

// voids reports whether the operation makes earlier changes of its counter
// meaningless, refused ones too.
func (k opKind) voids() bool { return k == opSet || k == opDel }

// opReq is one operation of a lax partition, carried out by the flusher in a
// numbered batch, or of a strict one.
type opReq struct {
	kind opKind
	name string
	n    int64
	cond Cond
	res  Result // set by the flusher before its group is done

	left  bool // its client has been told that the outcome is unknown; guarded by partition.mu
	ahead bool // its cell has it in ahead
	lasts bool // … and is of a key without an expiry
}

// opGroup is the operations of one client command on one partition. They are
// carried out in order, if need be in several batches.
type opGroup struct {
	ops  []*opReq
	at   []int         // where in the command the ops stand
	reqs []opReq       // room for them
	next int           // ops before it are in a batch; guarded by partition.mu
	done chan struct{} // closed when every op has its result
}

// Del removes a counter: Prev is what it was.
func (e *Engine) Del(ctx context.Context, f Family, key Key) Result {
	return e.one(ctx, f, opDel, Item{Key: key})
}

// DelI removes this instance's slice of a counter: Value.Total is the new
// total, Prev.Mine what was removed.
func (e *Engine) DelI(ctx context.Context, f Family, key Key) Result {
	return e.one(ctx, f, opDelI, Item{Key: key})
}

// Set sets totals, and raises each counter's epoch. The outcome of items[i] is
// in results[i].
func (e *Engine) Set(ctx context.Context, f Family, items []Item, results []Result) {
	e.operate(ctx, f, opSet, items, results)
}

// Clear removes all counters of a namespace and family.
func (e *Engine) Clear(ctx context.Context, f Family, namespace []byte) error {
	return e.clear(ctx, f, opClear, namespace)
}

// ClearI removes this instance's slices of all counters of a namespace and family.
func (e *Engine) ClearI(ctx context.Context, f Family, namespace []byte) error {
	return e.clear(ctx, f, opClearI, namespace)
}

func (e *Engine) one(ctx context.Context, f Family, kind opKind, item Item) Result {
	var res [1]Result
	e.operate(ctx, f, kind, []Item{item}, res[:])
	return res[0]
}

// operate carries out one client command's items, in order within each
// partition, all partitions at once.
func (e *Engine) operate(ctx context.Context, f Family, kind opKind, items []Item, results []Result) {
	groups := make(map[*partition]*opGroup)
	for i := range items {
		item := &items[i]
		p, err := e.partition(f, item.Key.Namespace, hash(item.Key.Counter))
		if err != nil {
			fail(results, err)
			return
		}
		group := groups[p]
		if group == nil {
			group = newGroup()
			groups[p] = group
		}
		group.ops = append(group.ops, &opReq{kind: kind, name: string(item.Key.Counter), n: item.N, cond: item.Cond})
		group.at = append(group.at, i)
	}
	var wg sync.WaitGroup
	for p, group := range groups {
		run := func() {
			for i, res := range p.runGroup(ctx, group) {
				results[group.at[i]] = res
			}
		}
		if len(groups) == 1 {
			run()
		} else {
			wg.Go(func() {
				if e.guard("operations", run) != nil {
					for _, i := range group.at {
						results[i] = Result{Err: ErrUnknown}
					}
				}
			})
		}
	}
	wg.Wait()
}

// clear carries out CLEAR or CLEARI on every partition of a namespace and family.
func (e *Engine) clear(ctx context.Context, f Family, kind opKind, namespace []byte) error {
	parts, err := e.partitions(f, namespace)
	if err != nil {
		return err
	}
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() {
			group := newGroup()
			group.ops = []*opReq{{kind: kind}}
			errs[i] = ErrUnknown
			e.guard("clear", func() { errs[i] = p.runGroup(ctx, group)[0].Err })
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// runGroup carries out a group and returns the ops' results.
func (p *partition) runGroup(ctx context.Context, group *opGroup) []Result {
	err := p.submit(group)
	for err == errGone { // its namespace made room for another: look it up again
		runtime.Gosched()
		parts, lookup := p.e.partitions(p.family, []byte(p.space.name))
		if lookup != nil {
			return sameFailure(len(group.ops), lookup)
		}
		p = parts[p.index]
		err = p.submit(group)
	}
	switch {
	case err != nil:
		return sameFailure(len(group.ops), err)
	case !p.family.Lax():
		defer p.strictly.Add(-1)
		return p.runStrict(ctx, group.ops)
	}
	timer := time.NewTimer(p.e.opts.CommandTimeout)
	defer timer.Stop()
	select {
	case <-group.done:
		return group.results()
	case <-timer.C:
	case <-ctx.Done():
	case <-p.e.stopped:
	}
	return p.giveUp(group)
}

// submit puts a group in line for the flusher, or notes that a strict one is
// under way: then the caller counts it off.
func (p *partition) submit(group *opGroup) error {
	if err := p.failed.Load(); err != nil && p.e.now() < p.tryAt.Load() {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone:
		return errGone
	case !p.family.Lax():
		p.strictly.Add(1)
	default:
		p.groups = append(p.groups, group)
		p.kick()
	}
	return nil
}

// giveUp ends the wait for a group: what no batch contains yet is withdrawn and
// certainly not carried out; of the rest the outcome is unknown.
func (p *partition) giveUp(group *opGroup) []Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-group.done: // just now
		return group.results()
	default:
	}
	p.groups = slices.DeleteFunc(p.groups, func(g *opGroup) bool { return g == group })
	results := sameFailure(len(group.ops), ErrUnavailable)
	for i := range group.next {
		results[i].Err = ErrUnknown
		group.ops[i].left = true
	}
	return results
}

func newGroup() *opGroup { return &opGroup{done: make(chan struct{})} }

// results are the ops' results; call it after done is closed.
func (g *opGroup) results() []Result {
	results := make([]Result, len(g.ops))
	for i, op := range g.ops {
		results[i] = op.res
	}
	return results
}

func sameFailure(n int, err error) []Result {
	results := make([]Result, n)
	fail(results, err)
	return results
}

// fail gives every item the same failure.
func fail(results []Result, err error) {
	for i := range results {
		results[i] = Result{Err: err}
	}
}
