package main

import (
	"bufio"
	"slices"
	"strings"
	"testing"
	"time"
)

// listing is what redis-benchmark 7.0 prints, progress included.
const listing = "INCR k: rps=0.0 (overall: nan) avg_msec=nan (overall: nan)\rINCR k: rps=88.0 (overall: 94117.6) avg_msec=0.1 (overall: 0.3)\r====== INCR k ======\n" +
	`  20000 requests completed in 0.24 seconds
  50 parallel clients

Latency by percentile distribution:
0.000% <= 0.119 milliseconds (cumulative count 2)
50.000% <= 0.303 milliseconds (cumulative count 10612)
99.805% <= 1.223 milliseconds (cumulative count 19962)
99.902% <= 1.407 milliseconds (cumulative count 19981)
100.000% <= 1.583 milliseconds (cumulative count 20000)

Cumulative distribution of latencies:
0.000% <= 0.103 milliseconds (cumulative count 0)
99.990% <= 1.507 milliseconds (cumulative count 19998)

Summary:
  throughput summary: 84388.19 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.311     0.112     0.303     0.447     0.639     1.583
`

func TestParseOutcome(t *testing.T) {
	got, err := parseOutcome(listing)
	if want := (outcome{rate: 84388.19, p50: 0.303, p99: 0.639, p99_9: 1.407}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// Of few requests no line stands for 99.9 %: the slowest does.
func TestParseOutcomeOfFewRequests(t *testing.T) {
	few := strings.Replace(listing, "99.902% <= 1.407 milliseconds (cumulative count 19981)\n", "", 1)
	if got, err := parseOutcome(few); err != nil || got.p99_9 != 1.583 {
		t.Errorf("p99.9 is %v, %v; want 1.583", got.p99_9, err)
	}
}

func TestParseOutcomeOfAFailure(t *testing.T) {
	for _, text := range []string{
		"", "Error from server: ERR unknown command", strings.Split(listing, "Summary:")[0],
		listing[strings.Index(listing, "Summary:"):],
	} {
		if got, err := parseOutcome(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestParseGoBenchmarks(t *testing.T) {
	got := parseGoBenchmarks(`goos: linux
BenchmarkMemory/DK/1000/INC/1-2       	  145058	       473.2 ns/op	       9 B/op	       1 allocs/op
BenchmarkMemory/ordinary/1/GET/many-2 	 1000000	      1041 ns/op
PASS
`)
	want := []goBenchmark{{"Memory/DK/1000/INC/1", 473.2, 9, 1}, {"Memory/ordinary/1/GET/many", 1041, 0, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestParseMetrics(t *testing.T) {
	got := parseMetrics("# TYPE go_memstats_heap_alloc_bytes gauge\ngo_memstats_heap_alloc_bytes 2.5e+06\ndistkit_clients 3\n")
	if len(got) != 2 || got["go_memstats_heap_alloc_bytes"] != 2.5e6 || got["distkit_clients"] != 3 {
		t.Errorf("%v", got)
	}
}

// Commands inside scripts count, and what this program asks about the server does not.
func TestInfoCalls(t *testing.T) {
	in := make(info)
	in.add("# Commandstats\r\ncmdstat_incrby:calls=40,usec=2\r\ncmdstat_evalsha:calls=2,usec=9\r\ncmdstat_info:calls=7,usec=1\r\ncmdstat_config|get:calls=3,usec=1\r\n")
	in.add("# CPU\r\nused_cpu_user:1.250000\r\n")
	if in.calls() != 42 || in.number("used_cpu_user") != 1.25 {
		t.Errorf("%v calls, %v s", in.calls(), in.number("used_cpu_user"))
	}
}

func TestSkipReply(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("*2\r\n:1\r\n$1\r\nx\r\n+OK\r\n:12\r\n$3\r\nxyz\r\n$-1\r\n$0\r\n\r\n-ERR no\r\n"))
	for range 6 {
		if err := skipReply(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := skipReply(in); err == nil {
		t.Error("an error of Redis is none")
	}
}

func TestMixedBatch(t *testing.T) {
	batch := string(mixedBatch(0, shape{pipeline: 3, keys: 10, bytes: 2}))
	const set, get = "*3\r\n$3\r\nSET\r\n$18\r\nmixed:00000000000%d\r\n$2\r\nxx\r\n", "*2\r\n$3\r\nGET\r\n$18\r\nmixed:00000000000%d\r\n"
	if want := strings.ReplaceAll(set+get, "%d", "0") + strings.ReplaceAll(set, "%d", "1"); batch != want {
		t.Errorf("%q, want %q", batch, want)
	}
}

func TestRepeating(t *testing.T) {
	if got, want := string(repeating("GET", "k")(0, shape{pipeline: 2})), strings.Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 2); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLatencies(t *testing.T) {
	var waits []time.Duration
	for i := range 1000 {
		waits = append(waits, time.Duration(1000-i)*time.Millisecond)
	}
	if got, want := latencies(waits), (outcome{p50: 501, p99: 991, p99_9: 1000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
