package engine

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/lua"
)

// Pattern names ordinary string keys that are treated as counters. The first of
// Options.Lax that a key matches is the one that counts.
type Pattern struct {
	// Glob is matched as Redis matches it in KEYS. Required.
	Glob string
	// FlushInterval and AllowedLag are what they are in Options, for these keys.
	// Zero: as there.
	FlushInterval, AllowedLag time.Duration
}

// MaxLaxKey is the longest ordinary key in bytes that is treated as a counter.
const MaxLaxKey = 1024

// pace is how often the keys of a pattern are flushed and how long they are kept fresh.
type pace struct{ interval, lag time.Duration }

// patterns are Options.Lax as they are matched. It never changes once made.
type patterns struct {
	list  []pattern
	paces []pace // keys of one pace share a flusher
}

type pattern struct {
	glob   string
	prefix bool // glob is the beginning of a key, and anything may follow
	pace   int
}

// newPatterns checks the options' patterns.
func newPatterns(o *Options) (patterns, error) {
	var ps patterns
	for _, lax := range o.Lax {
		if lax.Glob == "" || len(lax.Glob) > MaxGlob {
			return ps, fmt.Errorf("engine: lax pattern %q: 1 to %d bytes are needed", lax.Glob, MaxGlob)
		}
		if lax.FlushInterval < 0 || lax.AllowedLag < 0 {
			return ps, fmt.Errorf("engine: lax pattern %q: neither its flush interval nor its lag may be negative", lax.Glob)
		}
		setDefault(&lax.FlushInterval, o.FlushInterval)
		setDefault(&lax.AllowedLag, o.AllowedLag)
		p := pattern{glob: lax.Glob, pace: ps.paceOf(pace{lax.FlushInterval, lax.AllowedLag})}
		if head, found := strings.CutSuffix(lax.Glob, "*"); found && !strings.ContainsAny(head, `*?[\`) {
			p.glob, p.prefix = head, true
		}
		ps.list = append(ps.list, p)
	}
	return ps, nil
}

func (ps *patterns) paceOf(want pace) int {
	for i, have := range ps.paces {
		if have == want {
			return i
		}
	}
	ps.paces = append(ps.paces, want)
	return len(ps.paces) - 1
}

// match returns the pace of a key, or -1 if no pattern matches. What is distkit's
// own is matched by none: a proxy must not count in its own records.
func (ps *patterns) match(key []byte) int {
	if len(ps.list) == 0 || len(key) > MaxLaxKey || bytes.HasPrefix(key, []byte(lua.OwnPrefix)) {
		return -1
	}
	for i := range ps.list {
		p := &ps.list[i]
		if p.prefix && len(key) >= len(p.glob) && string(key[:len(p.glob)]) == p.glob || !p.prefix && globMatches(p.glob, key) {
			return p.pace
		}
	}
	return -1
}

// HasLax reports whether any ordinary key may be treated as a counter.
func (e *Engine) HasLax() bool { return len(e.patterns.list) > 0 }

// IsLax reports whether an ordinary key is treated as a counter.
func (e *Engine) IsLax(key []byte) bool { return e.patterns.match(key) >= 0 }
