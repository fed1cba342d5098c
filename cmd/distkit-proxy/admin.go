package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/proxy/admin"
)

// unreadyAge is how old a pending increment may be on a proxy that is ready,
// where --max-pending-age says nothing.
const unreadyAge = 10 * time.Second

// serveAdmin opens the address for metrics and health checks and begins to
// serve it; nil without one. It also returns the address it really has.
func serveAdmin(cfg conf.Config, log *slog.Logger) (*admin.Server, string, error) {
	if cfg.Admin == "" {
		return nil, "", nil
	}
	ln, err := listenOne("admin", cfg.Admin)
	if err != nil {
		return nil, "", err
	}
	a := admin.New(adminOptions(cfg, log))
	go func() {
		// The counters go on: a proxy that nobody watches is better than none.
		if err := a.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics and health checks have ended", "error", err.Error())
		}
	}()
	return a, addresses([]net.Listener{ln})[0], nil
}

func adminOptions(cfg conf.Config, log *slog.Logger) admin.Options {
	return admin.Options{MaxPendingAge: readyAge(cfg), Version: versionNumber(), Logger: log}
}

// readyAge is how old a pending increment may be on a proxy that is ready: less
// than what has increments refused, and more than what the flush interval explains.
func readyAge(cfg conf.Config) time.Duration {
	age := unreadyAge
	if cfg.MaxPendingAge > 0 {
		age = cfg.MaxPendingAge / 2
	}
	interval := cfg.FlushInterval
	for _, p := range cfg.Lax {
		interval = max(interval, p.FlushInterval)
	}
	return max(age, interval*3/2)
}
