package admin

import (
	"runtime"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/distkit/distkit-proxy/engine"
)

// collector tells the attached proxy's figures, all of one snapshot.
type collector struct{ s *Server }

var (
	descs     = describe(metrics)
	flushDesc = prometheus.NewDesc(prefix+flushName, flushHelp, nil, nil)
	infoDesc  = prometheus.NewDesc(prefix+"instance_info",
		"Who this is; always 1.", []string{"instance_id", "namespace", "embedded"}, nil)
)

func describe(ms []metric) []*prometheus.Desc {
	out := make([]*prometheus.Desc, len(ms))
	for i, m := range ms {
		out[i] = prometheus.NewDesc(prefix+m.name, m.help, nil, nil)
	}
	return out
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descs {
		out <- d
	}
	out <- flushDesc
	out <- infoDesc
}

// Collect is part of prometheus.Collector. Before Attach there is nothing.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	p := c.s.proxy.Load()
	if p == nil {
		return
	}
	st := p.stats()
	for i, m := range metrics {
		out <- prometheus.MustNewConstMetric(descs[i], m.kind(), m.value(&st))
	}
	out <- flushes(st.Engine.Flushes)
	out <- prometheus.MustNewConstMetric(infoDesc, prometheus.GaugeValue, 1,
		st.InstanceID, strings.ToValidUTF8(st.Namespace, "\uFFFD"), strconv.FormatBool(st.Embedded))
}

func (m metric) kind() prometheus.ValueType {
	if strings.HasSuffix(m.name, "_total") {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// flushes is h as Prometheus has it: buckets that include those below.
func flushes(h engine.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var below uint64
	for i, bound := range h.Bounds {
		below += h.Counts[i]
		buckets[bound.Seconds()] = below
	}
	return prometheus.MustNewConstHistogram(flushDesc, h.Count(), h.Sum.Seconds(), buckets)
}

func runtimeMetrics() prometheus.Collector { return collectors.NewGoCollector() }

func processMetrics() prometheus.Collector {
	return collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
}

// buildInfo is there before a proxy is attached: it is the process'.
func buildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        prefix + "build_info",
		Help:        "The program's version and the Go version it was built with; always 1.",
		ConstLabels: prometheus.Labels{"version": strings.ToValidUTF8(version, "\uFFFD"), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
