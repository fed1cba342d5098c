package proxy

import (
	"bufio"
	"bytes"
	"strings"

	"github.com/alicebob/miniredis/v2/server"
)

// tableEntry is one command of miniredis' own COMMAND table.
type tableEntry struct {
	name string
	raw  string // as in COMMAND's reply
}

// readTable asks miniredis for its table, which it gives whatever is asked. It is
// that of Redis 5, so that some of it is not there and more is there beside it.
func (e *Embedded) readTable() []tableEntry {
	var buf bytes.Buffer
	w := bufio.NewWriter(&buf)
	peer := server.NewPeer(w)
	e.srv.Dispatch(peer, []string{"COMMAND"})
	peer.Flush()
	n, body, _ := aggregate(buf.Bytes())
	var table []tableEntry
	for range n {
		var fr replyFramer
		k, done, err := fr.scan(body)
		if err != nil || !done {
			break
		}
		_, inner, _ := aggregate(body[:k])
		name, _ := bulkBody(inner)
		if e.knows(string(name)) {
			table = append(table, tableEntry{name: string(name), raw: string(body[:k])})
		}
		body = body[k:]
	}
	for line := range strings.Lines(later) {
		if t := laterEntry(line); e.knows(t.name) {
			table = append(table, t)
		}
	}
	return table
}

// knows reports whether a command is answered.
func (e *Embedded) knows(name string) bool {
	return e.srv.IsRegisteredCommand(name) || compat[strings.ToUpper(name)] != nil
}

// cmdCommand answers COMMAND and its subcommands from the table: miniredis'
// answer to the subcommands, the whole table, makes an interactive redis-cli abort.
func (e *Embedded) cmdCommand(c *server.Peer, args []string) bool {
	sub, names := "", []string(nil)
	if len(args) > 0 {
		sub, names = strings.ToLower(args[0]), args[1:]
	}
	switch {
	case sub == "" || sub == "info" && len(names) == 0:
		c.Block(func(w *server.Writer) {
			w.WriteLen(len(e.table))
			for _, t := range e.table {
				w.WriteRaw(t.raw)
			}
		})
	case sub == "count":
		c.WriteInt(len(e.table))
	case sub == "list":
		list := make([]string, 0, len(e.table))
		if len(names) == 0 {
			for _, t := range e.table {
				list = append(list, t.name)
			}
		}
		c.WriteStrings(list)
	case sub == "info":
		c.Block(func(w *server.Writer) {
			w.WriteLen(len(names))
			for _, name := range names {
				if t := e.entry(name); t != nil {
					w.WriteRaw(t.raw)
				} else {
					w.WriteLen(-1)
				}
			}
		})
	case sub == "docs":
		e.writeDocs(c, names)
	default:
		c.WriteError("ERR distkit: the embedded Redis has no COMMAND " + strings.ToUpper(sub))
	}
	return true
}

func (e *Embedded) entry(name string) *tableEntry {
	for i := range e.table {
		if strings.EqualFold(e.table[i].name, name) {
			return &e.table[i]
		}
	}
	return nil
}

// writeDocs writes the little that is known of the commands; redis-cli needs
// these fields.
func (e *Embedded) writeDocs(c *server.Peer, names []string) {
	var entries []tableEntry
	if len(names) == 0 {
		entries = e.table
	}
	for _, name := range names {
		if t := e.entry(name); t != nil {
			entries = append(entries, *t)
		}
	}
	c.Block(func(w *server.Writer) {
		w.WriteMapLen(len(entries))
		for _, t := range entries {
			w.WriteBulk(t.name)
			w.WriteMapLen(3)
			for _, s := range []string{"summary", "In the embedded Redis", "since", "1.0.0", "group", "generic"} {
				w.WriteBulk(s)
			}
		}
	})
}
