package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// writing is one operation on a counter that nobody else writes.
type writing struct {
	words       []any
	do          change // nil: it only looks
	conditional bool
	settles     bool // the state after it does not depend on that before
	old         bool // the reply is the total before, and the one after is 0
}

// makeWriting makes up an operation on a counter. A condition is only there
// where the state is certain.
func makeWriting(random *rand.Rand, c *solo) writing {
	n := random.Int64N(2000) - 1000
	verb := func(name string, args ...any) []any { return append([]any{c.family + name, c.counter}, args...) }
	w := writing{settles: true}
	switch k := random.IntN(100); {
	case k < 20:
		w.words, w.do = verb("SET", n), func(int64) (int64, bool) { return n, true }
	case k < 30 && aware(c.family):
		w.words, w.do = verb("SETI", n), func(int64) (int64, bool) { return n, true }
	case k < 38:
		w.words, w.old, w.do = verb("DEL"), true, func(int64) (int64, bool) { return 0, true }
	case k < 44 && aware(c.family):
		w.words, w.do = verb("DELI"), func(int64) (int64, bool) { return 0, true }
	case k < 70:
		w.settles = false
		w.words, w.do = verb("INC", n), func(s int64) (int64, bool) { return s + n, true }
	case k < 80 && !c.floating:
		w.settles, w.conditional = false, true
		limit := random.Int64N(1000) - 500
		w.words = verb("INC", n, "IF", "LT", limit)
		w.do = func(s int64) (int64, bool) { return s + n, s < limit }
	default:
		w.words = verb("GET")
	}
	return w
}

// writer changes the counters of one place, one operation after the other.
func (t *torture) writer(ctx context.Context, place int, client *redis.Client, random *rand.Rand) {
	s, p := t.solos[place], t.field.proxies[place]
	cleared := fmt.Sprintf("cleared%d", place)
	for ctx.Err() == nil {
		id, life := p.instance(), p.life.Load()
		if free := s.of(place, id, "solo", cleared); len(free) > 0 {
			c := free[random.IntN(len(free))]
			if namespace, _ := split(c.counter); namespace == cleared && random.IntN(20) == 0 {
				t.clear(s, p, life, c.family, cleared, client)
			} else {
				t.write(s, p, life, c, makeWriting(random, c), client)
			}
		}
		select {
		case <-time.After(time.Duration(random.Int64N(int64(t.opts.pause) * 2))):
		case <-ctx.Done():
		}
	}
}

// write carries out one operation and enters what became of it.
func (t *torture) write(s *solos, p *proxyServer, life int64, c *solo, w writing, client *redis.Client) {
	at, id := time.Now(), p.instance()
	value, err := client.Do(context.Background(), w.words...).Result()
	t.stats.commands.Add(1)
	var got reading
	if err == nil {
		got, err = readReply(c.family, w.conditional, value)
	}
	is := outcomeOf(err)
	t.history.add(event{at: at, took: time.Since(at), place: p.place, id: id, family: c.family, counter: c.counter,
		what: fmt.Sprint(w.words...), is: is, got: got, err: err})
	account := account{id, c.family, c.counter}
	bad := func(err error) {
		if err != nil {
			t.violation(violation{kind: "state", account: account, text: fmt.Sprintf("%v: %v", w.words, err)})
		}
	}
	switch {
	case p.life.Load() != life:
		if w.do != nil {
			s.crossed(c)
		}
	case errors.Is(err, errMalformed) || is == unexpected:
		t.violation(violation{kind: unexpectedError, account: account, text: fmt.Sprintf("%v: %v", w.words, err)})
		s.crossed(c)
	case is == notDone:
	case is == unknown && w.do != nil:
		t.stats.doubts.Add(1)
		// What nobody waits for any longer, the proxy may do after what is asked next.
		var reply redis.Error
		s.maybe(c, w.do, !lax(c.family) || !errors.As(err, &reply))
	case is == unknown:
	case w.do == nil:
		bad(s.read(c, got.total))
	case w.old:
		bad(s.read(c, got.total))
		bad(s.became(c, w.do, 0, w.settles, lax(c.family)))
		t.stats.acked.Add(1)
	default:
		bad(s.became(c, w.do, got.total, w.settles, lax(c.family)))
		t.stats.acked.Add(1)
	}
}

// clear empties the place's own namespace of one family.
func (t *torture) clear(s *solos, p *proxyServer, life int64, family, namespace string, client *redis.Client) {
	at := time.Now()
	err := client.Do(context.Background(), family+"CLEAR", namespace).Err()
	t.stats.commands.Add(1)
	is := outcomeOf(err)
	var reply redis.Error
	for _, c := range s.in(family, namespace) {
		t.history.add(event{at: at, took: time.Since(at), place: p.place, id: p.instance(), family: family, counter: c.counter,
			what: family + "CLEAR " + namespace, is: is, err: err})
		empty := func(int64) (int64, bool) { return 0, true }
		switch {
		case is == unexpected:
			t.violation(violation{kind: unexpectedError, account: account{p.instance(), family, c.counter}, text: "CLEAR: " + err.Error()})
		case p.life.Load() != life:
			s.crossed(c)
		case is == unknown:
			s.maybe(c, empty, !lax(family) || !errors.As(err, &reply))
		case is == done:
			s.became(c, empty, 0, true, lax(family))
		}
	}
}
