package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/distkit/distkit-proxy/conf"
	"github.com/distkit/distkit-proxy/internal/testcert"
)

// TLS on TCP, none on unix sockets, and certificates that are read again at SIGHUP.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, sock := filepath.Join(dir, "crt"), filepath.Join(dir, "key"), filepath.Join(dir, "s")
	testcert.Files(t, cert, key, "first")
	p := begin(t, nil, "--listen", "127.0.0.1:0", "--listen", "unix://"+sock, "--tls-cert", cert, "--tls-key", key)
	addr, _, _ := strings.Cut(p.ready(t)["listen"].(string), " ")
	wantName := func(want string) {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("the server is %q, want %q", got, want)
		}
		c := &client{conn, bufio.NewReader(conn)}
		if got := c.ask(t, "PING\r\n"); got != "+PONG" {
			t.Errorf("got %q", got)
		}
	}
	wantName("first")
	if got := dial(t, "unix", sock).ask(t, "PING\r\n"); got != "+PONG" {
		t.Errorf("unix socket: %q", got)
	}
	testcert.Files(t, cert, key, "second")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.line(t, "certificates read again")
	wantName("second")
	p.cancel()
	p.wantExit(t, exitOK)
}

// SIGHUP without certificates is nothing.
func TestHangup(t *testing.T) {
	f := newFake()
	p := f.process()
	hangups := make(chan os.Signal)
	p.hangups = hangups
	signals := make(chan os.Signal, 1)
	exit := make(chan int)
	go func() { exit <- p.wait(t.Context(), signals) }()
	hangups <- syscall.SIGHUP
	hangups <- syscall.SIGHUP // the first one is done with
	signals <- syscall.SIGTERM
	if code := <-exit; code != exitOK || !strings.Contains(f.log.String(), "reason=terminated") {
		t.Errorf("exit %d:\n%s", code, f.log.String())
	}
}

// answeringRedis answers the first line of each connection.
func answeringRedis(t *testing.T, reply string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := conn.Read(make([]byte, 100)); err == nil {
				_, _ = conn.Write([]byte(reply + "\r\n"))
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-ended
	})
	return ln.Addr().String()
}

// What counts as authentication where others can reach the proxy.
func TestGuarded(t *testing.T) {
	open, closed, away := answeringRedis(t, "+PONG"), answeringRedis(t, "-NOAUTH Authentication required."), freePort(t)
	const rest = "; allowed: a loopback address, or any with a Redis whose default user has a password or is off, with --tls-client-ca, or with --public"
	for args, want := range map[string]string{
		"--listen :1 --redis redis://" + open:                                            `listen ":1": others can reach it, and Redis asks them for no password` + rest,
		"--listen 127.0.0.1:1 --listen h:2 --redis redis://" + open:                      `listen "h:2": others can reach it, and Redis asks them for no password` + rest,
		"--listen :1 --redis redis://u:p@" + open:                                        `listen ":1": others can reach it, and Redis asks them for no password` + rest,
		"--listen :1 --redis redis://" + away:                                            `listen ":1": others can reach it, and Redis cannot be asked whether it asks them for a password` + rest,
		"--listen :1 --redis redis://u:p@" + closed:                                      "",
		"--listen :1 --public --redis redis://" + open:                                   "",
		"--listen :1 --public --redis redis://" + away:                                   "",
		"--listen :1 --tls-cert a --tls-key b --tls-client-ca c --redis redis://" + open: "",
		"--listen :1 --tls-cert a --tls-key b --redis redis://" + open:                   `listen ":1": others can reach it, and Redis asks them for no password` + rest,
		"--listen 127.0.0.1:1 --redis redis://" + away:                                   "",
	} {
		cfg, err := conf.Load(strings.Fields(args), nil)
		if err != nil {
			t.Fatal(err)
		}
		opts, err := conf.ParseRedis(cfg.Redis)
		if err != nil {
			t.Fatal(err)
		}
		if err = guarded(t.Context(), cfg, opts); err == nil {
			err = errors.New("")
		}
		if err.Error() != want {
			t.Errorf("%s: %q, want %q", args, err, want)
		}
	}
}
