package keyspec

import "errors"

// ErrNoTable is returned by Parse for what is not COMMAND's reply.
var ErrNoTable = errors.New("keyspec: the reply to COMMAND holds no command")

// Parse reads the reply to COMMAND as go-redis gives it, in RESP2 or RESP3. What
// it cannot read in it is as if it were not there, so that those commands are
// unknown.
func Parse(reply []any) (*Table, error) {
	t := &Table{entries: make(map[string]*entry, len(reply))}
	for _, item := range reply {
		if r, ok := parseRow(item); ok {
			t.entries[r.name] = r.entry()
			t.longest = max(t.longest, len(r.name))
		}
	}
	if len(t.entries) == 0 {
		return nil, ErrNoTable
	}
	for _, e := range t.entries {
		for sub := range e.subs {
			t.longest = max(t.longest, len(sub))
		}
	}
	return t, nil
}
