package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// options are what a run is made of.
type options struct {
	duration time.Duration // of the whole run, checks included
	round    time.Duration // from one check to the next
	pause    time.Duration // average time between two commands of a client
	seed     uint64
	first    int // the round to begin with
	setup    string
	proxies  int
	race     bool
	journal  bool
	verbose  bool   // every fault is printed
	faults   string // how the chosen ones were named
	chosen   []*fault
	dir      string // where servers and histories lie
	out      io.Writer
}

// torture is a run.
type torture struct {
	opts    options
	field   *field
	ledger  *ledger
	solos   []*solos // by place
	floors  *floors
	history *history
	stats   stats

	mu sync.Mutex
	// mu guards the following fields.
	active     map[*injection]bool
	striking   map[string]*sync.Mutex // by lane and target: faults there come one after the other
	disturbed  time.Time              // when the last fault was over
	violations []violation
	told       map[account]bool // violations of this round
	tally      map[*fault]*tally
}

// stats are counts of a run.
type stats struct {
	commands, acked, doubts, lostAtStop, checked atomic.Int64
	rounds                                       int
}

// tally is what is known of one kind of fault.
type tally struct {
	times, failed int
	acked         int64 // increments acknowledged while it lasted
	lost, doubled int   // violations in rounds in which it happened
	other         int
}

// violation is a promise that was not kept.
type violation struct {
	kind    string
	account account
	text    string
	file    string // the counter's history
	round   int
}

// unexpectedError is the kind of a violation that outcomes does not know.
const unexpectedError = "unexpected error"

func (v violation) String() string {
	return fmt.Sprintf("%s: %s%s (%s): %s", v.kind, v.account.family, v.account.counter, v.account.id, v.text)
}

// run tortures until the time is over and returns the run. An error says why it
// could not, not that it found something.
func run(ctx context.Context, opts options) (*torture, error) {
	t := &torture{
		opts: opts, ledger: newLedger(), floors: &floors{at: make(map[view]floor)}, history: newHistory(),
		active: make(map[*injection]bool), striking: make(map[string]*sync.Mutex), told: make(map[account]bool), tally: make(map[*fault]*tally),
	}
	var err error
	if t.field, err = newField(ctx, opts.dir, opts.setup, opts.proxies, opts.race, opts.journal); err != nil {
		return nil, err
	}
	defer t.field.stop()
	if t.field.clock == nil {
		fmt.Fprintln(opts.out, "the clock of Redis is not set:", t.field.noClock)
	}
	for range opts.proxies {
		t.solos = append(t.solos, &solos{})
	}
	for _, f := range opts.chosen {
		t.tally[f] = &tally{}
	}
	end := time.Now().Add(opts.duration)
	for round := opts.first; time.Now().Before(end) && ctx.Err() == nil && !t.enough(); round++ {
		length := min(opts.round, time.Until(end))
		if err := t.round(ctx, round, length); err != nil {
			return t, err
		}
	}
	for _, p := range t.field.proxies {
		for _, text := range p.alarms() {
			t.violation(violation{kind: "alarm", account: account{id: p.instance()}, text: text})
		}
	}
	return t, nil
}

// maxViolations ends a run.
const maxViolations = 20

// enough reports whether a run has found so much that more would not help. An
// error that nobody has a meaning for leaves open what to count.
func (t *torture) enough() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.violations) >= maxViolations ||
		slices.ContainsFunc(t.violations, func(v violation) bool { return v.kind == unexpectedError })
}

// round runs load and faults for a while, and checks.
func (t *torture) round(ctx context.Context, round int, length time.Duration) error {
	t.stats.rounds++
	began, acked := time.Now(), t.stats.acked.Load()
	found := len(t.violations)
	injections := schedule(t.opts.seed, round, t.opts.round, len(t.field.proxies), t.opts.chosen)
	loadCtx, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	load := t.startLoad(loadCtx, round)
	happened := t.inject(ctx, injections, length)
	stopLoad()
	load.Wait()

	atRest := time.Now()
	t.note("the clients have stopped")
	if err := t.field.heal(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("round %d: undoing the faults: %w", round, err)
	}
	t.note("every fault is undone")
	b, err := t.quiet(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		t.violation(violation{kind: "liveness", text: err.Error()})
	} else {
		t.check(b)
		t.sound(ctx)
	}
	alive := make(map[int]int64)
	for _, p := range t.field.proxies {
		alive[p.place] = p.life.Load()
	}
	t.floors.forget(alive)

	t.mu.Lock()
	t.blame(round, happened, t.violations[found:])
	clear(t.told)
	t.mu.Unlock()
	t.history.forget()
	fmt.Fprintf(t.opts.out, "round %d: %d faults, %d increments acknowledged, %d violations, %v, at rest after %v\n",
		round, len(happened), t.stats.acked.Load()-acked, len(t.violations)-found,
		atRest.Sub(began).Round(100*time.Millisecond), time.Since(atRest).Round(100*time.Millisecond))
	if err != nil { // whatever comes next would only repeat it
		return fmt.Errorf("round %d did not come to rest: %w", round, err)
	}
	for _, r := range t.field.redis {
		if err := r.compact(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// startLoad starts the clients of a round.
func (t *torture) startLoad(ctx context.Context, round int) *sync.WaitGroup {
	wg := new(sync.WaitGroup)
	for _, p := range t.field.proxies {
		clients := []struct {
			conn     conn
			pipeline int
		}{
			{libraryConn{newClient(p.addr, clientTimeout)}, 1},
			{libraryConn{newClient(p.addr, clientTimeout)}, 8},
			{&plainConn{addr: p.addr}, 1},
			{&plainConn{addr: p.addr}, 30},
		}
		for i, c := range clients {
			random := rand.New(rand.NewPCG(t.opts.seed^uint64(i+10*p.place), uint64(round)))
			wg.Go(func() {
				defer c.conn.close()
				t.client(ctx, p.place, i, c.conn, c.pipeline, random)
			})
		}
		wg.Go(func() {
			client := newClient(p.addr, clientTimeout)
			defer client.Close()
			t.writer(ctx, p.place, client, rand.New(rand.NewPCG(t.opts.seed^uint64(100+p.place), uint64(round))))
		})
		wg.Go(func() { t.flusher(ctx, p, rand.New(rand.NewPCG(t.opts.seed^uint64(200+p.place), uint64(round)))) })
	}
	return wg
}

// inject makes the faults happen that begin within length, and returns when the
// last is over.
func (t *torture) inject(ctx context.Context, injections []injection, length time.Duration) (happened []*fault) {
	var wg sync.WaitGroup
	start := time.Now()
	wait := func(until time.Duration) {
		select {
		case <-time.After(time.Until(start.Add(until))):
		case <-ctx.Done():
		}
	}
	for i := range injections {
		in := &injections[i]
		if in.at >= length || ctx.Err() != nil {
			break
		}
		wait(in.at)
		happened = append(happened, in.fault)
		wg.Go(func() { t.strike(ctx, in) })
	}
	wait(length)
	wg.Wait()
	return happened
}

// strike makes one fault happen and counts it.
func (t *torture) strike(ctx context.Context, in *injection) {
	// One may last longer than planned: the next must not find its target half up.
	turn := t.turn(in)
	turn.Lock()
	defer turn.Unlock()
	t.mu.Lock()
	t.active[in] = true
	t.mu.Unlock()
	t.note("%v", *in)
	acked := t.stats.acked.Load()
	err := in.fault.happens(ctx, t, *in)
	t.note("over: %v: %v", *in, err)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.active, in)
	t.disturbed = time.Now()
	tally := t.tally[in.fault]
	tally.times++
	tally.acked += t.stats.acked.Load() - acked
	if err != nil {
		tally.failed++
	}
}

// turn is held while a fault strikes a target.
func (t *torture) turn(in *injection) *sync.Mutex {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := fmt.Sprint(in.fault.lane, in.target)
	if t.striking[key] == nil {
		t.striking[key] = new(sync.Mutex)
	}
	return t.striking[key]
}

// note adds to the history of the round.
func (t *torture) note(format string, args ...any) {
	t.history.note(format, args...)
	if t.opts.verbose {
		fmt.Fprintf(t.opts.out, "%s  %s\n", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
	}
}

// violation notes a violation, and writes down what happened to its counter.
func (t *torture) violation(v violation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := v.account
	if t.told[key] {
		return
	}
	t.told[key] = true
	v.round = t.opts.first + t.stats.rounds - 1
	v.file = filepath.Join(t.opts.dir, fmt.Sprintf("violation%d.txt", len(t.violations)+1))
	t.violations = append(t.violations, v)
	fmt.Fprintf(t.opts.out, "VIOLATION in round %d: %v, see %s\n", v.round, v, v.file)
	file, err := os.Create(v.file)
	if err != nil {
		fmt.Fprintln(t.opts.out, err)
		return
	}
	defer file.Close()
	fmt.Fprintf(file, "%v\n\n", v)
	t.history.write(file, v.account)
}
