package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Names of the counters that every client changes.
var (
	mixedCounters  = []string{"mixed0", "mixed1", "mixed2", "mixed3", "page:mixed0"} // up and down
	risingCounters = []string{"rising0", "rising1", "page:rising0"}                  // only up
)

// shared reports whether every client changes a counter.
func shared(counter string) bool {
	return slices.Contains(mixedCounters, counter) || slices.Contains(risingCounters, counter) || isOrdinary(counter)
}

func rising(counter string) bool { return strings.Contains(counter, "rising") }

// item is one increment of a command, or with read set one counter looked at.
type item struct {
	counter     string
	delta       int64
	conditional bool
	read        bool
}

// op is one command about counters of one family.
type op struct {
	words  []any
	family string
	items  []item
	// Set when it is sent.
	at     time.Time
	place  int
	client int // of the place
	id     string
	life   int64
	before []int64 // the floors of the items
}

// makeOp makes up a command; many: it may be one of many keys.
func makeOp(random *rand.Rand, many bool) *op {
	which := random.IntN(len(families) + 1)
	if which == len(families) {
		return ordinaryOp(random, many)
	}
	family := families[which].prefix
	o := &op{family: family}
	counter := func() string {
		names := mixedCounters
		if random.IntN(3) == 0 {
			names = risingCounters
		}
		return names[random.IntN(len(names))]
	}
	increment := func() item {
		it := item{counter: counter(), delta: 1 + random.Int64N(20)}
		if !rising(it.counter) && random.IntN(2) == 0 {
			it.delta = -it.delta
		}
		return it
	}
	add := func(it item, words ...any) {
		o.words = append(o.words, words...)
		if random.IntN(8) == 0 {
			it.conditional = true
			o.words = append(o.words, "IF", []string{"LT", "GE", "NE"}[random.IntN(3)], random.Int64N(2000)-500)
		}
		o.items = append(o.items, it)
	}
	n := random.IntN(100)
	if !many {
		n = n * 60 / 100
		if n >= 52 {
			n = 80
		}
	}
	switch {
	case n < 45:
		it := increment()
		o.words = []any{family + "INC"}
		add(it, it.counter, it.delta)
	case n < 60:
		it := increment()
		o.words = []any{family + "DEC"}
		add(it, it.counter, -it.delta)
	case n < 75:
		o.words = []any{family + "MINC"}
		for range 1 + random.IntN(6) {
			it := increment()
			add(it, it.counter, it.delta)
		}
	case n < 88:
		it := item{counter: counter(), read: true}
		o.words, o.items = []any{family + "GET", it.counter}, []item{it}
	default:
		o.words = []any{family + "MGET"}
		for range 1 + random.IntN(6) {
			it := item{counter: counter(), read: true}
			o.words, o.items = append(o.words, it.counter), append(o.items, it)
		}
	}
	return o
}

// view is where the replies about an item must not go down; false: nowhere.
func (t *torture) view(o *op, it item) (view, bool) {
	switch {
	case aware(o.family), !rising(it.counter), t.field.canLose:
		return view{}, false
	case lax(o.family):
		return view{place: o.place, life: o.life, counter: it.counter}, true
	default:
		return view{place: -1, counter: it.counter}, true
	}
}

// client sends random commands to one proxy until the context is done.
func (t *torture) client(ctx context.Context, place, number int, c conn, pipeline int, random *rand.Rand) {
	p := t.field.proxies[place]
	for ctx.Err() == nil {
		ops := make([]*op, 1+random.IntN(pipeline))
		commands := make([][]any, len(ops))
		for i := range ops {
			o := makeOp(random, c.many())
			o.at, o.place, o.client, o.id, o.life = time.Now(), place, number, p.instance(), p.life.Load()
			for _, it := range o.items {
				v, _ := t.view(o, it)
				o.before = append(o.before, t.floors.before(v))
			}
			ops[i], commands[i] = o, o.words
		}
		failed := false
		for i, a := range c.do(context.Background(), commands) {
			t.record(ops[i], a)
			failed = failed || a.err != nil
		}
		pause := time.Duration(random.Int64N(int64(t.opts.pause) * 2))
		if failed {
			pause += 20 * time.Millisecond // a refused connection costs no time
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// record enters what became of a command.
func (t *torture) record(o *op, a answer) {
	t.stats.commands.Add(1)
	values, _ := a.value.([]any)
	many := strings.HasPrefix(o.words[0].(string), o.family+"M")
	if a.err == nil && many && len(values) != len(o.items) {
		a.err = malformed(o.family, a.value)
	}
	for i, it := range o.items {
		value, err := a.value, a.err
		if many && err == nil {
			value = values[i]
		}
		var got reading
		switch {
		case o.family == ordinary && (err == nil || errors.Is(err, redis.Nil)):
			got, err = readNumber(value)
		case err == nil:
			got, err = readReply(o.family, it.conditional, value)
		}
		t.enter(o, i, got, err)
	}
}

// enter enters what became of one item of a command.
func (t *torture) enter(o *op, i int, got reading, err error) {
	it := o.items[i]
	account := account{o.id, o.family, it.counter}
	p := t.field.proxies[o.place]
	is := outcomeOf(err)
	if errors.Is(err, errMalformed) {
		is = unexpected
	}
	t.history.add(event{at: o.at, took: time.Since(o.at), place: o.place, client: o.client, id: o.id, family: o.family, counter: it.counter,
		what: fmt.Sprint(o.words...), delta: it.delta, is: is, got: got, err: err})
	// A command that outlived its process may have been carried out by the next one.
	stale := func() bool { return p.life.Load() != o.life }
	switch {
	case is == unexpected:
		t.violation(violation{kind: unexpectedError, account: account, text: fmt.Sprintf("%v: %v", o.words, err)})
		fallthrough
	case is == unknown:
		if !it.read {
			t.doubt(account, it.delta, p)
		}
	case is == notDone || it.read || !got.applied:
	case t.ledger.ack(account, it.delta, lax(o.family), stale):
		t.stats.acked.Add(1)
	default:
		t.doubt(account, it.delta, p)
	}
	if v, ok := t.view(o, it); ok && is == done && !stale() {
		var added int64
		if got.applied && !it.read {
			added = it.delta
		}
		if err := t.floors.replied(v, o.before[i], got.total, added); err != nil {
			t.violation(violation{kind: "dip", account: account, text: fmt.Sprintf("%v: %v", o.words, err)})
		}
	}
}

// doubt enters an increment of unknown outcome: under the instance that it was
// meant for, and where the place has another by now, under that, too.
func (t *torture) doubt(a account, delta int64, p *proxyServer) {
	t.stats.doubts.Add(1)
	t.ledger.doubt(a, delta)
	if id := p.instance(); id != a.id {
		a.id = id
		t.ledger.doubt(a, delta)
	}
}

// flusher asks a proxy to flush, again and again: what it said before is safe
// from then on.
func (t *torture) flusher(ctx context.Context, p *proxyServer, random *rand.Rand) {
	for ctx.Err() == nil {
		t.flush(p)
		select {
		case <-time.After(100*time.Millisecond + time.Duration(random.Int64N(int64(200*time.Millisecond)))):
		case <-ctx.Done():
		}
	}
}

// flush asks a proxy to flush and settles what it held.
func (t *torture) flush(p *proxyServer) error {
	id, life := p.instance(), p.life.Load()
	t.ledger.mark(id)
	t.solos[p.place].mark()
	err := p.admin.Do(context.Background(), "DK.FLUSH").Err()
	if err == nil && p.life.Load() == life {
		t.ledger.flushed(id)
		t.solos[p.place].flushed()
	}
	return err
}
