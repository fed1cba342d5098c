package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// wire is a command as an array.
func wire(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// startGuarded starts a Redis with these rules for its default user, as of
// whom a client that does not authenticate is treated, and a proxy with a user of
// its own. The rules do not survive Redis.
func startGuarded(t *testing.T, rules string) (*redisServer, *testProxy) {
	r := startRedis(t, "user proxy on >proxy ~* &* +@all", "user app on >app ~* &* +@all")
	opts := &redis.Options{Addr: r.addr, Username: "proxy", Password: "proxy"}
	admin := redis.NewClient(opts)
	defer admin.Close()
	words := []any{"ACL", "SETUSER", "default", "reset"}
	for _, rule := range strings.Fields(rules) {
		words = append(words, rule)
	}
	if err := admin.Do(t.Context(), words...).Err(); err != nil {
		t.Fatal(err)
	}
	return r, startProxy(t, backend{name: "redis", redis: opts}, engine.Options{})
}

// defaultUsers are rules for the default user.
var defaultUsers = map[string]string{
	"password":     "on >pw ~* &* +@all",
	"off":          "off ~* &* +@all",
	"nopass":       "on nopass ~* &* +@all",
	"nopass, less": "on nopass ~* &* +@all -ping -set",
	"nopass, none": "on nopass -@all",
}

// guarded reports whether rules make Redis demand authentication.
func guarded(rules string) bool { return !strings.HasPrefix(rules, "on nopass") }

// onlyGuarded are the inputs that the proxy answers in its own way, as promised,
// where they are allowed: our part in INFO and COMMAND, a lower limit, and no
// reply to a subscriber that has ended its side.
var onlyGuarded = map[string]bool{"nothing to see": true, "a huge count": true, "subscribers": true, "subscribers, big": true}

// What strangers send is answered and refused as by Redis, and so is what
// those send who authenticate on the way.
func TestStrangersAreTreatedAsByRedis(t *testing.T) {
	small, big := wire("SET", "k", strings.Repeat("x", 16384)), wire("SET", "k", strings.Repeat("x", 16385))
	ten := wire(strings.Fields(strings.Repeat("PING ", 10))...)
	many := wire(append([]string{"DEL"}, strings.Fields(strings.Repeat("a ", 10))...)...)
	inputs := map[string]string{
		"nothing to see":          "GET a\r\nFOO\r\nGET\r\nCOMMAND COUNT\r\nINFO\r\nSELECT 1\r\nCLIENT SETNAME a\r\nPING\r\n",
		"ten arguments":           ten + "PING\r\n",
		"eleven arguments":        many + "PING\r\n",
		"eleven inline arguments": "DEL a a a a a a a a a a\r\nPING\r\n",
		"a count and no more":     "*11\r\n",
		"a huge count":            "*2147483647\r\n",
		"a count beyond":          "*2147483648\r\n",
		"16384 bytes":             small,
		"16385 bytes":             big,
		"a length and no more":    "PING\r\n*2\r\n$3\r\nGET\r\n$16385\r\n",
		"a length beyond":         "*1\r\n$536870913\r\n",
		"a long inline line":      "SET k " + strings.Repeat("x", 20_000) + "\r\nPING\r\n",
		"accepted":                wire("AUTH", "app", "app") + many + big + "PING\r\n",
		"accepted as default":     "AUTH pw\r\n" + many + "PING\r\n",
		"refused":                 wire("AUTH", "app", "no") + "PING\r\n" + many + "PING\r\n",
		"refused, then accepted":  "AUTH no\r\nAUTH app app\r\n" + many,
		"accepted, then refused":  "AUTH app app\r\nAUTH no\r\n" + many,
		"by HELLO":                "HELLO 2 AUTH app app\r\n" + many,
		"by HELLO 3":              "HELLO 3 AUTH app app SETNAME n\r\n" + many,
		"refused by HELLO":        "HELLO 3 AUTH app no\r\n" + many,
		"HELLO alone":             "HELLO\r\nHELLO 3\r\nHELLO 9\r\nHELLO 3 SETNAME auth\r\n" + many,
		"reset":                   "AUTH app app\r\nRESET\r\nGET a\r\n" + many,
		"reset and back":          "AUTH app app\r\nreset\r\nAUTH app app\r\n" + many,
		"reset that is none":      "AUTH app app\r\nRESET x\r\n" + many,
		"subscribers":             "SUBSCRIBE a b\r\nPSUBSCRIBE\r\nUNSUBSCRIBE\r\nMONITOR\r\nMONITOR x\r\nCLIENT REPLY OFF\r\nCLIENT REPLY\r\nCLIENT TRACKING ON\r\nAUTH app app\r\n" + many + "GET a\r\n",
		"subscribers, big":        "SUBSCRIBE a\r\nSUBSCRIBE\r\n" + big,
		"a transaction":           "MULTI\r\nAUTH app app\r\nMULTI\r\n" + many + "EXEC\r\n",
		"good before bad":         "AUTH app app\r\nSET k 1\r\nRESET\r\nPING\r\n" + big,
	}
	for name, rules := range defaultUsers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := startGuarded(t, rules)
			for about, in := range inputs {
				if !guarded(rules) && onlyGuarded[about] {
					continue
				}
				t.Run(about, func(t *testing.T) { sameExchange(t, r.addr, p.addr, in) })
			}
		})
	}
}

// Our commands ask for what Redis asks for.
func TestOursDemandWhatRedisDemands(t *testing.T) {
	const no, ok, bad = "-NOAUTH Authentication required.\r\n", "+OK\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	for name, rules := range defaultUsers {
		t.Run(name, func(t *testing.T) {
			first := ":0\r\n"
			switch {
			case guarded(rules):
				first = no
			case name == "nopass, none":
				first = fmt.Sprintf(noRun, "hget")
			}
			_, p := startGuarded(t, rules)
			in := "DKC.GET k\r\nAUTH app no\r\nDKC.GET k\r\nAUTH app app\r\nDKC.INC k 0\r\nDKCS.GET k\r\nRESET\r\nDKC.GET k\r\n"
			want := first + bad + first + ok + ":0\r\n:0\r\n+RESET\r\n" + first
			for _, at := range append(cuts(len(in)), len(in)) {
				if got := exchange(t, p.addr, in[:at], in[at:]); got != want {
					t.Fatalf("cut at %d: %q, want %q", at, got, want)
				}
			}
		})
	}
}

// Who has authenticated goes on being served while Redis is away, and after;
// who comes meanwhile is not.
func TestAuthenticatedWhileRedisIsAway(t *testing.T) {
	r, p := startGuarded(t, "on >pw ~* &* +@all")
	ctx := context.Background()
	open := func() *redis.Conn {
		c := client(t, p.addr).Conn()
		t.Cleanup(func() { c.Close() })
		return c
	}
	known := open()
	if err := known.Do(ctx, "AUTH", "app", "app").Err(); err != nil {
		t.Fatal(err)
	}
	if err := known.Do(ctx, "DKC.INC", "k").Err(); err != nil {
		t.Fatal(err)
	}
	late := open()
	if err := late.Do(ctx, "DKC.GET", "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Fatalf("before AUTH: %v", err)
	}
	r.kill()
	for range 3 {
		if err := known.Do(ctx, "DKC.INC", "k").Err(); err != nil {
			t.Errorf("authenticated before: %v", err)
		}
		if err := late.Do(ctx, "AUTH", "app", "app").Err(); err == nil || !strings.HasPrefix(err.Error(), "LOADING") {
			t.Errorf("AUTH while away: %v", err)
		}
		if err := late.Do(ctx, "DKC.INC", "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
			t.Errorf("after an AUTH that nobody confirmed: %v", err)
		}
	}
	r.start() // with a default user who needs no password, which late's AUTH does not change
	eventually(t, 10*time.Second, func() error { return late.Do(ctx, "AUTH", "app", "app").Err() })
	if n, err := late.Do(ctx, "DKC.GET", "k").Int(); err != nil || n < 3 {
		t.Errorf("after the return: %d, %v", n, err)
	}
	if err := known.Do(ctx, "SET", "a", "b").Err(); err != nil {
		t.Errorf("the AUTH of before is gone: %v", err)
	}
}

// A password that Redis gets while clients are there is asked of new ones, as
// Redis does.
func TestPasswordThatIsSetLater(t *testing.T) {
	r, p := startGuarded(t, "on nopass ~* &* +@all")
	early, admin := client(t, p.addr).Conn(), client(t, r.addr)
	defer early.Close()
	if err := early.Do(t.Context(), "DKC.INC", "k").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.ConfigSet(t.Context(), "requirepass", "pw").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		if got := exchange(t, p.addr, "DKC.GET k\r\n"); !strings.HasPrefix(got, "-NOAUTH") {
			return fmt.Errorf("a new client is told %q", got)
		}
		return nil
	})
	if err := early.Do(t.Context(), "DKC.INC", "k").Err(); err != nil {
		t.Errorf("a client of before: %v", err)
	}
}
