package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/distkit/distkit-proxy/integration/internal/loopback"
)

// memory measures what counters and idle connections take.
func (b *bench) memory(ctx context.Context, bed *testbed) error {
	if err := b.counterMemory(ctx, bed); err != nil {
		return err
	}
	fmt.Println()
	return b.connectionMemory(ctx, bed)
}

// counterMemory has proxies count on a million counters each.
func (b *bench) counterMemory(ctx context.Context, bed *testbed) error {
	counters := max(1000, int(1_000_000*b.scale))
	table := newTable(os.Stdout, "counters|10", "what|16", "bytes of live heap each|24", "resident bytes each|24", "names' length|13")
	for _, command := range []string{"INCR", "DKC.INC", "DK.INC"} {
		proxy, err := bed.watched(ctx, "--max-pending", "10000000")
		if err != nil {
			return err
		}
		before, err := proxy.memory(ctx)
		if err != nil {
			return err
		}
		if err := countAll(ctx, proxy.server, command, counters); err != nil {
			return err
		}
		after, err := proxy.memory(ctx)
		if err != nil {
			return err
		}
		each := after.minus(before, after.counters)
		name := "counter:"
		if command != "INCR" {
			name = "" // its namespace is kept once
		}
		table.row(count(int(after.counters)), command, number(each.heap, 0), number(each.resident, 0), count(len(name)+12))
		if err := bed.retire(ctx, proxy.server); err != nil {
			return err
		}
	}
	return nil
}

// connectionMemory opens connections that do something once and then nothing.
func (b *bench) connectionMemory(ctx context.Context, bed *testbed) error {
	n := min(5000, mostClients(openFiles()))
	table := newTable(os.Stdout, "idle connections|16", "after|22", "bytes of live heap and stacks each|34", "resident bytes each|24")
	for _, kind := range []struct{ name, command string }{
		{"nothing", ""},
		{"PING", "PING\r\n"},
		{"DK.INC", "DK.INC bench:idle\r\n"},
		{"GET, passed on", "GET other\r\n"},
	} {
		proxy, err := bed.watched(ctx)
		if err != nil {
			return err
		}
		before, err := proxy.memory(ctx)
		if err != nil {
			return err
		}
		conns, err := openIdle(proxy.addr, n, kind.command)
		if err == nil {
			var after footprint
			if after, err = proxy.memory(ctx); err == nil {
				each := after.minus(before, float64(n))
				table.row(count(n), kind.name, number(each.heap+each.stacks, 0), number(each.resident, 0))
			}
		}
		for _, conn := range conns {
			conn.Close()
		}
		if err != nil {
			return err
		}
		if err := bed.retire(ctx, proxy.server); err != nil {
			return err
		}
	}
	return nil
}

// openIdle opens connections, has each answered a command, if there is one, and
// leaves them. Those that are open are returned with an error, too.
func openIdle(addr string, n int, command string) (conns []net.Conn, err error) {
	reply := make([]byte, 64)
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return conns, err
		}
		conns = append(conns, conn)
		if command == "" {
			continue
		}
		if _, err := io.WriteString(conn, command); err != nil {
			return conns, err
		}
		if _, err := conn.Read(reply); err != nil {
			return conns, err
		}
		if reply[0] == '-' {
			return conns, fmt.Errorf("%s is answered %q", strings.TrimSpace(command), reply)
		}
	}
	return conns, nil
}

// watched is a proxy whose memory is looked into.
type watched struct {
	*server
	admin string
}

func (bed *testbed) watched(ctx context.Context, flags ...string) (*watched, error) {
	admin, err := loopback.FreeAddr()
	if err != nil {
		return nil, err
	}
	s, err := bed.proxy(ctx, "watched", bed.redis.addr, append(flags, laxFlag, "--admin", admin)...)
	return &watched{s, admin}, err
}

// footprint is a proxy's memory in bytes.
type footprint struct{ heap, stacks, resident, counters float64 }

func (f footprint) minus(other footprint, parts float64) footprint {
	return footprint{
		heap: (f.heap - other.heap) / parts, stacks: (f.stacks - other.stacks) / parts, resident: (f.resident - other.resident) / parts,
	}
}

const (
	collectingLimit = 50 * time.Second // until garbage has been collected twice
	sweptAfter      = 50               // requests; the system needs a moment to sweep
)

// memory is the footprint with as little garbage as can be had from outside: the
// metrics are asked for, which makes some, until it has been collected twice. The
// lowest that they tell then is nearly all alive.
func (w *watched) memory(ctx context.Context) (f footprint, err error) {
	ctx, cancel := context.WithTimeout(ctx, collectingLimit)
	defer cancel()
	if f.resident, err = residentBytes(w.pid()); err != nil {
		return f, err
	}
	first, after := -1.0, 0
	for after < sweptAfter {
		m, err := metricsOf(ctx, w.admin)
		if err != nil {
			return f, err
		}
		if first < 0 {
			first, f.counters = m["go_gc_duration_seconds_count"], m["distkit_counters_in_memory"]
		}
		if m["go_gc_duration_seconds_count"] < first+2 {
			continue
		}
		if heap := m["go_memstats_heap_alloc_bytes"]; after == 0 || heap < f.heap {
			f.heap, f.stacks = heap, m["go_memstats_stack_inuse_bytes"]
		}
		after++
	}
	return f, nil
}

// metricsOf are a proxy's metrics without labels.
func metricsOf(ctx context.Context, admin string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return parseMetrics(string(text)), err
}

func parseMetrics(text string) map[string]float64 {
	metrics := make(map[string]float64)
	for line := range strings.Lines(text) {
		var name string
		var value float64
		if _, err := fmt.Sscan(line, &name, &value); err == nil {
			metrics[name] = value
		}
	}
	return metrics
}
