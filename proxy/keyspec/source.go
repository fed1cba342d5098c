package keyspec

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// unknownPause is how long a table is not asked for again because of a
	// command that is not in it.
	unknownPause = time.Second
	// failurePause is how long nobody asks after Redis gave no table.
	failurePause = 100 * time.Millisecond
)

// Source holds the table of one Redis. It asks for it when it is first needed,
// in the goroutine of who needs it, while others who need it wait. Safe for
// concurrent use.
type Source struct {
	ask     func(context.Context) ([]any, error) // fixed after New
	current atomic.Pointer[version]
	age     atomic.Uint64 // counts Refresh

	turn chan struct{} // holds one; who has it may ask, and owns the following fields

	failed time.Time // when Redis last gave no table
	err    error     // why
}

// version is a table and what it was asked for.
type version struct {
	table *Table
	age   uint64
	at    time.Time
}

// New makes a Source. ask sends COMMAND and returns the reply; calls never overlap.
func New(ask func(context.Context) ([]any, error)) *Source {
	s := &Source{ask: ask, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// Refresh has the table asked for again when it is next needed: Redis may be
// another one, or have other commands.
func (s *Source) Refresh() { s.age.Add(1) }

// Table returns the table. If Redis cannot be asked it returns the last one, and
// an error only if there is none yet; the error is ctx's if it ended before.
// After a failure nobody asks for a tenth of a second.
func (s *Source) Table(ctx context.Context) (*Table, error) {
	v := s.current.Load()
	if v != nil && v.age == s.age.Load() {
		return v.table, nil
	}
	err := s.renew(ctx, func(v *version) bool { return v == nil || v.age != s.age.Load() })
	if v = s.current.Load(); v != nil {
		return v.table, nil
	}
	return nil, err
}

// Touched is Table.Touched. A command that is not in the table may be new: it is
// asked for again, at most once a second. With an error the answer is that the
// command is unknown.
func (s *Source) Touched(ctx context.Context, args, buf [][]byte) (Answer, error) {
	t, err := s.Table(ctx)
	if err != nil {
		return t.Touched(args, buf), err
	}
	a := t.Touched(args, buf)
	if !a.Unknown {
		return a, nil
	}
	old := func(v *version) bool { return v.table == t && time.Since(v.at) >= unknownPause }
	if old(s.current.Load()) {
		_ = s.renew(ctx, old) // else it stays unknown
	}
	if v := s.current.Load(); v.table != t {
		return v.table.Touched(args, buf), nil
	}
	return a, nil
}

// renew asks for the table when it is its turn, if it is still needed then.
func (s *Source) renew(ctx context.Context, needed func(*version) bool) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	if !needed(s.current.Load()) {
		return nil
	}
	if s.err != nil && time.Since(s.failed) < failurePause {
		return s.err
	}
	age := s.age.Load()
	reply, err := s.ask(ctx)
	var t *Table
	if err == nil {
		t, err = Parse(reply)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // says nothing about Redis
	}
	if s.failed, s.err = time.Now(), err; err == nil {
		s.current.Store(&version{table: t, age: age, at: time.Now()})
	}
	return err
}
