package integration

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/corpus"
	"github.com/distkit/distkit-proxy/internal/testcert"
)

// link is how a proxy reaches its Redis, and what that wants of clients.
type link struct {
	name     string
	password string // "": none
	// start starts a Redis, also of those lines of configuration, and says how
	// the proxy reaches it.
	start func(t *testing.T, conf ...string) (*redisServer, *redis.Options)
	lax   []engine.Pattern // ordinary keys that the proxy counts
}

// plainly is by TCP, without a password.
var plainly = link{name: "TCP", start: overTCP}

func overTCP(t *testing.T, conf ...string) (*redisServer, *redis.Options) {
	r := startRedis(t, conf...)
	return r, &redis.Options{Addr: r.addr}
}

func overUnix(t *testing.T, conf ...string) (*redisServer, *redis.Options) {
	r := startRedis(t, append(conf, "unixsocket redis.sock")...) // in its own directory
	return r, &redis.Options{Network: "unix", Addr: filepath.Join(r.dir, "redis.sock")}
}

func overTLS(t *testing.T, conf ...string) (*redisServer, *redis.Options) {
	dir, addr := t.TempDir(), freeAddr(t)
	certFile, keyFile := filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	cert, key := testcert.Files(t, certFile, keyFile, "redis")
	_, client := testcert.Configs(t, cert, key)
	_, port, _ := net.SplitHostPort(addr)
	r := startRedis(t, append(conf, "tls-port "+port, "tls-cert-file "+certFile, "tls-key-file "+keyFile, "tls-ca-cert-file "+certFile)...)
	return r, &redis.Options{Addr: addr, TLSConfig: client}
}

// newComparison starts both Redis and the proxy. Shared connections outlast a scenario
// by seconds, so they are compared over one link.
func newComparison(t *testing.T, proto int, over link) *comparison {
	conf := []string{"hz 500"} // so often Redis looks after the timeouts of blocked clients
	if over.password != "" {
		conf = append(conf, "requirepass "+over.password)
	}
	direct := startRedis(t, conf...)
	behind, opts := over.start(t, conf...)
	opts.DB, opts.Password = ownDB, over.password
	if over.lax != nil {
		opts.ClientName = ownName // those for ordinary keys use other databases
	}
	p := startProxyThatDenies(t, []string{}, backend{name: "redis", redis: opts, unshared: over.name != plainly.name}, engine.Options{InstanceID: "me", Lax: over.lax})
	c := &comparison{
		proto: proto, password: over.password, redis: direct.addr, proxy: p.addr,
		direct: newControl(t, direct, over.password), behind: newControl(t, behind, over.password),
	}
	if over.lax != nil {
		c.behind.sweeper = newControl(t, &redisServer{addr: p.addr}, over.password)
		if _, err := c.behind.sweeper.ask([]string{"CLIENT", "SETNAME", ownName}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Where Redis has a password these are not played, or not with ours between.
var (
	notWithPassword     = map[string]string{"auth: users": "the default user takes any password in it"}
	oursNotWithPassword = map[string]string{"reset: subscriptions": "beside a subscription the proxy does not see whether AUTH is accepted, and refuses ours"}
)

// However the proxy reaches Redis, and whoever has to authenticate, the bytes are
// the same.
func TestCompareLinks(t *testing.T) {
	all, err := corpus.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, over := range []link{
		{name: "password", password: "sesame", start: overTCP},
		{name: "TLS", start: overTLS},
		{name: "unix socket", start: overUnix},
	} {
		for proto := 2; proto <= 3; proto++ {
			t.Run(fmt.Sprintf("%s, RESP%d", over.name, proto), func(t *testing.T) {
				t.Parallel()
				c := newComparison(t, proto, over)
				played := make(map[string]bool)
				for i := range all {
					played[all[i].Name] = true
					if s := &all[i]; s.Only == 0 || s.Only == proto {
						t.Run(s.Name, func(t *testing.T) { c.compareOnce(t, s) })
					}
				}
				for _, list := range []map[string]string{notWithPassword, oursNotWithPassword} {
					for name := range list {
						if !played[name] {
							t.Errorf("there is no scenario %q to leave out", name)
						}
					}
				}
				t.Logf("%d plays, %d bytes", c.plays, c.bytes)
			})
		}
	}
}

// compareOnce plays a scenario on both sides in one or two ways, those that have
// most to do with the link.
func (c *comparison) compareOnce(t *testing.T, s *corpus.Scenario) {
	t.Helper()
	secret := c.password != ""
	if secret && notWithPassword[s.Name] != "" {
		return
	}
	single := way{name: "single"}
	want := c.ask(t, s, single)
	c.same(t, s, single, want)
	if s.Alone == "" && want.sent < long && !(secret && oursNotWithPassword[s.Name] != "") {
		ours := way{name: "pipelined with ours", pipelined: true, ours: true}
		c.same(t, s, ours, c.ask(t, s, ours))
	}
}
