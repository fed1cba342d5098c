package certs

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/internal/testcert"
)

// files are those of a test.
type files struct {
	t   *testing.T
	log bytes.Buffer
	Options
}

func newFiles(t *testing.T) *files {
	dir := t.TempDir()
	f := &files{t: t, Options: Options{Cert: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}}
	f.Logger = slog.New(slog.NewTextHandler(&f.log, nil))
	f.put(testcert.Pair(t, "first"))
	return f
}

func (f *files) put(cert, key []byte) {
	f.t.Helper()
	write(f.t, f.Cert, cert)
	write(f.t, f.Key, key)
}

// write replaces a file as tools do that renew certificates.
func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

func (f *files) load() *Certificates {
	f.t.Helper()
	c, err := Load(f.Options)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// later makes the last look at the files long ago.
func (c *Certificates) later() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = c.looked.Add(-time.Hour)
}

// shake is a handshake: who the server says it is, and how either side ends.
func shake(t *testing.T, c *Certificates, client *tls.Config) (name string, serverErr, clientErr error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	served := make(chan error, 1)
	go func() {
		defer far.Close()
		served <- tls.Server(far, c.Config()).HandshakeContext(t.Context())
	}()
	conn := tls.Client(near, client)
	clientErr = conn.HandshakeContext(t.Context())
	if clientErr != nil {
		near.Close()
		return "", <-served, clientErr
	}
	name = conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	go conn.Read(make([]byte, 1)) // tickets and alerts
	return name, <-served, nil
}

var anybody = &tls.Config{InsecureSkipVerify: true}

func wantName(t *testing.T, c *Certificates, want string) {
	t.Helper()
	if name, serverErr, err := shake(t, c, anybody); name != want || serverErr != nil || err != nil {
		t.Errorf("%q, want %q; %v, %v", name, want, serverErr, err)
	}
}

func TestChangedFilesAreRead(t *testing.T) {
	f := newFiles(t)
	c := f.load()
	wantName(t, c, "first")
	f.put(testcert.Pair(t, "second"))
	wantName(t, c, "first") // not within a second
	c.later()
	wantName(t, c, "second")
	f.put(testcert.Pair(t, "third"))
	c.Reload()
	wantName(t, c, "third")
}

// What cannot be used changes nothing, is told once, and is tried again when it
// has changed again.
func TestBrokenFilesChangeNothing(t *testing.T) {
	f := newFiles(t)
	c := f.load()
	cert, key := testcert.Pair(t, "second")
	write(t, f.Cert, cert) // the key comes later
	for range 3 {
		c.later()
		wantName(t, c, "first")
	}
	if n := strings.Count(f.log.String(), "cannot be used"); n != 1 {
		t.Errorf("told %d times: %s", n, f.log.String())
	}
	write(t, f.Key, key)
	c.later()
	wantName(t, c, "second")
	for _, name := range []string{f.Cert, f.Key} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	c.Reload()
	wantName(t, c, "second")
}

func TestClientCertificates(t *testing.T) {
	f := newFiles(t)
	f.ClientCA = f.Cert + ".ca"
	mine, key := testcert.Pair(t, "client")
	write(t, f.ClientCA, mine)
	c := f.load()
	pair := func(cert, key []byte) *tls.Config {
		p, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{p}}
	}
	if name, err, _ := shake(t, c, pair(mine, key)); name != "first" || err != nil {
		t.Errorf("right: %q, %v", name, err)
	}
	if _, err, _ := shake(t, c, anybody); err == nil {
		t.Error("none: served")
	}
	other, otherKey := testcert.Pair(t, "other")
	if _, err, _ := shake(t, c, pair(other, otherKey)); err == nil {
		t.Error("another: served")
	}
	write(t, f.ClientCA, other)
	c.later()
	if _, err, _ := shake(t, c, pair(mine, key)); err == nil {
		t.Error("the one of before: served")
	}
	if _, err, _ := shake(t, c, pair(other, otherKey)); err != nil {
		t.Errorf("the new one: %v", err)
	}
}

func TestOldProtocolsAreRefused(t *testing.T) {
	c := newFiles(t).load()
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		_, err, _ := shake(t, c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestErrorsNameTheSetting(t *testing.T) {
	f := newFiles(t)
	_, otherKey := testcert.Pair(t, "other")
	for name, tc := range map[string]struct {
		spoil func(o *Options)
		want  string
	}{
		"no certificate":  {func(o *Options) { o.Cert = "/no/such" }, `tls-cert "/no/such": no such file or directory`},
		"no key":          {func(o *Options) { o.Key = "/no/such" }, `tls-key "/no/such": no such file or directory`},
		"no CA":           {func(o *Options) { o.ClientCA = "/no/such" }, `tls-client-ca "/no/such": no such file or directory`},
		"a key as a cert": {func(o *Options) { o.Cert = o.Key }, `tls-cert "` + f.Key + `": `},
		"a cert as a key": {func(o *Options) { o.Key = o.Cert }, `tls-key "` + f.Cert + `": `},
		"another key":     {func(o *Options) { write(t, o.Key+"2", otherKey); o.Key += "2" }, `tls-key "` + f.Key + `2": private key does not match public key`},
		"an empty CA":     {func(o *Options) { write(t, o.Key+"3", nil); o.ClientCA = o.Key + "3" }, `tls-client-ca "` + f.Key + `3": there is no certificate in PEM in it`},
	} {
		o := f.Options
		tc.spoil(&o)
		_, err := Load(o)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}
