package proxy

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/distkit/distkit-proxy/commands"
	"github.com/distkit/distkit-proxy/engine"
)

// maxHeldError bounds an error reply that the pump holds to look at it.
const maxHeldError = 4 << 10

// take passes on a piece of a reply, unless it has to be looked at whole.
func (p *pump) take(piece []byte, done bool) error {
	if !p.looksAt(piece) {
		if p.okay && !p.passing && p.up.fr.first != '>' {
			if err := p.putOkay(); err != nil {
				return err
			}
		}
		p.passing = !done
		err := p.put(p.held)
		p.held = p.held[:0]
		if err != nil {
			return err
		}
		return p.put(piece)
	}
	p.held = append(p.held, piece...)
	if !done {
		return nil
	}
	text := p.held
	if p.held = p.held[:0]; cap(p.held) > maxHeldError {
		p.held = nil
	}
	return p.look(text)
}

// looksAt reports whether a reply, of which piece comes next, has to be looked at
// whole: errors, what may be the reply to a mark, and what comes behind one.
func (p *pump) looksAt(piece []byte) bool {
	if p.passing {
		return false
	}
	n, first := len(p.held)+len(piece), p.up.fr.first
	if p.turn != nil && first != '>' && !unasked(p.head(piece)) {
		if n <= maxCollected {
			return true
		}
		p.turnEnds()
		return false
	}
	switch first {
	case '+':
		return n <= len(replyOK) && (p.okay || p.session.errands.nextSilent())
	case '-':
		return n <= maxHeldError
	case '$', '*':
		return n <= maxMark && p.session.errands.count.Load() > 0 && mayBeMark(slices.Concat(p.held, piece))
	}
	return false
}

// head is how a reply begins, of which piece comes next.
func (p *pump) head(piece []byte) []byte {
	if len(p.held) >= maxUnasked {
		return p.held[:maxUnasked]
	}
	return slices.Concat(p.held, piece[:min(len(piece), maxUnasked)])
}

// maxUnasked is longer than what tells an unasked message.
const maxUnasked = 32

// unasked reports whether what begins so is a message to a subscriber or a line of
// MONITOR's, and so answers nothing.
func unasked(head []byte) bool {
	if len(head) > 1 && head[0] == '+' {
		return '0' <= head[1] && head[1] <= '9' // the time
	}
	for _, message := range []string{"*3\r\n$7\r\nmessage\r\n", "*4\r\n$8\r\npmessage\r\n", "*3\r\n$8\r\nsmessage\r\n"} {
		if bytes.HasPrefix(head, []byte(message)) {
			return true
		}
	}
	return false
}

// look acts on a whole reply.
func (p *pump) look(text []byte) error {
	if e := p.turn; e != nil {
		defer p.turnEnds()
		return p.follow(e, text)
	}
	if number, ok := markedName(text); ok {
		e, err := p.next(number)
		if err == nil && e.isEnd() {
			p.okay = p.okay && !e.silent
			return cmp.Or(p.putOkay(), p.ends(&e))
		}
		p.turn = &e
		return err
	}
	if number, subscribed, ok := marked(text); ok {
		e, err := p.next(number)
		if err != nil {
			return err
		}
		defer p.session.errands.ran()
		return p.answer(&e, subscribed)
	}
	if err := p.putOkay(); err != nil {
		return err
	}
	if string(text) == replyOK && p.session.errands.nextSilent() {
		p.okay = true // its mark may come next
		return nil
	}
	if own := replaceUnknown(text); own != "" {
		text = []byte(own)
	}
	return p.put(text)
}

// putOkay passes on an OK that was held back, as it turned out to be the client's.
func (p *pump) putOkay() error {
	if !p.okay {
		return nil
	}
	p.okay = false
	return p.put([]byte(replyOK))
}

// next takes the errand of a mark.
func (p *pump) next(number uint64) (errand, error) {
	e, freed, found := p.session.errands.take(number)
	p.conn.account.add(-freed)
	if !found { // Redis has repeated itself
		return e, errUnknownMark
	}
	return e, nil
}

// turnEnds says that what came behind a mark has been seen, or cannot be.
func (p *pump) turnEnds() {
	if p.turn.heard != nil {
		close(p.turn.heard)
	}
	p.turn = nil
	p.session.errands.ran()
}

// follow acts on the reply to what was sent behind an errand's mark.
func (p *pump) follow(e *errand, text []byte) error {
	switch {
	case e.heard != nil:
		e.heard <- bytes.Clone(text)
		if e.probe {
			return nil
		}
		return p.put(text)
	case e.edit != nil:
		return p.put(e.edit.replaced(text))
	case queued(text), bytes.HasPrefix(text, []byte("-ERR wrong number of arguments for 'get'")): // the spoiler
		return p.put([]byte(errInMulti))
	}
	number, subscribed, ok := marked(text)
	if !ok || number != e.number {
		return p.put(text) // Redis serves this client not at all
	}
	p.session.errands.outside.Store(number)
	return p.answer(e, subscribed)
}

// answer gives a command of ours its turn: the reply to its mark has come.
func (p *pump) answer(e *errand, subscribed bool) error {
	switch {
	case e.cmd == nil:
		return errUnknownMark
	case e.refused != "":
		return p.put([]byte(e.refused))
	case subscribed && e.cmd.Takes(len(e.args)):
		return p.put([]byte(refusedSubscribed(lower(string(e.args[0])))))
	}
	// What came before must not wait for what it waits for.
	ctx := engine.BeforeWait(p.session.ctx, func() { _ = p.flush() })
	reply, ok := p.session.runErrand(ctx, e.cmd, e.args)
	if !ok {
		return errEvicted
	}
	return p.put(reply.AppendTo(nil))
}

// refusedSubscribed is Redis' refusal of a command in RESP2's subscribed mode.
func refusedSubscribed(name string) string {
	return subscribersMay + name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"
}

// replaced is what takes the place of Redis' reply, where Redis was asked in any
// case, as it tells whether it would serve the client.
func (e *edit) replaced(reply []byte) []byte {
	if e.own == nil || bytes.HasPrefix(reply, []byte("-NOAUTH")) || bytes.HasPrefix(reply, []byte(subscribersMay)) {
		return e.of(reply)
	}
	return e.own()
}

// replaceUnknown returns our text for Redis' complaint about a command that it
// does not know because it is ours or refused by us; "" for any other error.
func replaceUnknown(reply []byte) string {
	name := unknownName(reply)
	if refused, found := cutPrefixFold(name, refusedPrefix); found {
		return refusal(lower(string(refused)))
	}
	if commands.Lookup(name) != nil {
		return errInMulti // ours are sent as they are in MULTI alone
	}
	return ""
}
