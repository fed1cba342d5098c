// Package certs has the certificates with which the proxy serves TLS, and reads
// them again when their files change.
//
//	c, err := certs.Load(certs.Options{Cert: "proxy.crt", Key: "proxy.key"})
//	…
//	proxy.New(proxy.Options{TLS: c.Config()})
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// checkPause is the time between two looks at the files.
const checkPause = time.Second

// Options name the files, all PEM.
type Options struct {
	// Cert is the certificate with those between it and the root, Key its key. Required.
	Cert, Key string
	// ClientCA are the roots of clients' certificates, which every client must
	// have then. Empty: clients need none.
	ClientCA string
	// Logger takes a line for each reading of changed files. Default: discard.
	Logger *slog.Logger
}

// Certificates are what was read last and could be used. Safe for concurrent use.
type Certificates struct {
	opts Options
	now  atomic.Pointer[tls.Config]

	mu     sync.Mutex // guards the following fields; one looks at the files
	looked time.Time
	stamps string // of the files when they were read last
}

// Load reads the files. An error names the setting and the file.
func Load(opts Options) (*Certificates, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Certificates{opts: opts, looked: time.Now()}
	c.stamps = c.stamp()
	conf, err := c.read()
	if err != nil {
		return nil, err
	}
	c.now.Store(conf)
	return c, nil
}

// Config is a configuration that always has the certificates of now. It looks at the files
// at a handshake, at most once a second.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if c.mu.TryLock() { // else somebody is looking
				c.look(false)
				c.mu.Unlock()
			}
			return c.now.Load(), nil
		},
	}
}

// Reload reads the files now.
func (c *Certificates) Reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(true)
}

// look reads the files if they have changed, or in any case. What cannot be used
// changes nothing, and is told once.
func (c *Certificates) look(always bool) {
	if !always && time.Since(c.looked) < checkPause {
		return
	}
	c.looked = time.Now()
	stamps := c.stamp()
	if !always && stamps == c.stamps {
		return
	}
	c.stamps = stamps
	conf, err := c.read()
	if err != nil {
		c.opts.Logger.Error("the certificates have changed and cannot be used; those of before stay", "error", err.Error())
		return
	}
	c.now.Store(conf)
	c.opts.Logger.Info("certificates read again", "expires", conf.Certificates[0].Leaf.NotAfter.Format(time.RFC3339))
}

// stamp changes when a file does.
func (c *Certificates) stamp() string {
	var b strings.Builder
	for _, name := range []string{c.opts.Cert, c.opts.Key, c.opts.ClientCA} {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintln(&b, info.ModTime().UnixNano(), info.Size(), id(info))
		} else {
			fmt.Fprintln(&b, "none")
		}
	}
	return b.String()
}

// read reads the files.
func (c *Certificates) read() (*tls.Config, error) {
	cert, err := readFile("tls-cert", c.opts.Cert)
	if err != nil {
		return nil, err
	}
	key, err := readFile("tls-key", c.opts.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		name, file := "tls-cert", c.opts.Cert
		if !strings.Contains(err.Error(), "in certificate input") && (strings.Contains(err.Error(), "private key") || strings.Contains(err.Error(), "in key input")) {
			name, file = "tls-key", c.opts.Key
		}
		return nil, fmt.Errorf("%s %q: %s", name, file, strings.TrimPrefix(err.Error(), "tls: "))
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.opts.ClientCA == "" {
		return conf, nil
	}
	roots, err := readFile("tls-client-ca", c.opts.ClientCA)
	if err != nil {
		return nil, err
	}
	conf.ClientCAs, conf.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !conf.ClientCAs.AppendCertsFromPEM(roots) {
		return nil, fmt.Errorf("tls-client-ca %q: there is no certificate in PEM in it", c.opts.ClientCA)
	}
	return conf, nil
}

func readFile(setting, name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", setting, name, err)
	}
	return data, nil
}
