package proxy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// maxLineSets bounds how many sets of lines there are, of two lines each.
const maxLineSets = 64

// linePause is how long after a failure a line is not tried again.
const linePause = time.Second

// idleLooks is how many rounds of the watch a line may be idle before it is closed.
const idleLooks = 2

// lines has the connections to Redis that sessions share. Those share one who have set
// their connections up alike: as whom, in which protocol, and in which database.
// Safe for concurrent use.
type lines struct {
	// Fixed.
	dialer *dialer
	log    *slog.Logger
	m      *metrics
	opened func() // a line was opened
	ctx    context.Context

	wg sync.WaitGroup // their goroutines

	mu     sync.Mutex // guards the following fields
	sets   map[string]*lineSet
	closed bool
}

// share is how a command may go over a line.
type share uint8

const (
	unshared     share = iota // not at all
	sharedReads               // with others that change nothing
	sharedWrites              // with others that may be held up by CLIENT PAUSE WRITE
	shares
)

// lineSet is the lines of sessions that have set up the same.
type lineSet struct {
	lines *lines
	key   string   // with the commands below: never logged
	cmds  [][]byte // what a line begins with
	gone  atomic.Bool
	slots [shares]lineSlot
}

// lineSlot is the place of one line.
type lineSlot struct {
	line    atomic.Pointer[line]
	opening atomic.Bool
	retry   atomic.Int64 // not before this moment, Unix nanoseconds
	looks   int          // the rounds it was idle; the watch's
}

// of returns the set for a setup, or nil if there are too many.
func (ls *lines) of(st *setup) *lineSet {
	var cmds [][]byte
	for _, at := range [...]slot{slotAuth, slotProto, slotDB} {
		if cmd := st.cmds[at]; cmd != nil {
			cmds = append(cmds, cmd)
		}
	}
	return ls.set("", cmds)
}

// own returns the set for what the proxy sends by itself, with its own credentials.
func (ls *lines) own(db int) *lineSet {
	var cmds [][]byte
	switch o := ls.dialer.opts; {
	case o.Username != "":
		cmds = append(cmds, appendCommand(nil, []byte("AUTH"), []byte(o.Username), []byte(o.Password)))
	case o.Password != "":
		cmds = append(cmds, appendCommand(nil, []byte("AUTH"), []byte(o.Password)))
	}
	if db != 0 {
		cmds = append(cmds, appendCommand(nil, []byte("SELECT"), strconv.AppendInt(nil, int64(db), 10)))
	}
	return ls.set("own", cmds)
}

// set returns the set of those who begin with some commands.
func (ls *lines) set(whose string, cmds [][]byte) *lineSet {
	key := whose + string(bytes.Join(cmds, nil))
	ls.mu.Lock()
	defer ls.mu.Unlock()
	set := ls.sets[key]
	if set == nil && len(ls.sets) < maxLineSets && !ls.closed {
		set = &lineSet{lines: ls, key: key, cmds: cmds}
		if ls.sets == nil {
			ls.sets = make(map[string]*lineSet)
		}
		ls.sets[key] = set
	}
	return set
}

// line returns the line for such commands, or nil if there is none. Then one is
// being opened, unless that has failed just now.
func (set *lineSet) line(how share) *line {
	slot := &set.slots[how]
	if l := slot.line.Load(); l != nil {
		return l
	}
	if time.Now().UnixNano() >= slot.retry.Load() && slot.opening.CompareAndSwap(false, true) {
		set.open(slot)
	}
	return nil
}

// open opens a line in a goroutine of its own, which serves it until it ends.
func (set *lineSet) open(slot *lineSlot) {
	ls := set.lines
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed || set.gone.Load() {
		slot.opening.Store(false)
		return
	}
	ls.wg.Go(func() {
		l, err := set.dial(slot)
		if err != nil {
			ls.log.Debug("cannot open a shared connection to Redis", "err", err)
			slot.retry.Store(time.Now().Add(linePause).UnixNano())
			slot.opening.Store(false)
			return
		}
		defer func() {
			if p := recover(); p != nil {
				ls.m.panics.Add(1)
				ls.log.Error("panic, a shared connection to Redis is closed", "panic", p, "stack", string(debug.Stack()))
				l.fail(errLineClosed)
			}
		}()
		if !ls.adopt(slot, l) {
			l.up.close()
			return
		}
		ls.opened()
		l.read()
	})
}

// adopt puts a line in its place; false: it is too late.
func (ls *lines) adopt(slot *lineSlot, l *line) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	slot.opening.Store(false)
	if ls.closed { // nobody would read for those who came
		return false
	}
	slot.line.Store(l)
	return true
}

// dial connects, and sends what the line begins with. Redis' reply to the PING before
// that says that there is a Redis.
func (set *lineSet) dial(slot *lineSlot) (*line, error) {
	up, err := set.lines.dialer.open(set.lines.ctx, &set.lines.m.lines, &set.lines.m.linesOpened)
	if err != nil {
		return nil, err
	}
	if err := set.prepare(up); err != nil {
		up.close()
		up.release()
		return nil, err
	}
	l := &line{up: up}
	l.left = func() { slot.line.CompareAndSwap(l, nil) }
	return l, nil
}

func (set *lineSet) prepare(up *upstream) error {
	if err := up.conn.SetDeadline(time.Now().Add(setupTime)); err != nil {
		return err
	}
	if err := up.write(append([][]byte{probe}, set.cmds...)); err != nil {
		return err
	}
	for i := 0; i <= len(set.cmds); i++ {
		reply, err := up.whole(up.fill, func([]byte) {})
		switch {
		case err != nil:
			return err
		case reply[0] == '-' || reply[0] == '!':
			return fmt.Errorf("proxy: Redis refuses what a shared connection begins with: %.40q", reply)
		}
	}
	if up.pending() {
		return errLineReply
	}
	return up.conn.SetDeadline(time.Time{})
}

// look closes the lines that have been idle for long, and forgets sets without any.
func (ls *lines) look() {
	ls.mu.Lock()
	var idle []*line
	for key, set := range ls.sets {
		empty := true
		for i := range set.slots {
			slot := &set.slots[i]
			l := slot.line.Load()
			empty = empty && l == nil && !slot.opening.Load()
			if l == nil || !l.idle() {
				slot.looks = 0
			} else if slot.looks++; slot.looks >= idleLooks {
				idle = append(idle, l)
			}
		}
		if empty {
			set.gone.Store(true)
			delete(ls.sets, key)
		}
	}
	ls.mu.Unlock()
	for _, l := range idle {
		l.retire()
	}
}

// close closes the lines, and those who wait get errLineClosed.
func (ls *lines) close() {
	ls.mu.Lock()
	ls.closed = true
	var all []*line
	for _, set := range ls.sets {
		for i := range set.slots {
			if l := set.slots[i].line.Load(); l != nil {
				all = append(all, l)
			}
		}
	}
	ls.mu.Unlock()
	for _, l := range all {
		l.retire()
		l.up.close()
	}
}
