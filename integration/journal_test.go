package integration

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
	"github.com/distkit/distkit-proxy/integration/servers"
)

var kills = flag.Int("kills", 10, "how often TestKilledAgainAndAgain kills its proxy")

// mortal is a proxy of its own process that is killed again and again, on one journal.
type mortal struct {
	t      *testing.T
	binary string
	addr   string
	args   []string
	log    *strings.Builder
	cmd    *exec.Cmd
}

func (m *mortal) start() {
	m.t.Helper()
	m.cmd = exec.Command(m.binary, m.args...)
	m.log = new(strings.Builder)
	m.cmd.Stderr = m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	eventually(m.t, 20*time.Second, func() error { // with -LOADING, while Redis is away
		conn, err := net.Dial("tcp", m.addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(conn, "PING\r\n")
		_, err = bufio.NewReader(conn).ReadString('\n')
		return err
	})
}

func (m *mortal) kill() {
	m.cmd.Process.Signal(syscall.SIGKILL)
	m.cmd.Wait()
}

// outcome is what became of the changes of one counter. unknown are those without a
// reply, as sums of what raises and what lowers.
type outcome struct {
	acked, raised, lowered, count int64
}

func (o *outcome) took(delta int64, err error) {
	switch {
	case err == nil:
		o.acked += delta
		o.count++
	case refused(err): // certainly not counted
	case delta > 0:
		o.raised += delta
	default:
		o.lowered += delta
	}
}

// refused reports whether an error says that nothing was done.
func refused(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && !strings.Contains(err.Error(), "unknown")
}

// unreached reports whether an error says that a command was not sent.
func unreached(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// The counters of the test: each of all families, and ordinary keys.
const killedCounters = 8

// killedVerbs are those of the families that the journal is about, and strict ones.
var killedVerbs, strictVerbs = []string{"DK.INC", "DKC.INC", "INCRBY"}, []string{"DKS.INC", "DKCS.INC"}

// killedLoad is one client, and what it knows of its changes.
type killedLoad struct {
	rand     *rand.Rand
	life     int // of the proxy; each has counters of its own
	c        *redis.Client
	counts   map[string]*outcome // by verb and counter
	set      string              // the counter whose slice it alone sets
	possible []int64             // … and what that may be
	next     int64
}

// run sends pipelines until told to stop.
func (l *killedLoad) run(ctx context.Context) {
	for ctx.Err() == nil {
		pipe := l.c.Pipeline()
		type sent struct {
			key   string
			delta int64
			cmd   *redis.Cmd
		}
		var all []sent
		for range 1 + l.rand.IntN(6) {
			verb := killedVerbs[l.rand.IntN(len(killedVerbs))]
			if l.rand.IntN(50) == 0 { // these wait for Redis
				verb = strictVerbs[l.rand.IntN(len(strictVerbs))]
			}
			key, delta := fmt.Sprintf("k:%d.%d", l.life, l.rand.IntN(killedCounters)), 1+l.rand.Int64N(9)
			if l.rand.IntN(10) == 0 {
				delta = -delta
			}
			all = append(all, sent{verb + " " + key, delta, pipe.Do(context.Background(), verb, key, delta)})
		}
		l.next++
		value := l.next
		seti := pipe.Do(context.Background(), "DK.SETI", l.set, value)
		pipe.Exec(context.Background())
		for _, s := range all {
			o := l.counts[s.key]
			if o == nil {
				o = new(outcome)
				l.counts[s.key] = o
			}
			if err := s.cmd.Err(); !unreached(err) {
				o.took(s.delta, err)
			}
		}
		switch err := seti.Err(); {
		case err == nil:
			l.possible = []int64{value}
		case !unreached(err) && !refused(err):
			l.possible = append(l.possible, value)
		case unreached(err):
			select {
			case <-time.After(2 * time.Millisecond): // nobody is there
			case <-ctx.Done():
			}
		}
	}
}

// Killed with -9 at random moments under load, again and again on the same journal,
// with Redis cut off or restarted meanwhile: what was acknowledged is what was counted,
// in every family and on ordinary keys.
func TestKilledAgainAndAgain(t *testing.T) {
	r := startRedis(t, "appendonly yes", "appendfsync always")
	link := startLink(t, r.addr)
	binary, err := servers.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	m := &mortal{t: t, binary: binary, addr: addr, args: []string{
		"--listen", addr, "--redis", "redis://" + link.Addr(), "--lax", "k:*", "--journal", t.TempDir(),
		"--flush-interval", "5ms", "--command-timeout", "300ms", "--log-level", "warn",
	}}
	m.start()
	t.Cleanup(m.kill)
	c := client(t, addr)
	id, err := c.Do(t.Context(), "DK.ID").Text()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	loads := make([]*killedLoad, 8)
	for i := range loads {
		loads[i] = &killedLoad{
			rand: rand.New(rand.NewPCG(random.Uint64(), 1)), c: client(t, addr), counts: make(map[string]*outcome),
			set: fmt.Sprintf("k:set%d", i), possible: []int64{0},
		}
	}
	for n := range *kills {
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, l := range loads {
			l.life = n
			wg.Go(func() { l.run(ctx) })
		}
		lasts := time.Duration(20+random.IntN(150)) * time.Millisecond
		away := n / 2 % 4
		switch away {
		case 1: // nothing passes for the rest of this life
			<-time.After(lasts / 2)
			link.Down()
		case 2: // replies are lost
			<-time.After(lasts / 2)
			link.Set(func(f *loopback.Faults) { f.Swallow = true })
		case 3:
			<-time.After(lasts / 2)
			r.kill()
		}
		<-time.After(lasts)
		if n%2 == 0 { // with every reply there, so that the sums have to be exact
			stop()
			wg.Wait()
			m.kill()
		} else {
			m.kill()
			stop()
			wg.Wait()
		}
		if away == 3 {
			r.start()
		}
		if away == 2 || n%16 < 8 { // sometimes Redis is away at the start, too
			link.Set(func(f *loopback.Faults) { *f = loopback.Faults{} })
			link.Cut()
		}
		m.start()
		link.Set(func(f *loopback.Faults) { *f = loopback.Faults{} })
		if n%5 == 4 || n == *kills-1 {
			checkKilled(t, m, c, r, loads)
			if now, err := c.Do(t.Context(), "DK.ID").Text(); err != nil || now != id {
				t.Errorf("the instance is %s, was %s: %v", now, id, err)
			}
		}
		if t.Failed() {
			t.Fatalf("after %d kills; the proxy's log:\n%s", n+1, m.log)
		}
	}
}

// checkKilled compares what the proxy and Redis have with what was acknowledged.
func checkKilled(t *testing.T, m *mortal, c *redis.Client, r *redisServer, loads []*killedLoad) {
	t.Helper()
	eventually(t, 20*time.Second, func() error { return c.Do(t.Context(), "DK.FLUSH").Err() })
	sums, increments, doubts := make(map[string]outcome), int64(0), 0
	for _, l := range loads {
		for key, o := range l.counts {
			s := sums[key]
			s.acked, s.raised, s.lowered, s.count = s.acked+o.acked, s.raised+o.raised, s.lowered+o.lowered, s.count+o.count
			sums[key] = s
		}
		got := askTotal(t, c, "DK.GET", l.set)
		if !slices.Contains(l.possible, got) {
			t.Errorf("%s is %d, and was last set to one of %v", l.set, got, l.possible)
		}
		if len(l.possible) > 1 {
			doubts++
		}
	}
	gets := map[string]string{"DK.INC": "DK.GET", "DKC.INC": "DKC.GET", "DKS.INC": "DKS.GET", "DKCS.INC": "DKCS.GET", "INCRBY": "GET"}
	direct := client(t, r.addr)
	for key, s := range sums {
		verb, counter, _ := strings.Cut(key, " ")
		got := askTotal(t, c, gets[verb], counter)
		if got < s.acked+s.lowered || got > s.acked+s.raised {
			t.Errorf("%s is %d: acknowledged were %d, unknown %+d and %+d", key, got, s.acked, s.raised, s.lowered)
		}
		if s.raised != 0 || s.lowered != 0 {
			doubts++
		}
		increments += s.count
		if verb == "INCRBY" {
			if there, err := direct.Get(t.Context(), counter).Int64(); err != nil && err != redis.Nil || there != got {
				t.Errorf("%s reads %d, and is %d in Redis: %v", counter, got, there, err)
			}
		}
	}
	if increments == 0 {
		t.Error("nothing was counted")
	}
	t.Logf("%d increments acknowledged; %d of %d counters have changes without a reply", increments, doubts, len(sums)+len(loads))
}

// askTotal asks for a counter until it is loaded.
func askTotal(t *testing.T, c *redis.Client, verb, counter string) (total int64) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		reply, err := c.Do(t.Context(), verb, counter).Result()
		if errors.Is(err, redis.Nil) { // nothing was counted
			total = 0
			return nil
		}
		if err != nil {
			return err
		}
		if list, ok := reply.([]any); ok {
			reply = list[0]
		}
		_, err = fmt.Sscan(fmt.Sprint(reply), &total)
		return err
	})
	return total
}
