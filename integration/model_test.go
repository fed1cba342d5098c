package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
)

// modelCounters are the counters of the model tests.
var modelCounters = []string{"a", "b", "c", "d"}

// TestModel runs random verbs on three instances, with absences longer than
// dead_after, crashes and restarts, beside a plain model, and compares every
// reply and every quiet moment. MODEL_SEED replays a run, and
// MODEL_STEPS makes it longer.
func TestModel(t *testing.T) {
	seed, steps := uint64(time.Now().UnixNano()), 250
	if text := os.Getenv("MODEL_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if n, err := strconv.Atoi(os.Getenv("MODEL_STEPS")); err == nil {
		steps = n
	}
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		w := newWorld(t, prefix, seed)
		defer func() {
			if t.Failed() {
				t.Logf("replay with MODEL_SEED=%d; the steps were\n%s", seed, strings.Join(w.steps, "\n"))
			}
		}()
		for i := range steps {
			w.step()
			if i%50 == 49 {
				w.quiet()
			}
		}
		w.quiet()
	}, "DK.", "DKS.")
}

// world is three instances, Redis, and the model of both.
type world struct {
	t      *testing.T
	prefix string
	random *rand.Rand
	r      *redisServer
	b      *books
	m      model
	ps     []*instance
	steps  []string
}

// instance is a proxy as the world sees it.
type instance struct {
	*party
	up     bool
	accept []accepted // what it accepted while cut off, in order
}

// accepted is an increment or, with set, a SETI.
type accepted struct {
	counter string
	n       int64
	set     bool
}

func newWorld(t *testing.T, prefix string, seed uint64) *world {
	r := startRedis(t)
	w := &world{
		t: t, prefix: prefix, random: rand.New(rand.NewPCG(seed, 1)),
		r: r, b: openBooks(t, r, prefix), m: newModel(),
	}
	for i := range 3 {
		w.ps = append(w.ps, w.start(fmt.Sprint("i", i)))
	}
	return w
}

func (w *world) start(id string) *instance {
	w.t.Helper()
	opts := engine.Options{FlushInterval: 5 * time.Millisecond, AllowedLag: 5 * time.Millisecond}
	return &instance{party: join(w.t, w.r, w.prefix, id, opts), up: true}
}

func (w *world) note(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

// step does one random thing.
func (w *world) step() {
	w.t.Helper()
	p := w.ps[w.random.IntN(len(w.ps))]
	switch n := w.random.IntN(1000); {
	case n < 12:
		w.crash(p)
	case n < 32 && p.up && w.others(p) > 0:
		w.cut(p)
	case n < 60 && !p.up:
		w.back(p)
	case n < 75 && p.up:
		w.blip(p)
	case !p.up:
		w.offline(p)
	default:
		w.verb(p)
	}
}

// others is how many instances but p are connected.
func (w *world) others(p *instance) (n int) {
	for _, other := range w.ps {
		if other != p && other.up {
			n++
		}
	}
	return n
}

// cut takes a proxy's link away for longer than dead_after, until it is buried.
func (w *world) cut(p *instance) {
	w.t.Helper()
	w.note("cut %s", p.id)
	p.link.Down()
	p.up = false
	for range w.random.IntN(4) {
		w.offline(p)
	}
	w.bury(p)
}

// bury waits until somebody has buried an instance, if it is known.
func (w *world) bury(p *instance) {
	w.t.Helper()
	if !w.b.known(p.id) {
		w.m.bury(p.id)
		return
	}
	w.b.awaitDeath(p.id)
	for _, other := range w.ps {
		if other != p && other.up {
			w.b.awaitBurial(p.id, other.party, "a")
			break
		}
	}
	w.m.bury(p.id)
}

// back gives a proxy its link again and waits until it has caught up.
func (w *world) back(p *instance) {
	w.t.Helper()
	w.note("%s is back", p.id)
	p.link.Up()
	p.up = true
	w.caughtUp(p)
}

// caughtUp waits until a proxy has moved its slices back and flushed.
func (w *world) caughtUp(p *instance) {
	w.t.Helper()
	eventually(w.t, 10*time.Second, func() error { return p.do("GET", "a").Err() })
	p.flushed()
	w.m.restore(p.id)
	for _, a := range p.accept {
		if a.set {
			w.m.setSlice(p.id, a.counter, a.n)
		} else {
			w.m.add(p.id, a.counter, a.n)
		}
	}
	p.accept = nil
	for _, counter := range modelCounters {
		w.agrees(p, counter)
	}
}

// blip cuts the connections for a moment, in which increments are accepted.
func (w *world) blip(p *instance) {
	w.t.Helper()
	w.note("blip of %s", p.id)
	p.link.Down()
	p.up = false
	for range w.random.IntN(3) {
		w.offline(p)
	}
	w.back(p)
}

// crash kills a proxy with nothing pending. It restarts under its id, before or
// after its burial, or leaves its place to another.
func (w *world) crash(p *instance) {
	w.t.Helper()
	if !p.up || w.others(p) == 0 {
		return
	}
	w.note("crash of %s", p.id)
	p.crash()
	p.up = false
	id := p.id
	switch w.random.IntN(3) {
	case 0:
		w.note("%s starts again at once", id)
	case 1:
		w.bury(p)
		w.note("%s starts again after its burial", id)
	case 2:
		w.bury(p)
		id = fmt.Sprint("j", w.random.IntN(1_000_000))
		w.note("%s takes its place", id)
	}
	*p = *w.start(id)
	w.caughtUp(p)
}

// offline has a proxy without Redis accept something, or refuse it.
func (w *world) offline(p *instance) {
	w.t.Helper()
	a := accepted{counter: w.counter(), n: w.random.Int64N(9) - 2, set: w.random.IntN(4) == 0}
	verb := "INC"
	if a.set {
		verb = "SETI"
	}
	err := p.do(verb, a.counter, a.n).Err()
	w.note("%s, cut off: %s %s %d: %v", p.id, verb, a.counter, a.n, err)
	switch {
	case err == nil && w.prefix == "DK.":
		if a.set || a.n != 0 {
			p.accept = append(p.accept, a)
		}
	case err == nil:
		w.t.Fatalf("a strict verb succeeded without Redis")
	case w.prefix == "DK." && !strings.HasPrefix(err.Error(), "LOADING"):
		w.t.Fatalf("%s %s without Redis: %v", verb, a.counter, err)
	}
}

func (w *world) counter() string { return modelCounters[w.random.IntN(len(modelCounters))] }

// verb runs a random verb on a connected proxy and compares its reply.
func (w *world) verb(p *instance) {
	w.t.Helper()
	counter, n := w.counter(), w.random.Int64N(12)-3
	w.agrees(p, counter)
	cond := condition{}
	if w.random.IntN(3) == 0 {
		total, mine := w.m.read(p.id, counter)
		near := []int64{total, mine}[w.random.IntN(2)] + w.random.Int64N(3) - 1
		cond = condition{[]string{"EQ", "NE", "LT", "LE", "GT", "GE"}[w.random.IntN(6)], near}
	}
	var want []int64
	var got []int64
	args := []any{counter}
	verb := []string{"INC", "INC", "INC", "DEC", "SETI", "SETI", "SET", "DEL", "DELI", "GET", "CLEARI", "CLEAR"}[w.random.IntN(12)]
	if strings.HasPrefix(verb, "CLEAR") && w.random.IntN(4) > 0 {
		verb = "INC"
	}
	switch verb {
	case "INC", "DEC", "SETI", "SET":
		args = append(args, n)
		if cond.op != "" {
			args = append(args, "IF", cond.op, cond.n)
		}
		want = w.m.conditional(p.id, verb, counter, n, cond)
	case "DEL":
		total, mine := w.m.read(p.id, counter)
		want = []int64{total, mine}
		w.m.del(counter)
	case "DELI":
		_, mine := w.m.read(p.id, counter)
		w.m.setSlice(p.id, counter, 0)
		total, _ := w.m.read(p.id, counter)
		want = []int64{total, mine}
	case "GET":
		total, mine := w.m.read(p.id, counter)
		want = []int64{total, mine}
	case "CLEARI", "CLEAR":
		w.note("%s: %s", p.id, verb)
		if err := p.do(verb).Err(); err != nil {
			w.t.Fatalf("%s: %v", verb, err)
		}
		if verb == "CLEAR" {
			w.m = newModel()
		} else {
			for _, c := range modelCounters {
				w.m.setSlice(p.id, c, 0)
			}
		}
		return
	}
	got = p.ints(verb, args...)
	w.note("%s: %s %v: %v", p.id, verb, args, got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("%s: %s %v replied %v, want %v", p.id, verb, args, got, want)
	}
	p.flushed()
}

// agrees waits until a proxy reads a counter as the model has it.
func (w *world) agrees(p *instance, counter string) {
	w.t.Helper()
	total, mine := w.m.read(p.id, counter)
	p.sees(counter, total, mine)
}

// quiet brings everybody back and compares the proxies and Redis with the model.
func (w *world) quiet() {
	w.t.Helper()
	for _, p := range w.ps {
		if !p.up {
			w.back(p)
		}
	}
	for _, p := range w.ps {
		p.flushed()
		for _, counter := range modelCounters {
			w.agrees(p, counter)
		}
	}
	eventually(w.t, 5*time.Second, func() error {
		sums := make(map[string]int64)
		ids, err := w.b.c.ZRange(context.Background(), w.b.key("instances"), 0, -1).Result()
		if err != nil {
			return err
		}
		for _, id := range ids {
			for counter, slice := range w.b.hash(w.b.key("count", id)) {
				sums[counter] += slice
			}
		}
		for _, counter := range modelCounters {
			total := w.b.total(counter)
			if want, _ := w.m.read("", counter); total != want || sums[counter] != want {
				return fmt.Errorf("%s is %d in Redis, the live slices add up to %d, the model has %d", counter, total, sums[counter], want)
			}
		}
		return nil
	})
	w.note("quiet")
}

// condition is an IF; the zero value always holds.
type condition struct {
	op string
	n  int64
}

func (c condition) holds(v int64) bool {
	switch c.op {
	case "EQ":
		return v == c.n
	case "NE":
		return v != c.n
	case "LT":
		return v < c.n
	case "LE":
		return v <= c.n
	case "GT":
		return v > c.n
	case "GE":
		return v >= c.n
	}
	return true
}
