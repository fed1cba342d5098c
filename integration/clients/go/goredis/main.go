// Goredis uses go-redis as an application does.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long anything may take.
const patience = 20 * time.Second

var (
	ctx = context.Background()
	add = redis.NewScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
)

func main() {
	log.SetFlags(0)
	fmt.Println("library go-redis", redis.Version())
	fmt.Println("runtime Go", strings.TrimPrefix(runtime.Version(), "go"))
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	must(err)
	r := redis.NewClient(options)
	must(r.Ping(ctx).Err())
	fmt.Println("passed connect")

	listener := r.Subscribe(ctx, "lasting")
	steps(r, listener, 1)
	fmt.Println("restart")
	until("served again", func() bool { return r.Get(ctx, "restarts").Val() == "1" })
	fmt.Println("passed restart")
	steps(r, listener, 2)
	must(listener.Close())
	must(r.Close())
	fmt.Println("done")
}

func steps(r *redis.Client, listener *redis.PubSub, round int) {
	for _, step := range []struct {
		name string
		do   func(r *redis.Client, name string)
	}{
		{"get_set", getSet}, {"pipeline", pipeline}, {"transaction", transaction},
		{"publish_subscribe", publishSubscribe}, {"blocking_pop", blockingPop}, {"script", script},
	} {
		step.do(r, fmt.Sprintf("%s:%d", step.name, round))
		fmt.Println("passed", step.name)
	}
	lastingSubscription(r, listener, round)
	fmt.Println("passed lasting_subscription")
	if os.Getenv("COUNTERS") == "yes" {
		counters(r, round)
		fmt.Println("passed counters")
	}
}

func getSet(r *redis.Client, name string) {
	must(r.Set(ctx, name, "välue", 100*time.Second).Err())
	check(r.Get(ctx, name).Val(), "välue")
	check(r.Get(ctx, name+":missing").Err(), error(redis.Nil))
	must(r.HSet(ctx, name+":hash", "a", 1, "b", 2).Err())
	check(len(r.HGetAll(ctx, name+":hash").Val()), 2)
	err := r.Incr(ctx, name).Err()
	check(err != nil && strings.Contains(err.Error(), "not an integer"), true)
	binary := strings.Repeat("\x00\r\n\xff", 50_000)
	must(r.Set(ctx, name+":binary", binary, 0).Err())
	check(r.Get(ctx, name+":binary").Val(), binary)
}

func pipeline(r *redis.Client, name string) {
	replies, err := r.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for range 1000 {
			pipe.Incr(ctx, name)
		}
		return nil
	})
	must(err)
	for i, reply := range replies {
		check(reply.(*redis.IntCmd).Val(), int64(i+1))
	}
}

func transaction(r *redis.Client, name string) {
	must(r.Set(ctx, name, 1, 0).Err())
	attempts := 0
	double := func(tx *redis.Tx) error {
		attempts++
		value, err := tx.Get(ctx, name).Int()
		must(err)
		if attempts == 1 {
			must(r.Incr(ctx, name).Err()) // what another client does in between
		}
		_, err = tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			return pipe.Set(ctx, name, value*2, 0).Err()
		})
		return err
	}
	err := r.Watch(ctx, double, name)
	check(errors.Is(err, redis.TxFailedErr), true)
	must(r.Watch(ctx, double, name))
	check(r.Get(ctx, name).Val(), "4")
}

func publishSubscribe(r *redis.Client, name string) {
	sub := r.Subscribe(ctx, name)
	_, err := sub.Receive(ctx)
	must(err)
	messages := sub.Channel()
	for i := range 10 {
		check(r.Publish(ctx, name, i).Val(), int64(1))
	}
	for i := range 10 {
		check(next(messages), fmt.Sprint(i))
	}
	must(sub.Close())
	until("no subscriber", func() bool { return r.Publish(ctx, name, "late").Val() == 0 })
}

// lastingSubscription hears what is published, also when Redis has restarted
// since it was made.
func lastingSubscription(r *redis.Client, listener *redis.PubSub, round int) {
	want := fmt.Sprint("round ", round)
	until("the subscription", func() bool { return r.Publish(ctx, "lasting", want).Val() > 0 })
	for next(listener.Channel()) != want {
	}
}

func next(messages <-chan *redis.Message) string {
	select {
	case m := <-messages:
		return m.Payload
	case <-time.After(patience):
		log.Fatal("no message within ", patience)
		return ""
	}
}

func blockingPop(r *redis.Client, name string) {
	popped := make(chan []string)
	go func() { popped <- r.BLPop(ctx, patience, name).Val() }()
	until("a blocked client", func() bool {
		return !strings.Contains(r.Info(ctx, "clients").Val(), "blocked_clients:0")
	})
	must(r.RPush(ctx, name, "job").Err())
	check(slices.Equal(<-popped, []string{name, "job"}), true)
}

func script(r *redis.Client, name string) {
	check(add.Run(ctx, r, []string{name}, 5).Val(), any(int64(5)))
	must(r.ScriptFlush(ctx).Err())
	check(add.Run(ctx, r, []string{name}, 5).Val(), any(int64(10))) // after NOSCRIPT
}

func counters(r *redis.Client, round int) {
	name := fmt.Sprint("counter", round)
	check(r.Do(ctx, "DKC.INC", "total").Val(), any(int64(round)))
	both, err := r.Do(ctx, "DK.INC", name, 3).Int64Slice()
	must(err)
	check(slices.Equal(both, []int64{3, 3}), true)
	both, err = r.Do(ctx, "DK.GET", name).Int64Slice()
	must(err)
	check(slices.Equal(both, []int64{3, 3}), true)
	replies, err := r.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Do(ctx, "DKC.INC", "visits:"+name, 5)
		pipe.Set(ctx, name, "x", 0)
		pipe.Do(ctx, "DKC.GET", "visits:"+name)
		return nil
	})
	must(err)
	check(replies[2].(*redis.Cmd).Val(), any(int64(5)))
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
