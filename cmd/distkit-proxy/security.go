package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/proxy"
	"github.com/distkit/distkit-proxy/proxy/certs"
)

// guarded is nil if others cannot reach the proxy, or only with a password or a
// certificate, or if that is allowed. The embedded Redis has been seen to by conf.
func guarded(ctx context.Context, cfg conf.Config, opts *redis.Options) error {
	exposed := cfg.Exposed()
	if len(exposed) == 0 || cfg.Redis == "" {
		return nil
	}
	why := "Redis asks them for no password"
	demands, err := proxy.DemandsAuth(ctx, opts)
	switch {
	case err != nil:
		why = "Redis cannot be asked whether it asks them for a password"
	case demands:
		return nil
	}
	return fmt.Errorf("listen %q: others can reach it, and %s; allowed: a loopback address, or any with a Redis whose default user has a password or is off, with --tls-client-ca, or with --public", exposed[0], why)
}

// loadCertificates reads the files that the configuration names; nil without.
func (p *process) loadCertificates(cfg conf.Config, log *slog.Logger) (*tls.Config, error) {
	if cfg.TLSCert == "" {
		return nil, nil
	}
	c, err := certs.Load(certs.Options{Cert: cfg.TLSCert, Key: cfg.TLSKey, ClientCA: cfg.TLSClientCA, Logger: log})
	if err != nil {
		return nil, err
	}
	p.certs = c
	return c.Config(), nil
}

// reload is SIGHUP. Without certificates it is nothing, as in Redis.
func (p *process) reload() {
	if p.certs != nil {
		p.certs.Reload()
	}
}

// clientSockets is how many file descriptors the most clients take: one each, or
// three where they speak TLS and take two places.
func clientSockets(cfg conf.Config) int {
	if cfg.TLSCert != "" {
		return (3*cfg.MaxClients + 1) / 2
	}
	return cfg.MaxClients
}
