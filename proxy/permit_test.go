package proxy

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy/acl"
)

// aclRedis answers what users may do; what is not there it does not tell.
type aclRedis struct {
	mu     sync.Mutex
	rights map[string]engine.Permit
	may    map[string]engine.Permit // by namespace
	asked  int
}

var errNotNow = errors.New("not now")

func (a *aclRedis) UserRights(_ context.Context, user string) (engine.Permit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if p, ok := a.rights[user]; ok {
		return p, nil
	}
	return engine.PermitUnknown, errNotNow
}

func (a *aclRedis) UserMay(_ context.Context, _ string, use engine.Use) (engine.Permit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if p, ok := a.may[use.Namespace]; ok {
		return p, nil
	}
	return engine.PermitUnknown, engine.ErrUntold
}

// aclAway cannot be asked.
type aclAway struct{}

func (aclAway) UserRights(context.Context, string) (engine.Permit, error) {
	return engine.PermitUnknown, errNotNow
}

func (aclAway) UserMay(context.Context, string, engine.Use) (engine.Permit, error) {
	return engine.PermitUnknown, errNotNow
}

// newACLRig is a rig whose Redis tells of its users what told does, for an hour.
func newACLRig(t *testing.T, told *aclRedis) *rig {
	r := newRig(t, nil)
	r.srv.acl = acl.New(acl.Options{Redis: told, Context: r.srv.ctx, Go: r.srv.wg.Go, Age: time.Hour})
	return r
}

// While nobody knows what a client may do its increments of lax keys go to Redis, which
// knows; but where replicas have to confirm what is counted nobody would ask them.
func TestLaxKeysOfClientsOfWhomNothingIsKnown(t *testing.T) {
	for replicas, want := range []string{":7", "-LOADING distkit: Redis cannot be reached"} {
		e := laxEngine(t, engine.Options{WaitReplicas: replicas})
		r := newRig(t, func(o *Options) { o.Engine = e })
		r.srv.acl = acl.New(acl.Options{Redis: aclAway{}, Context: r.srv.ctx, Go: r.srv.wg.Go, Age: time.Hour})
		c := r.client()
		c.send("INCR n:a", "GET b")
		up := r.redis.accept()
		if replicas == 0 {
			up.gets("INCR n:a", "GET b")
			up.send(want, "+b")
		} else {
			up.gets("GET b")
			up.send("+b")
		}
		c.expect(want, "+b")
		if got := r.srv.Stats().Refused; got != 0 {
			t.Errorf("%d commands refused for good", got)
		}
	}
}

const (
	noHGet      = "-NOPERM this user has no permissions to run the 'hget' command"
	noHIncrBy   = "-NOPERM this user has no permissions to run the 'hincrby' command"
	noContainer = "-NOPERM this user has no permissions to access one of the keys used as arguments"
	untold      = "-NOPERM distkit: Redis does not tell what this user may do"
)

func TestOursAskForTheUser(t *testing.T) {
	told := &aclRedis{
		rights: map[string]engine.Permit{"default": engine.PermitAll, "some": engine.PermitSome, "gone": engine.PermitGone},
		may:    map[string]engine.Permit{"yes": engine.PermitYes, "no": engine.PermitNoCommand, "key": engine.PermitNoKey},
	}
	r := newACLRig(t, told)
	c := r.client()
	c.send("DKC.INC a", "AUTH some pw", "DKC.INC yes:a", "DKC.INC no:a", "DKC.GET no:a", "DKC.MGET yes:a key:a", "DKC.INC", "DKC.INC a:b:c", "AUTH away pw", "DKC.GET yes:a", "RESET", "DKC.GET a")
	up := r.redis.accept()
	up.gets("AUTH some pw")
	up.send("+OK")
	up.gets("AUTH away pw")
	up.send("+OK")
	up.gets("RESET")
	up.send("+RESET")
	c.expect(":1", "+OK", ":1", noHIncrBy, noHGet, noContainer, "-ERR wrong number of arguments for 'dkc.inc' command",
		"-ERR invalid counter key: it may have one ':', between namespace and counter", "+OK", loading, "+RESET", ":1")

	gone := r.client()
	gone.send("HELLO 2 AUTH gone pw", "DKC.GET a", "DKC.GET a")
	up = r.redis.accept()
	up.gets("HELLO 2 AUTH gone pw")
	up.send("*0")
	gone.expect("*0", noAuth)
	gone.ends()

	// It tells of other users' keys, so some rights are not enough.
	hot := r.client()
	hot.send("AUTH some pw", "DK.HOT", "DK.HOT 1 2", "RESET", "DK.HOT")
	up = r.redis.accept()
	up.gets("AUTH some pw")
	up.send("+OK")
	up.gets("RESET")
	up.send("+RESET")
	hot.expect("+OK", "-NOPERM this user has no permissions to run the 'dk.hot' command", "-ERR wrong number of arguments for 'dk.hot' command", "+RESET",
		"-ERR distkit: nothing is observed; start the proxy with --observe")

	told.mu.Lock()
	defer told.mu.Unlock()
	if told.asked > 10 {
		t.Errorf("asked %d times", told.asked)
	}
}

// A refused HELLO changes what Redis did before it saw what is wrong, and no more.
func TestHelloThatIsRefused(t *testing.T) {
	const syntax, wrongPass = "-ERR Syntax error in HELLO option 'x'", "-WRONGPASS invalid username-password pair or user is disabled."
	for hello, tc := range map[string]struct {
		reply         string
		user, changed bool
	}{
		"HELLO 3 AUTH default":                  {"-ERR Syntax error in HELLO option 'AUTH'", false, false},
		"HELLO 3 SETNAME AUTH AUTH u":           {"-ERR Syntax error in HELLO option 'AUTH'", false, false},
		"HELLO 3 x AUTH u p":                    {syntax, false, false},
		"HELLO 3 AUTH u p x":                    {syntax, true, true},
		"HELLO 3 AUTH u p AUTH u":               {syntax, true, true},
		"HELLO 3 AUTH u bad":                    {wrongPass, false, false},
		"HELLO 3 SETNAME n AUTH u bad":          {wrongPass, false, true},
		"HELLO 3 AUTH u p AUTH u bad":           {wrongPass, true, true},
		"HELLO 9 AUTH u p":                      {errNoProto, false, false},
		"HELLO y AUTH u p":                      {errHelloVersion, false, false},
		"HELLO 3 AUTH u p SETNAME n":            {"-NOPERM this user has no permissions to run the 'hello' command", false, false},
		"HELLO 3 AUTH u p SETNAME \"n n\"":      {errClientName, true, true},
		"AUTH u bad":                            {wrongPass, false, false},
		"HELLO 3 AUTH u p SETNAME n subscribed": {refusedSubscribed("hello"), false, false},
	} {
		var args [][]byte
		for _, word := range strings.Fields(hello) {
			args = append(args, []byte(word))
		}
		if user, changed := halfDone(args, []byte(tc.reply)); user != tc.user || changed != tc.changed {
			t.Errorf("%s: user %v, changed %v", hello, user, changed)
		}
	}

	told := &aclRedis{rights: map[string]engine.Permit{"default": engine.PermitAll}}
	c := newACLRig(t, told)
	client := c.client()
	client.send("HELLO 3 AUTH default", "DKC.INC a")
	up := c.redis.accept()
	up.gets("HELLO 3 AUTH default")
	up.send("-ERR Syntax error in HELLO option 'AUTH'")
	client.expect("-ERR Syntax error in HELLO option 'AUTH'", ":1")
}

// Where Redis does not tell, the proxy tries as the client, with a command that
// changes nothing.
func TestTryout(t *testing.T) {
	for name, tc := range map[string]struct{ auth, reply, want string }{
		"allowed":       {"+OK", "$-1", ":0"},
		"wrong type":    {"+OK", "-WRONGTYPE Operation against a key", ":0"},
		"no command":    {"+OK", "-NOPERM this user has no permissions to run the 'hget' command or its subcommand", noHGet},
		"no key":        {"+OK", "-NOPERM this user has no permissions to access one of the keys used as arguments", noContainer},
		"other":         {"+OK", "-ERR unknown command 'HGET'", untold},
		"loading":       {"+OK", "-LOADING Redis is loading the dataset in memory", loading},
		"no such user":  {"-WRONGPASS invalid", "", untold},
		"is full":       {"-ERR max number of clients reached", "", untold},
		"gives nothing": {"", "", loading},
	} {
		t.Run(name, func(t *testing.T) {
			r := newACLRig(t, &aclRedis{rights: map[string]engine.Permit{"u": engine.PermitSome}})
			c := r.client()
			c.send("AUTH u pw", "DKC.GET a")
			up := r.redis.accept()
			up.gets("AUTH u pw")
			up.send("+OK")
			try := r.redis.accept()
			try.gets("AUTH u pw")
			switch {
			case tc.auth == "":
				try.Close()
			case tc.reply == "":
				try.send(tc.auth)
			default:
				try.send(tc.auth)
				try.raw("") // then the question
				try.expect(string(attempt(engine.Use{}, "distkit:lax_counter"))[:len(attempt(engine.Use{}, "distkit:lax_counter"))-2])
				try.send(tc.reply)
			}
			c.expect("+OK", tc.want)
		})
	}
}

func TestTryoutOfAWrite(t *testing.T) {
	r := newACLRig(t, &aclRedis{rights: map[string]engine.Permit{"default": engine.PermitSome}})
	c := r.client()
	c.send("DKC.INC a")
	try := r.redis.accept()
	try.expect("*4", "$7", "hincrby", "$19", "distkit:lax_counter", "$0", "", "$1", "x")
	try.send("-ERR value is not an integer or out of range")
	c.expect(":1")
	try.ends()
}

// What a user may not have is not loaded for it either.
func TestPrefetchKeepsToTheRights(t *testing.T) {
	r := newACLRig(t, &aclRedis{
		rights: map[string]engine.Permit{"default": engine.PermitSome},
		may:    map[string]engine.Permit{"yes": engine.PermitYes, "no": engine.PermitNoKey},
	})
	c := r.client()
	c.send("DKC.GET yes:a", "DKC.GET no:a", "DKC.GET never:a", "DKC.GET yes:b")
	r.redis.accept().Close()
	c.expect(":0", noContainer, loading, ":0")
	if n := r.srv.opts.Engine.Stats().Namespaces; n != 1 {
		t.Errorf("%d namespaces are in use, want 1", n)
	}
}

// A user with all rights is answered without an allocation, a lock or a question.
func BenchmarkBarred(b *testing.B) {
	s, it := benchSession(b)
	b.ReportAllocs()
	for b.Loop() {
		s.cleared = false // as at the beginning of a batch
		if s.barred(it) != "" {
			b.Fatal("refused")
		}
	}
}

func TestBarredAllocatesNothing(t *testing.T) {
	s, it := benchSession(t)
	if n := testing.AllocsPerRun(100, func() {
		s.cleared = false
		if s.barred(it) != "" {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchSession(t testing.TB) (*session, *item) {
	srv := &Server{}
	told := &aclRedis{rights: map[string]engine.Permit{"default": engine.PermitAll}}
	srv.acl = acl.New(acl.Options{Redis: told, Context: t.Context(), Go: func(f func()) { go f() }, Age: time.Hour})
	s := &session{srv: srv, ctx: t.Context(), authed: true}
	args := [][]byte{[]byte("DKC.INC"), []byte("a")}
	_, cmd := srv.kinds.of(args)
	it := &item{req: request{args: args}, cmd: cmd}
	if refused := s.barred(it); refused != "" {
		t.Fatal(refused)
	}
	return s, it
}
