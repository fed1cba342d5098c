package engine

import "github.com/distkit/distkit-proxy/engine/hot"

// NewObserver makes an observer for Options whose patterns are globs as the
// engine has them; Match need not be set.
func NewObserver(opts hot.Options) *hot.Observer {
	opts.Match = func(glob string, key []byte) bool { return globMatches(glob, string(key)) }
	return hot.New(opts)
}

// Observer is what Options say; nil: nothing is observed.
func (e *Engine) Observer() *hot.Observer { return e.opts.Observer }
