package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// loseNext loses the reply to the next thing that Redis is asked.
func (p *party) loseNext() { p.link.Set(func(f *loopback.Faults) { f.Lose = 1 }) }

// lost waits until the reply was lost.
func (p *party) lost() {
	p.t.Helper()
	eventually(p.t, 10*time.Second, func() error {
		if p.link.Losing() > 0 {
			return errors.New("the reply was not lost yet")
		}
		return nil
	})
}

// What Redis is told to do is done once and answered with the first reply,
// though that reply was lost on its way and the batch was sent again.
func TestOperationsUnderLostReplies(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		t.Parallel()
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "me", engine.Options{DeadAfter: 30 * time.Second, FlushInterval: time.Minute})
		// both is a reply: total and mine where the family has it.
		both := func(ns ...int64) []int64 {
			if prefix == "DKC." {
				var totals []int64
				for i := 0; i < len(ns); i += 2 {
					totals = append(totals, ns[i])
				}
				return totals
			}
			return ns
		}
		for i := range int64(10) {
			p.ints("SET", "x", 5)
			p.ints("INC", "x", 2)

			p.loseNext()
			want := append([]int64{1}, both(10, 10, 7, 7)...)
			p.want(want, "SET", "x", 10, "IF", "EQ", 7)
			p.lost()

			p.ints("INC", "x", 3)
			p.loseNext()
			p.want(both(13, 13), "DEL", "x")
			p.lost()

			p.want(both(4, 4), "INC", "x", 4)
			p.loseNext()
			p.flushed()
			p.lost()
			p.want(both(4, 4), "GET", "x")

			p.loseNext()
			reply, err := p.do("MSET", "x", 1, "x", 2, "y", 3, "x", 4, "IF", "GT", 1).Result()
			if err != nil {
				t.Fatal(err)
			}
			got, err := asInts(reply)
			want = append(both(1, 1, 2, 2, 3, 3), append([]int64{1}, both(4, 4, 2, 2)...)...)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("MSET replied %v, want %v", got, want)
			}
			p.lost()
			if prefix == "DK." {
				if epoch, want := b.field(b.key("epoch"), "x"), 6*i+6; epoch != want {
					t.Fatalf("the epoch is %d, want %d: a SET or DEL was applied twice", epoch, want)
				}
			}
		}
	}, "DK.", "DKC.")
}

func TestSliceOperationsUnderLostReplies(t *testing.T) {
	r := startRedis(t)
	p := join(t, r, "DK.", "me", engine.Options{DeadAfter: 30 * time.Second, FlushInterval: time.Minute})
	other := join(t, r, "DK.", "other", engine.Options{DeadAfter: 30 * time.Second})
	other.ints("INC", "x", 100)
	other.flushed()
	p.sees("x", 100, 0)
	for i := range int64(10) {
		p.want([]int64{103, 3}, "SETI", "x", 3)
		p.want([]int64{104, 4}, "INC", "x", 1)
		p.loseNext()
		p.flushed()
		p.lost()
		p.sees("x", 104, 4)
		p.ints("INC", "x", 2)
		p.loseNext()
		p.want([]int64{100, 6}, "DELI", "x")
		p.lost()
		p.sees("x", 100, 0)

		p.ints("INC", "x", i+1)
		p.loseNext()
		if err := p.do("CLEARI").Err(); err != nil {
			t.Fatal(err)
		}
		p.lost()
		p.sees("x", 100, 0)
	}
	p.ints("INC", "x", 5)
	p.loseNext()
	if err := p.do("CLEAR").Err(); err != nil {
		t.Fatal(err)
	}
	p.lost()
	p.want([]int64{2, 2}, "INC", "x", 2)
	p.flushed()
	other.sees("x", 2, 0)
}

// A CLEAR whose reply is lost does not clear again what another counted since.
func TestClearUnderALostReplyIsDoneOnce(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "me", engine.Options{DeadAfter: 30 * time.Second, CommandTimeout: 300 * time.Millisecond})
		other := join(t, r, prefix, "other", engine.Options{DeadAfter: 30 * time.Second})
		if err := p.do("CLEAR").Err(); err != nil { // from now on Redis has the script
			t.Fatal(err)
		}
		p.ints("INC", "x", 5)
		p.flushed()
		p.link.Set(func(f *loopback.Faults) { f.Swallow = true })
		done := make(chan error, 1)
		go func() { done <- p.do("CLEAR").Err() }()
		eventually(t, 10*time.Second, func() error {
			if b.total("x") != 0 {
				return errors.New("not cleared")
			}
			return nil
		})
		other.ints("INC", "x", 7)
		other.flushed()
		p.link.Set(func(f *loopback.Faults) { f.Swallow = false })
		if err := <-done; err != nil && !strings.Contains(err.Error(), "outcome is unknown") {
			t.Errorf("CLEAR: %v", err)
		}
		want := []int64{7, 0}
		if prefix == "DKC." {
			want = want[:1]
		}
		p.sees("x", want...)
		if got := b.total("x"); got != 7 {
			t.Errorf("Redis has %d, want 7", got)
		}
	}, "DK.", "DKC.")
}

// A strict command whose reply is lost is not repeated.
func TestStrictUnderLostReplies(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "me", engine.Options{DeadAfter: 30 * time.Second})
		unknown, before := 0, int64(0)
		for i := range 20 {
			if i > 0 { // the first brings the script to Redis
				p.loseNext()
			}
			err := p.do("INC", "x", 1).Err()
			switch {
			case err == nil: // something else was lost
			case strings.Contains(err.Error(), "outcome is unknown"):
				unknown++
			default:
				t.Fatalf("a lost reply: %v, want an error that says the outcome is unknown", err)
			}
			got := b.total("x")
			if got != before+1 && (err == nil || got != before) { // unknown: once or not at all
				t.Fatalf("Redis has %d after %v and %d before", got, err, before)
			}
			before = got
		}
		if unknown < 10 {
			t.Errorf("the outcome was unknown %d times of 19", unknown)
		}
	}, "DKS.", "DKCS.")
}

// A client that comes while Redis is away is served from memory like the others.
// It sends no ordinary command before: those, HELLO among them, need Redis.
func TestNewClientWhileRedisIsAway(t *testing.T) {
	r := startRedis(t)
	p := join(t, r, "DK.", "me", engine.Options{DeadAfter: 30 * time.Second})
	p.ints("INC", "x", 1)
	p.flushed()
	p.link.Down()
	late, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	late.SetDeadline(time.Now().Add(20 * time.Second))
	const want = "*2\r\n:3\r\n:3\r\n"
	reply := make([]byte, len(want))
	fmt.Fprint(late, "DK.INC x 2\r\n")
	if _, err := io.ReadFull(late, reply); err != nil || string(reply) != want {
		t.Errorf("INC is %q (%v), want %q", reply, err, want)
	}
	p.link.Up()
	p.flushed()
}

func TestMaxPending(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		const bound, counters = 10, 20
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "me", engine.Options{MaxPending: bound, DeadAfter: 30 * time.Second})
		for i := range counters {
			p.ints("GET", fmt.Sprint("c", i))
		}
		p.link.Down()
		accepted := make(map[string]int64)
		for round := range 3 {
			for i := range counters {
				name := fmt.Sprint("c", i)
				err := p.do("INC", name, 1).Err()
				switch {
				case err == nil:
					accepted[name]++
				case !strings.HasPrefix(err.Error(), "OOM distkit:"):
					t.Fatalf("INC %s: %v, want an error that starts with OOM distkit:", name, err)
				}
				if (err == nil) != (i < bound) {
					t.Fatalf("round %d, counter %d: %v with a bound of %d", round, i, err, bound)
				}
			}
		}
		p.link.Up()
		p.flushed()
		for i := range counters {
			name := fmt.Sprint("c", i)
			if got := b.total(name); got != accepted[name] {
				t.Errorf("%s is %d, accepted were %d", name, got, accepted[name])
			}
		}
		p.ints("INC", "c19", 1)
	}, "DK.", "DKC.")
}

func TestMaxPendingAge(t *testing.T) {
	onPrefixes(t, func(t *testing.T, prefix string) {
		const bound = 200 * time.Millisecond
		r := startRedis(t)
		b := openBooks(t, r, prefix)
		p := join(t, r, prefix, "me", engine.Options{MaxPendingAge: bound, DeadAfter: 30 * time.Second})
		p.ints("INC", "x", 1)
		p.flushed()
		p.link.Down()
		accepted, start := int64(1), time.Now()
		eventually(t, 10*time.Second, func() error {
			err := p.do("INC", "x", 1).Err()
			if err == nil {
				accepted++
				return errors.New("still accepted")
			}
			if !strings.HasPrefix(err.Error(), "OOM distkit:") {
				t.Fatalf("INC: %v, want an error that starts with OOM distkit:", err)
			}
			return nil
		})
		if took := time.Since(start); took < bound {
			t.Errorf("refused after %v, the bound is %v", took, bound)
		}
		if got, err := p.totalOf("GET", "x"); err != nil || got != accepted {
			t.Errorf("GET is %d (%v), want %d", got, err, accepted)
		}
		p.link.Up()
		p.flushed()
		if got := b.total("x"); got != accepted {
			t.Errorf("Redis has %d, accepted were %d", got, accepted)
		}
		if err := p.c.Do(context.Background(), prefix+"INC", "x", 1).Err(); err != nil {
			t.Errorf("healthy again: %v", err)
		}
	}, "DK.", "DKC.")
}
