package lua

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A script that Redis has forgotten is loaded and its call sent again, wherever
// in the pipeline it stands; what was executed before it is not repeated.
func TestRunLoadsWhatRedisForgot(t *testing.T) {
	m := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1, Protocol: 2, DisableIdentity: true})
	defer client.Close()
	exec := NewExecutor(client)
	keys := []string{"page:lax_counter", "record"}
	for i, forget := range []bool{true, false, true} {
		if forget {
			client.ScriptFlush(t.Context())
		}
		replies := exec.Run(t.Context(), []Call{
			Command("incr", "plain"),
			PlainApply.Call(keys, i+1, 60000, 1, 1, "k", 5),
			Command("hget", "page:lax_counter", "k"),
		})
		for j, reply := range replies {
			if reply.Err != nil {
				t.Fatalf("round %d, reply %d: %v", i, j, reply.Err)
			}
		}
		if got := replies[0].Value; got != int64(i+1) {
			t.Errorf("round %d: the command before the script was executed %v times", i, got)
		}
		if got, want := replies[2].Value, []string{"5", "10", "15"}[i]; got != want {
			t.Errorf("round %d: the read behind the script says %v, want %s", i, got, want)
		}
	}
}

// A script that Redis forgets again between its load and its call is carried out
// nevertheless, once.
func TestRunWhatRedisForgetsAgain(t *testing.T) {
	m := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1, Protocol: 2, DisableIdentity: true})
	defer client.Close()
	client.AddHook(forgetful{m.Addr()})
	keys := []string{"page:lax_counter", "record"}
	for _, calls := range [][]Call{
		{PlainApply.Call(keys, 1, 60000, 1, 1, "k", 5)},
		{PlainApply.Call(keys, 2, 60000, 1, 1, "k", 5), Command("hget", keys[0], "k"), PlainApply.Call(keys, 3, 60000, 1, 0)},
	} {
		client.ScriptFlush(t.Context())
		for i, reply := range NewExecutor(client).Run(t.Context(), calls) {
			if reply.Err != nil {
				t.Errorf("reply %d of %d: %v", i, len(calls), reply.Err)
			}
		}
	}
	if got := m.HGet(keys[0], "k"); got != "10" {
		t.Errorf("two increments by 5 make %s", got)
	}
}

// Of several scripts in a pipeline Redis may have some and lack others, wherever
// they stand: all are carried out, and a batch with a number once.
func TestRunSeveralScriptsOfWhichSomeAreForgotten(t *testing.T) {
	keys, read := []string{"page:lax_counter", "record"}, []string{"totals", "slices", "instances", "epochs", "buried"}
	apply := func(number int) Call { return PlainApply.Call(keys, number, 60000, 1, 1, "k", 5) }
	reads := InstRead.Call(read, "i1", 30000, "k")
	for name, known := range map[string][]*Script{
		"none": nil, "the first": {PlainApply}, "the last": {InstRead}, "all": {PlainApply, InstRead},
	} {
		for i, calls := range [][]Call{
			{apply(1), reads, Command("hget", keys[0], "k"), reads},
			{reads, Command("hget", keys[0], "none"), apply(1), reads},
		} {
			m := miniredis.RunT(t)
			client := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1, Protocol: 2, DisableIdentity: true})
			for _, script := range known {
				client.ScriptLoad(t.Context(), script.Source)
			}
			for j, reply := range NewExecutor(client).Run(t.Context(), calls) {
				if reply.Err != nil && reply.Err != redis.Nil {
					t.Errorf("Redis has %s, pipeline %d, reply %d: %v", name, i, j, reply.Err)
				}
			}
			if got := m.HGet(keys[0], "k"); got != "5" {
				t.Errorf("Redis has %s, pipeline %d: an increment by 5 makes %s", name, i, got)
			}
			client.Close()
		}
	}
}

// forgetful has the Redis at addr forget every script as soon as it is loaded.
type forgetful struct{ addr string }

func (forgetful) DialHook(next redis.DialHook) redis.DialHook { return next }

func (forgetful) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (f forgetful) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if args := cmd.Args(); cmd.Name() == "script" && args[1] == "load" {
			other := redis.NewClient(&redis.Options{Addr: f.addr, Protocol: 2, DisableIdentity: true})
			defer other.Close()
			other.ScriptFlush(ctx)
		}
		return err
	}
}

func TestNotSent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := &redis.Options{
		Addr: ln.Addr().String(), MaxRetries: -1, Protocol: 2, DisableIdentity: true,
		DialTimeout: time.Second, DialerRetries: 1, ReadTimeout: 20 * time.Millisecond,
	}
	silent := redis.NewClient(opts)
	defer silent.Close()
	reply := NewExecutor(silent).Run(context.Background(), []Call{Command("ping")})[0]
	if reply.Err == nil || NotSent(reply.Err) {
		t.Errorf("a server that does not answer: %v counts as not sent", reply.Err)
	}
	ln.Close()
	gone := redis.NewClient(opts)
	defer gone.Close()
	reply = NewExecutor(gone).Run(context.Background(), []Call{Command("ping")})[0]
	if reply.Err == nil || !NotSent(reply.Err) {
		t.Errorf("a server that is not there: %v does not count as not sent", reply.Err)
	}
}
