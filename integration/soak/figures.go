package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// figures are what the proxy's /metrics say, and its open sockets.
type figures struct {
	rss, heap            float64 // bytes
	goroutines           float64
	fds                  float64 // but for those to Redis
	toRedis              float64 // file descriptors of connections to Redis, also of reset ones
	clients, private     float64
	counters, namespaces float64
	pending              float64
	cpu                  float64 // seconds
	collections          float64 // of garbage
	panics, protocol     float64
	recordsLost          float64
}

// scraper reads the figures of one proxy over one connection, which counts
// among them.
type scraper struct {
	url       string
	pid       int
	redisPort string
	http      http.Client
}

func (s *scraper) read() (figures, error) {
	resp, err := s.http.Get(s.url)
	if err != nil {
		return figures{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return figures{}, fmt.Errorf("%s: %s", s.url, resp.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return figures{}, err
	}
	value := func(name string) float64 {
		f := families[name]
		if f == nil {
			err = fmt.Errorf("%s: there is no %s", s.url, name)
			return 0
		}
		m := f.GetMetric()[0]
		return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetSummary().GetSampleCount())
	}
	f := figures{
		rss:         value("process_resident_memory_bytes"),
		heap:        value("go_memstats_heap_inuse_bytes"),
		goroutines:  value("go_goroutines"),
		fds:         value("process_open_fds"),
		clients:     value("distkit_clients"),
		private:     value("distkit_private_connections"),
		counters:    value("distkit_counters_in_memory"),
		namespaces:  value("distkit_namespaces"),
		pending:     value("distkit_pending_counters"),
		cpu:         value("process_cpu_seconds_total"),
		collections: value("go_gc_duration_seconds"),
		panics:      value("distkit_panics_total"),
		protocol:    value("distkit_protocol_errors_total"),
		recordsLost: value("distkit_records_lost_total"),
	}
	if err != nil {
		return figures{}, err
	}
	if f.toRedis, err = socketsToRedis(s.pid, s.redisPort); err != nil {
		return figures{}, err
	}
	f.fds -= f.toRedis
	return f, nil
}

const mb = 1 << 20

const header = "    time   RSS MB  heap MB  goroutines  fds  to Redis  clients  counters  commands  CPU %  faults  errors"

func (f figures) row(since time.Duration, w *world, cpu float64) string {
	return fmt.Sprintf("%8s  %7.1f  %7.1f  %10.0f  %3.0f  %8.0f  %7.0f  %8.0f  %8d  %5.1f  %6d  %s",
		since.Round(time.Second), f.rss/mb, f.heap/mb, f.goroutines, f.fds, f.toRedis, f.clients, f.counters, w.commands.Load(), cpu, w.faults.Load(), w.errorsByKind())
}

func (f figures) idle() bool {
	return f.clients == 0 && f.private == 0 && f.counters == 0 && f.pending == 0
}
