package engine

import (
	"fmt"
	"strings"

	"github.com/distkit/distkit-proxy/lua"
)

// The scripts for ordinary keys, which are strings: what they are sent and what they
// answer.

// stringsCall changes ordinary keys: first what was accepted in memory, as
// expiringFirst has it, then the increments among the operations.
func (p *partition) stringsCall(send sending, incs []carried, ops []*opReq) lua.Call {
	expiring, commands := 0, commandsIn(ops)
	for expiring < len(incs) && incs[expiring].ch.v != noExpiry {
		expiring++
	}
	n := len(incs) + commands
	call := lua.StringApply.Begin(1+len(incs)+len(ops), 6+n+expiring)
	call.Args = append(call.Args, p.record())
	for i := range incs {
		call.Args = append(call.Args, &incs[i].c.name)
	}
	for _, op := range ops {
		if op.kind == opInc {
			call.Args = append(call.Args, &op.name)
		}
	}
	for _, op := range ops {
		if op.kind != opInc {
			call.Args = append(call.Args, &op.name)
		}
	}
	call.Args = append(call.Args, send.number, p.ttl(), send.first, n, expiring, commands)
	for i := range incs {
		call.Args = append(call.Args, &incs[i].ch.d)
	}
	for _, op := range ops {
		if op.kind == opInc {
			call.Args = append(call.Args, &op.n)
		}
	}
	for i := range incs[:expiring] {
		call.Args = append(call.Args, &incs[i].ch.v)
	}
	return call
}

// expiringFirst puts the changes that were accepted under an expiry before the others.
func expiringFirst(incs []carried) {
	n := 0
	for i := range incs {
		if incs[i].ch.v != noExpiry {
			incs[n], incs[i] = incs[i], incs[n]
			n++
		}
	}
}

// commandsIn is the number of increments among operations.
func commandsIn(ops []*opReq) (n int) {
	for _, op := range ops {
		if op.kind == opInc {
			n++
		}
	}
	return n
}

// stringsRead reads ordinary keys.
func stringsRead(cells []*cell) lua.Call {
	call := lua.StringRead.Begin(len(cells), 0)
	for _, c := range cells {
		call.Args = append(call.Args, &c.name)
	}
	return call
}

// parseStrings reads the values of n ordinary keys, and the moments at which they
// expire, behind the head of a reply.
func parseStrings(words []any, n int) ([]reading, error) {
	const head = 4
	if len(words) != head+n {
		return nil, fmt.Errorf("engine: a reply of %d words for %d keys", len(words), n)
	}
	values := make([]reading, n)
	for i := range values {
		v := &values[i]
		v.epoch.swept = true // a life is never taken for a void one
		if value := words[head+i]; value == nil {
			v.epoch.n = missing
		} else if !parseInt(value, &v.val.Total) {
			v.err = errForeign
		}
	}
	expiries := list(words[head-1])
	for i := 0; i+1 < len(expiries); i += 2 {
		var index, moment int64
		if !parseInt(expiries[i], &index) || !parseInt(expiries[i+1], &moment) || index < 1 || index > int64(n) {
			return nil, fmt.Errorf("engine: an expiry %v of key %v of %d", expiries[i+1], expiries[i], n)
		}
		values[index-1].epoch.n = moment
	}
	return values, nil
}

// parseStringsBatch reads the reply to a batch of ordinary keys behind the head. Where
// the copy of it that was applied had other operations, before some were given up or
// the process was started anew, what it says of increments among them is for nobody.
func (a *answer) parseStringsBatch(words []any, r *round) error {
	increments, ops := len(r.carried), r.ops
	commands := commandsIn(ops)
	all, err := parseStrings(words, increments+commands)
	if err != nil {
		return err
	}
	a.values = all[:increments]
	payload, list, _ := strings.Cut(a.payload, "v=")
	told := strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	others := a.status == "seen" && (r.replayed || len(told) != commands)
	if others {
		told = make([]string, commands)
	}
	var looked []opResult
	for text := range strings.FieldsSeq(payload) {
		name, index, value, err := payloadWord(text)
		switch {
		case err != nil:
			return err
		case others && name == 'i' && index > increments, r.replayed && name == 'o':
		case name == 'i' && index <= increments+commands:
			if a.refused == nil {
				a.refused = make(map[int]*Error)
			}
			a.refused[index] = stringRefusal(value)
		case name == 'o' && index == len(looked)+1:
			res, err := parseOp(value, Ordinary)
			if err != nil {
				return err
			}
			looked = append(looked, res)
		default:
			return fmt.Errorf("engine: payload word %q of %d increments", text, increments+commands)
		}
	}
	if len(looked) != len(ops)-commands {
		return fmt.Errorf("engine: a payload of %d results for %d operations", len(looked), len(ops)-commands)
	}
	a.results = make([]opResult, len(ops))
	index := increments
	for i, op := range ops {
		if op.kind != opInc {
			a.results[i], looked = looked[0], looked[1:]
			continue
		}
		res := &a.results[i]
		res.Applied, res.Value, res.epoch = true, all[index].val, all[index].epoch
		if refused := a.refused[index+1]; refused != nil {
			res.Applied, res.Err = false, refused
		} else if a.status == "seen" { // what it was told the first time
			if !parseInt(told[index-increments], &res.Value.Total) {
				res.Err = ErrUnknown
			}
		} else if all[index].err != nil {
			res.Err = ErrUnknown
		}
		index++
	}
	return nil
}

// errNoKeyRight is the refusal of a key that the proxy's own user may not change.
var errNoKeyRight = &Error{"NOPERM", "distkit: the proxy's user in Redis may not change this key"}

// stringRefusal is the error that a code of the scripts for ordinary keys stands for.
func stringRefusal(code string) *Error {
	switch code {
	case "O":
		return ErrOverflow
	case "W":
		return wrongType
	case "P":
		return errNoKeyRight
	}
	return errForeign
}
