package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/distkit/distkit-proxy/engine/hot"
	"github.com/distkit/distkit-proxy/proxy/keyspec"
)

// touched is what an ordinary command touches of a database, as was found for it.
type touched struct {
	db   int
	keys [][]byte
	// all is whether it sees or may change every key there: FLUSHDB, SCAN, and
	// those of which is not known what they touch.
	all bool
}

// observe tells the observer of an ordinary command that goes to Redis; name is
// the command's, everywhere whether it touches all databases, or may. In a
// transaction every command is a hold, taken at EXEC.
func observe(o *hot.Observer, name []byte, inMulti, everywhere bool, touches ...touched) {
	if o == nil {
		return
	}
	if everywhere {
		o.SeeEverything()
		return
	}
	class := hot.Hold
	if !inMulti {
		class = hot.ClassOf(name)
	}
	for _, t := range touches {
		if t.all {
			o.SeeAll(t.db)
		} else {
			o.See(t.db, class, t.keys...)
		}
	}
}

// see tells the observer of a command that is sent to Redis.
func (s *session) see(it *item, inMulti bool) {
	if len(it.req.args) == 0 || s.standing() == demandAuth {
		return
	}
	a, _ := s.srv.table.Touched(s.ctx, it.req.args, s.lax.buf[:0])
	defer s.lax.keep(a.Keys)
	if a.Nothing() {
		return
	}
	here := touched{db: s.setup.db, keys: a.Keys, all: a.Whole == keyspec.Here || a.Loose == keyspec.Here}
	everywhere := a.Whole == keyspec.Everywhere || a.Loose == keyspec.Everywhere
	touches := []touched{here}
	for _, other := range a.Others {
		t := touched{db: other.DB, all: other.Whole}
		if !other.Whole {
			t.keys = [][]byte{other.Key}
		}
		touches = append(touches, t)
	}
	observe(s.srv.opts.Engine.Observer(), it.req.args[0], inMulti, everywhere, touches...)
}

// hottest is how many keys INFO names.
const hottest = 10

// observed writes the lines of INFO: the sums of all keys, and of each pattern, and
// the keys with most increments.
func observed(b *strings.Builder, o *hot.Observer) {
	sums := o.Sums()
	if len(sums) == 0 {
		return
	}
	var all hot.Tally
	for _, s := range sums {
		all.Add(s.Tally)
	}
	tally := func(t hot.Tally) string {
		return fmt.Sprintf("increments=%d,reads=%d,holds=%d,flushes=%d,loads=%d,saved=%d", t.Increments, t.Reads, t.Holds, t.Flushes, t.Loads, t.Saved())
	}
	fmt.Fprintf(b, "observed:%s\r\n", tally(all))
	for i, s := range sums[:len(sums)-1] {
		fmt.Fprintf(b, "observed_lax_%d:%s,pattern=%s\r\n", i+1, tally(s.Tally), printable(s.Pattern))
	}
	for i, k := range o.Top(hottest) {
		fmt.Fprintf(b, "observed_key_%d:db=%d,increments=%d,reads=%d,holds=%d,saved=%d,verdict=%s,key=%s\r\n",
			i+1, k.DB, k.Increments, k.Reads, k.Holds, k.Saved(), k.Verdict(), printable(k.Name))
	}
}

// printable is a text that may hold anything, as part of a line.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
