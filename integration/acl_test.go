package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/engine"
)

// aclUsers are users and their rules, all with the password pw.
var aclUsers = map[string]string{
	"full":     "+@all ~*",
	"reader":   "+hget ~distkit:*",
	"writer":   "+hget +hincrby ~distkit:*",
	"keyless":  "+@all",
	"pages":    "+@all ~page:*",
	"nothing":  "-@all",
	"blind":    "+@all -hget ~*",
	"readonly": "+@all %R~*",
}

const (
	noRun = "-NOPERM this user has no permissions to run the '%s' command\r\n"
	noKey = "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n"
)

// startACL starts a Redis with aclUsers, and a proxy with a user of its own.
func startACL(t *testing.T, proxyRules string, opts engine.Options) (*redisServer, *redis.Client, *testProxy) {
	r := startRedis(t)
	admin := client(t, r.addr)
	setUser(t, admin, "proxy", proxyRules)
	for name, rules := range aclUsers {
		setUser(t, admin, name, rules)
	}
	own := &redis.Options{Addr: r.addr, Username: "proxy", Password: "pw"}
	return r, admin, startProxy(t, backend{name: "redis", redis: own}, opts)
}

func setUser(t *testing.T, admin *redis.Client, name, rules string) {
	t.Helper()
	words := []any{"ACL", "SETUSER", name, "reset", "on", ">pw"}
	for _, rule := range strings.Fields(rules) {
		words = append(words, rule)
	}
	if err := admin.Do(t.Context(), words...).Err(); err != nil {
		t.Fatal(err)
	}
}

// as is what a user is told to these commands.
func as(t *testing.T, addr, user string, lines ...string) string {
	t.Helper()
	got := exchange(t, addr, "AUTH "+user+" pw\r\n"+strings.Join(lines, "\r\n")+"\r\n")
	rest, found := strings.CutPrefix(got, "+OK\r\n")
	if !found {
		t.Fatalf("AUTH %s: %q", user, got)
	}
	return rest
}

// proxyRights are the rights of the proxy's own user: with them Redis tells what
// a user may do, does not tell all of it, or tells nothing.
var proxyRights = map[string]string{
	"told":        "+@all ~*",
	"not asked":   "+@all -acl|getuser ~*",
	"not told":    "+@all -acl|dryrun ~*",
	"nobody asks": "+@all -acl ~*",
}

// Ours are allowed to whom Redis would allow HGET or HINCRBY on the container,
// and refused in the words with which it refuses these.
func TestOursNeedWhatRedisNeeds(t *testing.T) {
	for name, rights := range proxyRights {
		for _, partitions := range []int{1, 3} {
			t.Run(fmt.Sprint(name, ", ", partitions), func(t *testing.T) {
				t.Parallel()
				r, _, p := startACL(t, rights, engine.Options{Partitions: partitions})
				for user := range aclUsers {
					for _, prefix := range []string{"DK.", "DKC.", "DKS.", "DKCS."} {
						for _, ns := range []string{"distkit", "page"} {
							f := map[string]engine.Family{"DK.": engine.LaxInstance, "DKS.": engine.StrictInstance, "DKC.": engine.LaxPlain, "DKCS.": engine.StrictPlain}[prefix]
							container := p.engine.Containers(engine.Use{Family: f, Namespace: ns})[0]
							wantRead := refusedAs(as(t, r.addr, user, "HGET "+container+" nosuch"))
							wantWrite := refusedAs(as(t, r.addr, user, "HINCRBY "+container+" nosuch x"))
							key := ns + ":k"
							for _, line := range []string{"GET " + key, "SCAN 0 NS " + ns} {
								if got := refusedAs(as(t, p.addr, user, prefix+line)); got != wantRead {
									t.Errorf("%s %s%s: %q, Redis says %q", user, prefix, line, got, wantRead)
								}
							}
							for _, line := range []string{"INC " + key + " 0", "DEL " + key, "CLEAR " + ns, "FLUSH " + key, "MINC " + key + " 0 " + ns + ":other 0"} {
								if got := refusedAs(as(t, p.addr, user, prefix+line)); got != wantWrite {
									t.Errorf("%s %s%s: %q, Redis says %q", user, prefix, line, got, wantWrite)
								}
							}
						}
					}
				}
			})
		}
	}
}

// refusedAs is a reply if it refuses for want of rights.
func refusedAs(reply string) string {
	if strings.HasPrefix(reply, "-NOPERM") {
		return reply
	}
	if strings.HasPrefix(reply, "-LOADING") || strings.HasPrefix(reply, "-NOAUTH") {
		return "unexpected " + reply
	}
	return ""
}

// Every namespace of a command is asked for, wherever it stands, and refused
// commands change nothing.
func TestEveryNamespaceIsAskedFor(t *testing.T) {
	_, admin, p := startACL(t, "+@all ~*", engine.Options{})
	got := as(t, p.addr, "pages", "DKC.INC page:a", "DKC.MGET page:a b", "DKC.MINC page:a 5 b 5", "DKC.MGET page:a page:b", "DKC.INC b", "DKC.CLEAR", "DKC.FLUSH", "DK.ID")
	if want := ":1\r\n" + noKey + noKey + "*2\r\n:1\r\n:0\r\n" + strings.Repeat(noKey, 4); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := as(t, p.addr, "full", "DKC.MGET page:a b", "DKC.FLUSH"), "*2\r\n:1\r\n:0\r\n"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q…", got, want)
	}
	if n, err := admin.HGet(t.Context(), "page:lax_counter", "a").Int(); n != 1 || err != nil {
		t.Errorf("Redis has %d, %v", n, err)
	}
}

// The user is whoever the client is at the moment.
func TestTheUserChanges(t *testing.T) {
	_, _, p := startACL(t, "+@all ~*", engine.Options{})
	hincrby := fmt.Sprintf(noRun, "hincrby")
	for in, want := range map[string]string{
		"DKC.INC k 0\r\nAUTH reader pw\r\nDKC.INC k 0\r\nAUTH writer pw\r\nDKC.INC k 0\r\nAUTH reader no\r\nDKC.INC k 0\r\n": ":0\r\n+OK\r\n" + hincrby + "+OK\r\n:0\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n:0\r\n",
		"AUTH writer pw\r\nHELLO 2 AUTH default\r\nDKC.INC k 0\r\n":                                                          "+OK\r\n-ERR Syntax error in HELLO option 'AUTH'\r\n:0\r\n",
		"AUTH reader pw\r\nRESET\r\nDKC.INC k 0\r\n":                                                                         "+OK\r\n+RESET\r\n:0\r\n",
		"AUTH keyless pw\r\nMULTI\r\nAUTH full pw\r\nEXEC\r\nDKC.INC k 0\r\nAUTH full pw\r\nDKC.INC k 0\r\n": "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n" +
			"-NOPERM distkit: after AUTH in MULTI or without a reply, or HELLO with AUTH that failed half done, this connection has no DK commands before the next AUTH\r\n+OK\r\n:0\r\n",
	} {
		for _, at := range append(cuts(len(in)), len(in)) {
			if got := exchange(t, p.addr, in[:at], in[at:]); got != want {
				t.Fatalf("%q cut at %d: %q, want %q", in, at, got, want)
			}
		}
	}
	got := exchange(t, p.addr, "HELLO 2 AUTH reader pw\r\nDKC.INC k 0\r\nHELLO 2 AUTH full pw OOPS\r\nDKC.INC k 0\r\n")
	if !strings.Contains(got, hincrby) || !strings.HasSuffix(got, "before the next AUTH\r\n") {
		t.Errorf("HELLO: %q", got)
	}
}

// Where only the pump sees replies, the same rights hold.
func TestRightsBesideSubscriptions(t *testing.T) {
	_, admin, p := startACL(t, "+@all ~*", engine.Options{})
	setUser(t, admin, "watcher", "+ping +client +hget ~distkit:* &*")
	hincrby := fmt.Sprintf(noRun, "hincrby")
	got := as(t, p.addr, "watcher", "CLIENT TRACKING ON", "DKC.GET k", "DKC.INC k", "CLIENT REPLY SKIP", "DKC.INC k", "AUTH full no", "DKC.INC k", "AUTH full pw", "DKC.INC k 0", "RESET", "DKC.GET k")
	want := "+OK\r\n:0\r\n" + hincrby + "-WRONGPASS invalid username-password pair or user is disabled.\r\n" + hincrby +
		"+OK\r\n:0\r\n" + // full's
		"+RESET\r\n:0\r\n" // the default user's, and nothing was counted
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	got = as(t, p.addr, "full", "CLIENT TRACKING ON", "DKC.INC k 0", "DKC.GET page:k", "RESET", "DKC.INC k 0")
	if want := "+OK\r\n:0\r\n:0\r\n+RESET\r\n:0\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What changes in Redis shows soon, on connections that are there, and a user
// who is deleted is disconnected, as by Redis.
func TestRightsChange(t *testing.T) {
	_, admin, p := startACL(t, "+@all ~*", engine.Options{})
	c := redis.NewClient(&redis.Options{Addr: p.addr, Username: "full", Password: "pw", MaxRetries: -1, Protocol: 2, DisableIdentity: true, PoolSize: 1})
	defer c.Close()
	conn := c.Conn()
	defer conn.Close()
	inc := func() error { return conn.Do(t.Context(), "DKC.INC", "k", 0).Err() }
	if err := inc(); err != nil {
		t.Fatal(err)
	}
	becomes := func(what string, ok func(error) bool) {
		t.Helper()
		eventually(t, 15*time.Second, func() error {
			if err := inc(); !ok(err) {
				return fmt.Errorf("%s: %v", what, err)
			}
			return nil
		})
	}
	refused := func(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOPERM this user has") }
	allowed := func(err error) bool { return err == nil }
	setUser(t, admin, "full", "+@all -hincrby ~*")
	becomes("less", refused)
	setUser(t, admin, "full", "+@all ~*")
	becomes("all", allowed)
	setUser(t, admin, "full", "+@all ~page:*")
	becomes("other keys", refused)
	setUser(t, admin, "full", "+hincrby ~distkit:*")
	becomes("just enough", allowed)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "full", "off").Err(); err != nil {
		t.Fatal(err)
	}
	if err := inc(); err != nil { // who is there stays, in Redis too
		t.Errorf("off: %v", err)
	}
	if err := admin.Do(t.Context(), "ACL", "DELUSER", "full").Err(); err != nil {
		t.Fatal(err)
	}
	becomes("deleted", func(err error) bool {
		return err != nil && !refused(err) && (strings.HasPrefix(err.Error(), "NOAUTH") || !errors.As(err, new(redis.Error)))
	})
}

// A default user who may not do everything is no different.
func TestRestrictedDefaultUser(t *testing.T) {
	for rules, want := range map[string]string{
		"on nopass ~* &* +@all -ping -set": ":0\r\n:0\r\n",
		"on nopass -@all":                  fmt.Sprintf(noRun, "hget") + fmt.Sprintf(noRun, "hincrby"),
		"on nopass ~distkit:* +hget":       ":0\r\n" + fmt.Sprintf(noRun, "hincrby"),
		"on nopass ~other:* +@all":         noKey + noKey,
	} {
		_, p := startGuarded(t, rules)
		if got := exchange(t, p.addr, "DKC.GET k\r\nDKC.INC k 0\r\n"); got != want {
			t.Errorf("%s: %q, want %q", rules, got, want)
		}
	}
}

// While Redis is away what it said last stands.
func TestRightsWhileRedisIsAway(t *testing.T) {
	r, _, p := startACL(t, "+@all ~*", engine.Options{})
	open := func(user string) *redis.Conn {
		conn := client(t, p.addr).Conn()
		t.Cleanup(func() { conn.Close() })
		if err := conn.Do(t.Context(), "AUTH", user, "pw").Err(); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	writer, reader, late := open("writer"), open("reader"), open("full")
	if err := writer.Do(t.Context(), "DKC.INC", "k").Err(); err != nil {
		t.Fatal(err)
	}
	denied := reader.Do(t.Context(), "DKC.INC", "k").Err()
	r.kill()
	for range 3 {
		if err := writer.Do(t.Context(), "DKC.INC", "k").Err(); err != nil {
			t.Errorf("allowed before: %v", err)
		}
		if err := reader.Do(t.Context(), "DKC.INC", "k").Err(); err == nil || err.Error() != denied.Error() {
			t.Errorf("refused before: %v", err)
		}
		if err := late.Do(t.Context(), "DKC.INC", "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "LOADING") {
			t.Errorf("never asked for: %v", err)
		}
	}
}
