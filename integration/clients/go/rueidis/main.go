// Rueidis uses rueidis as an application does: everything is pipelined over few
// connections, which all track keys for client-side caching.
package main

import (
	"context"
	"fmt"
	"log"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// patience is how long anything may take.
const patience = 20 * time.Second

var (
	ctx = context.Background()
	add = rueidis.NewLuaScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
)

func main() {
	log.SetFlags(0)
	fmt.Println("library rueidis", version())
	fmt.Println("runtime Go", strings.TrimPrefix(runtime.Version(), "go"))
	r, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address()}})
	must(err)
	must(r.Do(ctx, r.B().Ping().Build()).Error())
	fmt.Println("passed connect")

	listening, stop := context.WithCancel(ctx)
	heard := listen(listening, r, "lasting")
	steps(r, heard, 1)
	fmt.Println("restart")
	until("served again", func() bool { return served(r) })
	fmt.Println("passed restart")
	steps(r, heard, 2)
	stop()
	r.Close()
	fmt.Println("done")
}

// served reports whether Redis has restarted and serves both the shared
// connections and those for transactions.
func served(r rueidis.Client) bool {
	restarts, _ := r.Do(ctx, r.B().Get().Key("restarts").Build()).ToString()
	if restarts != "1" {
		return false
	}
	err := r.Dedicated(func(d rueidis.DedicatedClient) error { return d.Do(ctx, d.B().Ping().Build()).Error() })
	return err == nil
}

func address() string {
	u, err := url.Parse(os.Getenv("REDIS_URL"))
	must(err)
	return u.Host
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == "github.com/redis/rueidis" {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "unknown"
}

func steps(r rueidis.Client, heard <-chan string, round int) {
	for _, step := range []struct {
		name string
		do   func(r rueidis.Client, name string)
	}{
		{"get_set", getSet}, {"pipeline", pipeline}, {"transaction", transaction},
		{"publish_subscribe", publishSubscribe}, {"blocking_pop", blockingPop}, {"script", script},
		{"client_side_caching", clientSideCaching},
	} {
		step.do(r, fmt.Sprintf("%s:%d", step.name, round))
		fmt.Println("passed", step.name)
	}
	lastingSubscription(r, heard, round)
	fmt.Println("passed lasting_subscription")
	if os.Getenv("COUNTERS") == "yes" {
		counters(r, round)
		fmt.Println("passed counters")
	}
}

func getSet(r rueidis.Client, name string) {
	must(r.Do(ctx, r.B().Set().Key(name).Value("välue").ExSeconds(100).Build()).Error())
	check(text(r.Do(ctx, r.B().Get().Key(name).Build())), "välue")
	check(rueidis.IsRedisNil(r.Do(ctx, r.B().Get().Key(name+":missing").Build()).Error()), true)
	must(r.Do(ctx, r.B().Hset().Key(name+":hash").FieldValue().FieldValue("a", "1").FieldValue("b", "2").Build()).Error())
	hash, err := r.Do(ctx, r.B().Hgetall().Key(name+":hash").Build()).AsStrMap()
	must(err)
	check(hash["a"]+hash["b"], "12")
	refused, _ := rueidis.IsRedisErr(r.Do(ctx, r.B().Incr().Key(name).Build()).Error())
	check(refused != nil && strings.Contains(refused.Error(), "not an integer"), true)

	// Many goroutines share one connection.
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { must(r.Do(ctx, r.B().Incr().Key(name+":many").Build()).Error()) })
	}
	wg.Wait()
	check(text(r.Do(ctx, r.B().Get().Key(name+":many").Build())), "100")
}

func pipeline(r rueidis.Client, name string) {
	var cmds rueidis.Commands
	for range 1000 {
		cmds = append(cmds, r.B().Incr().Key(name).Build())
	}
	for i, reply := range r.DoMulti(ctx, cmds...) {
		n, err := reply.AsInt64()
		must(err)
		check(n, int64(i+1))
	}
}

func transaction(r rueidis.Client, name string) {
	must(r.Do(ctx, r.B().Set().Key(name).Value("1").Build()).Error())
	attempts := 0
	for done := false; !done; {
		attempts++
		must(r.Dedicated(func(d rueidis.DedicatedClient) error {
			must(d.Do(ctx, d.B().Watch().Key(name).Build()).Error())
			value, err := d.Do(ctx, d.B().Get().Key(name).Build()).AsInt64()
			must(err)
			if attempts == 1 { // what another client does in between
				must(r.Do(ctx, r.B().Incr().Key(name).Build()).Error())
			}
			replies := d.DoMulti(ctx, d.B().Multi().Build(),
				d.B().Set().Key(name).Value(fmt.Sprint(value*2)).Build(), d.B().Exec().Build())
			err = replies[2].Error()
			if rueidis.IsRedisNil(err) {
				return nil
			}
			done = true
			return err
		}))
	}
	check(attempts, 2)
	check(text(r.Do(ctx, r.B().Get().Key(name).Build())), "4")
}

// listen subscribes, again whenever the subscription has ended.
func listen(ctx context.Context, r rueidis.Client, channel string) <-chan string {
	heard := make(chan string, 100)
	go func() {
		for ctx.Err() == nil {
			_ = r.Receive(ctx, r.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) { heard <- m.Message })
		}
	}()
	return heard
}

func publish(r rueidis.Client, channel, message string) int64 {
	n, _ := r.Do(ctx, r.B().Publish().Channel(channel).Message(message).Build()).AsInt64()
	return n
}

func publishSubscribe(r rueidis.Client, name string) {
	listening, stop := context.WithCancel(ctx)
	heard := listen(listening, r, name)
	until("the subscription", func() bool { return publish(r, name, "first") == 1 })
	for i := range 10 {
		check(publish(r, name, fmt.Sprint(i)), 1)
	}
	check(next(heard), "first")
	for i := range 10 {
		check(next(heard), fmt.Sprint(i))
	}
	stop()
	must(r.Do(ctx, r.B().Unsubscribe().Channel(name).Build()).Error())
	until("no subscriber", func() bool { return publish(r, name, "late") == 0 })
}

// lastingSubscription hears what is published, also when Redis has restarted
// since it was made.
func lastingSubscription(r rueidis.Client, heard <-chan string, round int) {
	want := fmt.Sprint("round ", round)
	until("the subscription", func() bool { return publish(r, "lasting", want) > 0 })
	for next(heard) != want {
	}
}

func next(heard <-chan string) string {
	select {
	case m := <-heard:
		return m
	case <-time.After(patience):
		log.Panic("no message within ", patience)
		return ""
	}
}

func blockingPop(r rueidis.Client, name string) {
	popped := make(chan []string)
	go func() {
		both, err := r.Do(ctx, r.B().Blpop().Key(name).Timeout(patience.Seconds()).Build()).AsStrSlice()
		must(err)
		popped <- both
	}()
	until("a blocked client", func() bool {
		return !strings.Contains(text(r.Do(ctx, r.B().Info().Section("clients").Build())), "blocked_clients:0")
	})
	must(r.Do(ctx, r.B().Rpush().Key(name).Element("job").Build()).Error())
	check(slices.Equal(<-popped, []string{name, "job"}), true)
}

func script(r rueidis.Client, name string) {
	check(number(add.Exec(ctx, r, []string{name}, []string{"5"})), 5)
	must(r.Do(ctx, r.B().ScriptFlush().Build()).Error())
	check(number(add.Exec(ctx, r, []string{name}, []string{"5"})), 10) // after NOSCRIPT
}

func clientSideCaching(r rueidis.Client, name string) {
	must(r.Do(ctx, r.B().Set().Key(name).Value("old").Build()).Error())
	get := func() rueidis.RedisResult { return r.DoCache(ctx, r.B().Get().Key(name).Cache(), time.Minute) }
	check(text(get()), "old")
	check(get().IsCacheHit(), true)
	must(r.Do(ctx, r.B().Set().Key(name).Value("new").Build()).Error())
	until("the new value", func() bool { return text(get()) == "new" })
}

func counters(r rueidis.Client, round int) {
	name := fmt.Sprint("counter", round)
	do := func(words ...string) rueidis.RedisResult {
		return r.Do(ctx, r.B().Arbitrary(words[0]).Keys(words[1]).Args(words[2:]...).Build())
	}
	check(number(do("DKC.INC", "total")), int64(round))
	for _, words := range [][]string{{"DK.INC", name, "3"}, {"DK.GET", name}} {
		both, err := do(words...).AsIntSlice()
		must(err)
		check(slices.Equal(both, []int64{3, 3}), true)
	}
	replies := r.DoMulti(ctx, r.B().Arbitrary("DKC.INC").Keys("visits:"+name).Args("5").Build(),
		r.B().Set().Key(name).Value("x").Build(), r.B().Arbitrary("DKC.GET").Keys("visits:"+name).Build())
	check(number(replies[0]), 5)
	check(number(replies[2]), 5)
}

func text(r rueidis.RedisResult) string {
	s, err := r.ToString()
	must(err)
	return s
}

func number(r rueidis.RedisResult) int64 {
	n, err := r.AsInt64()
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func check[T comparable](got, want T) {
	if got != want {
		log.Panicf("got %v, want %v", got, want)
	}
}

func until(what string, condition func() bool) {
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			log.Panicf("%s: not within %v", what, patience)
		}
	}
}
