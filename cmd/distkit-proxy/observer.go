package main

import (
	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/engine/hot"
)

// observer sees what lax would save, or is nil if nobody wants to know.
func observer(cfg conf.Config) *hot.Observer {
	if !cfg.Observe {
		return nil
	}
	opts := hot.Options{FlushInterval: cfg.FlushInterval, AllowedLag: cfg.AllowedLag}
	for _, p := range cfg.Lax {
		opts.Patterns = append(opts.Patterns, hot.Pattern(p))
	}
	return engine.NewObserver(opts)
}
