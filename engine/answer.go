package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/distkit/distkit-proxy/lua"
)

// answer is what Redis said to a round, or to a strict command.
type answer struct {
	err     error  // the batch's, or the read's where there is no batch
	undone  bool   // … and Redis has certainly not carried the batch out
	readErr error  // why there are no reads, though the batch succeeded
	status  string // the scripts' word; see their headers
	payload string
	mark    string
	dead    string // an instance to bury, or ""
	alive   int64
	clock   int64    // what Redis' clock shows in ms, to ordinary keys
	ids     []string // with status "ids"

	values  []reading      // of each carried counter
	refused map[int]*Error // carried counters that were refused, counted from 1
	results []opResult     // of each operation
	reads   []reading      // of each counter read
}

// done reports whether the script was carried out, now or earlier.
func (a *answer) done() bool { return a.status == "ok" || a.status == "seen" || a.status == "idle" }

// rests reports whether the answer rests on something written, by this script or
// before: what a replica that takes over may not have. What found nothing to
// change rests on nothing.
func (a *answer) rests() bool { return a.status == "ok" || a.status == "seen" || a.status == "gap" }

// reading is a counter as Redis has it; err where that is not an integer.
type reading struct {
	val   Value
	epoch epoch
	err   *Error
}

type opResult struct {
	Result
	epoch epoch
}

// epoch is a counter's epoch. A swept one was raised by a proxy, which took the
// counter out of every slice: a slice found under it is valid.
type epoch struct {
	n     int64
	swept bool
}

func parseEpoch(v any) (ep epoch, ok bool) {
	text, _ := v.(string)
	text, ep.swept = strings.CutPrefix(text, "+")
	ok = parseInt(text, &ep.n)
	return ep, ok
}

// parseBatch reads the reply to a batch, or to a strict command.
func (p *partition) parseBatch(r *round, reply lua.Reply) answer {
	if reply.Err != nil {
		return answer{err: reply.Err, undone: lua.NotSent(reply.Err) || redisError(reply.Err) != nil}
	}
	words := list(reply.Value)
	out := p.parseHead(words)
	if out.err != nil || !out.done() {
		return out
	}
	if p.family == Ordinary {
		out.err = out.parseStringsBatch(words, r)
		return out
	}
	ops := len(r.ops)
	if out.status == "seen" && (r.clears || r.was != nil) && (out.payload == "" || !strings.Contains(" "+out.payload, " o")) {
		ops = 0 // the first time: see settleReplayedClear; or when it was repeated without them
	} else if out.status == "seen" && r.was != nil {
		ops = len(r.was)
	}
	out.err = out.parsePayload(len(r.carried), ops, p.family)
	if r.clear == nil && out.err == nil {
		out.values, out.err = p.parseReadings(words, len(r.carried))
	}
	return out
}

// parseRead reads the reply to a read of n counters.
func (p *partition) parseRead(n int, reply lua.Reply) answer {
	if reply.Err != nil {
		return answer{err: reply.Err}
	}
	words := list(reply.Value)
	if p.family == LaxPlain { // HMGET
		words = append([]any{"ok", ""}, words...)
	}
	out := p.parseHead(words)
	switch {
	case out.err != nil:
	case out.status == "ok":
		out.reads, out.err = p.parseReadings(words, n)
	case out.status != "buried":
		out.err = fmt.Errorf("engine: status %q to a read", out.status)
	}
	return out
}

// headLen is the number of words before the counters' values.
func (p *partition) headLen() int {
	if p.family.InstanceAware() {
		return 5
	}
	return 2
}

// parseHead reads the words before the counters' values. A status that no script
// has is an error: whatever sent it has acknowledged nothing.
func (p *partition) parseHead(words []any) (out answer) {
	out.status, out.payload = word(words, 0), word(words, 1)
	switch out.status {
	case "ok", "seen", "idle", "gap", "buried", "dead", "ids", "none":
	default:
		out.err = fmt.Errorf("engine: a script's reply of %d words with the status %q", len(words), out.status)
		return out
	}
	switch {
	case out.status == "ids":
		for i := 1; i < len(words); i++ {
			out.ids = append(out.ids, word(words, i))
		}
	case p.family == Ordinary:
		if len(words) > 2 {
			parseInt(words[2], &out.clock)
		}
	case p.family.InstanceAware():
		out.mark, out.dead = word(words, 2), word(words, 3)
		if len(words) > 4 {
			out.alive, _ = words[4].(int64)
		}
	}
	return out
}

// parseReadings reads the values of n counters behind the head.
func (p *partition) parseReadings(words []any, n int) ([]reading, error) {
	if p.family == Ordinary {
		return parseStrings(words, n)
	}
	width, at := 1, p.headLen()
	if p.family.InstanceAware() {
		width = 3
	}
	if len(words) != at+n*width {
		return nil, fmt.Errorf("engine: a reply of %d words for %d counters", len(words), n)
	}
	values := make([]reading, n)
	for i := range values {
		v := &values[i]
		ok := parseInt(words[at], &v.val.Total)
		if width == 3 {
			ok = parseInt(words[at+1], &v.val.Mine) && ok
			v.epoch, _ = parseEpoch(words[at+2])
		}
		if !ok {
			v.err = ErrNotInteger
		}
		at += width
	}
	return values, nil
}

// parsePayload reads the words of a payload; see the scripts' headers. Each
// operation has one.
func (a *answer) parsePayload(increments, ops int, f Family) error {
	a.results = make([]opResult, ops)
	told := 0
	for text := range strings.FieldsSeq(a.payload) {
		name, index, value, err := payloadWord(text)
		if err != nil {
			return err
		}
		if name == 'i' {
			if index > increments {
				return fmt.Errorf("engine: payload word %q of %d increments", text, increments)
			}
			if a.refused == nil {
				a.refused = make(map[int]*Error)
			}
			a.refused[index] = refusal(f, value)
			continue
		}
		if index > ops {
			return fmt.Errorf("engine: payload word %q of %d operations", text, ops)
		}
		if a.results[index-1], err = parseOp(value, f); err != nil {
			return err
		}
		told++
	}
	if told != ops {
		return fmt.Errorf("engine: a payload of %d results for %d operations", told, ops)
	}
	return nil
}

// payloadWord takes a payload's word apart: what it is about, counted from 1.
func payloadWord(text string) (name byte, index int, value string, err error) {
	about, value, _ := strings.Cut(text, "=")
	if about != "" {
		name = about[0]
		index, err = strconv.Atoi(about[1:])
	}
	if err != nil || index < 1 {
		return 0, 0, "", fmt.Errorf("engine: payload word %q", text)
	}
	return name, index, value, nil
}

func parseOp(text string, f Family) (res opResult, err error) {
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		res.Err = refusal(f, text)
		return res, nil
	}
	into := []*int64{&res.Value.Total, &res.Prev.Total}
	if f.InstanceAware() {
		into = []*int64{&res.Value.Total, &res.Value.Mine, &res.Prev.Total, &res.Prev.Mine}
	}
	ok := len(parts) > len(into)
	for i := 0; ok && i < len(into); i++ {
		ok = parseInt(parts[1+i], into[i])
	}
	if f == Ordinary {
		res.epoch, res.Prev = epoch{n: res.Prev.Total, swept: true}, Value{}
	}
	if ok && f.InstanceAware() {
		res.epoch, ok = parseEpoch(parts[len(parts)-1])
	}
	if !ok {
		return res, fmt.Errorf("engine: operation result %q", text)
	}
	res.Applied = parts[0] == "1"
	return res, nil
}

// refusal is the error that a script's code stands for.
func refusal(f Family, code string) *Error {
	if f == Ordinary {
		return stringRefusal(code)
	}
	if code == "O" {
		return ErrOverflow
	}
	return ErrNotInteger
}

// parseInt reads an integer, or a canonical decimal; nil, a missing field, is zero.
func parseInt(v any, into *int64) bool {
	switch v := v.(type) {
	case nil:
		*into = 0
		return true
	case int64:
		*into = v
		return true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		var room [20]byte
		*into = n
		return err == nil && string(strconv.AppendInt(room[:0], n, 10)) == v
	}
	return false
}

func list(v any) []any {
	words, _ := v.([]any)
	return words
}

func word(words []any, i int) string {
	if i >= len(words) {
		return ""
	}
	s, _ := words[i].(string)
	return s
}
