package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/internal/testcert"
	"github.com/distkit/distkit-proxy/proxy"
	"github.com/distkit/distkit-proxy/proxy/certs"
)

// startTLSProxy runs a proxy that asks its clients for a certificate. It returns
// its address, what a client needs, and the files of that: certificate and key.
func startTLSProxy(t *testing.T, redisAddr string) (addr string, conf *tls.Config, cert, key string) {
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	public, secret := testcert.Files(t, cert, key, "proxy")
	c, err := certs.Load(certs.Options{Cert: cert, Key: key, ClientCA: cert})
	if err != nil {
		t.Fatal(err)
	}
	opts := &redis.Options{Addr: redisAddr}
	eng, err := engine.New(engine.Options{Redis: opts, InstanceID: "tls"})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := proxy.New(proxy.Options{Engine: eng, Redis: opts, TLS: c.Config()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		<-served
		if _, err := eng.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	_, conf = testcert.Configs(t, public, secret)
	return ln.Addr().String(), conf, cert, key
}

// What clients do without TLS they do with it.
func TestClientsSpeakTLS(t *testing.T) {
	r := startRedis(t)
	addr, conf, cert, key := startTLSProxy(t, r.addr)
	ctx := t.Context()
	c := redis.NewClient(&redis.Options{Addr: addr, TLSConfig: conf, MaxRetries: -1})
	defer c.Close()
	if n, err := c.Do(ctx, "DKC.INC", "k", 5).Int(); n != 5 || err != nil {
		t.Errorf("a counter: %d, %v", n, err)
	}
	big := strings.Repeat("x", 16<<20)
	if err := c.Set(ctx, "big", big, 0).Err(); err != nil {
		t.Error(err)
	}
	if got, err := c.Get(ctx, "big").Result(); got != big || err != nil {
		t.Errorf("a big value: %d bytes, %v", len(got), err)
	}
	pipe := c.Pipeline()
	for range 1000 {
		pipe.Incr(ctx, "n")
		pipe.Do(ctx, "DKC.INC", "k")
	}
	if cmds, err := pipe.Exec(ctx); err != nil || cmds[1999].(*redis.Cmd).Val() != int64(1005) {
		t.Errorf("a pipeline: %v", err)
	}
	if _, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "n"); return nil }); err != nil {
		t.Errorf("a transaction: %v", err)
	}
	sub := c.Subscribe(ctx, "ch")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(ctx, "ch", "hello").Err(); err != nil {
		t.Fatal(err)
	}
	if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
		t.Errorf("a message: %v, %v", m, err)
	}
	blocked := make(chan error, 1)
	go func() { blocked <- c.BLPop(ctx, 20*time.Second, "list").Err() }()
	if err := c.LPush(ctx, "list", "a").Err(); err != nil {
		t.Error(err)
	}
	if err := <-blocked; err != nil {
		t.Errorf("a blocking command: %v", err)
	}

	_, port, _ := net.SplitHostPort(addr)
	cli := func(args ...string) string {
		out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", "127.0.0.1", "-p", port, "--tls", "--cacert", cert}, args...)...).CombinedOutput()
		return fmt.Sprint(strings.TrimSpace(string(out)), err)
	}
	if got, want := cli("--cert", cert, "--key", key, "DKC.GET", "k"), "1005<nil>"; got != want {
		t.Errorf("redis-cli: %q, want %q", got, want)
	}
	if got := cli("DKC.GET", "k"); !strings.Contains(got, "rror") || strings.Contains(got, "1005") {
		t.Errorf("redis-cli without a certificate: %q", got)
	}
	anon := redis.NewClient(&redis.Options{Addr: addr, TLSConfig: &tls.Config{RootCAs: conf.RootCAs}, MaxRetries: -1})
	defer anon.Close()
	if err := anon.Ping(ctx).Err(); err == nil {
		t.Error("served without a certificate")
	}
}
