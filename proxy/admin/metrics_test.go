package admin

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/distkit/distkit-proxy/engine"
	"github.com/distkit/distkit-proxy/proxy"
)

var update = flag.Bool("update", false, "rewrite the table in docs/metrics.md")

func TestMetricsFollowTheConventions(t *testing.T) {
	r := newRig(t, Options{Version: "v1"})
	problems, err := testutil.GatherAndLint(r.s.registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestExpositionParses(t *testing.T) {
	r := newRig(t, Options{Version: "v1"})
	r.change(func(st *proxy.Stats) {
		st.Engine.Flushes = engine.Histogram{
			Bounds: []time.Duration{time.Millisecond, time.Second},
			Counts: []uint64{2, 3, 1},
			Sum:    12 * time.Second,
		}
	})
	_, body := r.ask("GET", "/metrics")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "process_resident_memory_bytes", "process_open_fds", "distkit_build_info"} {
		if families[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	h := families["distkit_flush_duration_seconds"].GetMetric()[0].GetHistogram()
	var buckets []string
	for _, b := range h.GetBucket() {
		buckets = append(buckets, fmt.Sprint(b.GetUpperBound(), ":", b.GetCumulativeCount()))
	}
	if want := []string{"0.001:2", "1:5", "+Inf:6"}; !slices.Equal(buckets, want) || h.GetSampleCount() != 6 || h.GetSampleSum() != 12 {
		t.Errorf("buckets %v, want %v; count %d, sum %v", buckets, want, h.GetSampleCount(), h.GetSampleSum())
	}
	const info = `distkit_instance_info{embedded="false",instance_id="me",namespace="shop"} 1`
	if !strings.Contains(body, info) {
		t.Errorf("%s is not in\n%s", info, body)
	}
}

// A figure that is added to the snapshot is a metric, too.
func TestEveryFigureIsAMetric(t *testing.T) {
	var st proxy.Stats
	except := []string{
		"InstanceID", "Namespace", "Version", "Embedded", // instance_info, build_info
		"Uptime",                                     // process_start_time_seconds
		"FlushLatency", "FlushLatencyMax", "Flushes", // the histogram
		"Engine", "Journal",
	}
	n := 0
	for _, v := range []reflect.Value{reflect.ValueOf(&st).Elem(), reflect.ValueOf(&st.Engine).Elem(), reflect.ValueOf(&st.Engine.Journal).Elem()} {
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if slices.Contains(except, name) {
				continue
			}
			before := values(&st)
			switch f := v.Field(i); f.Kind() {
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Uint64:
				f.SetUint(3)
			default:
				f.SetInt(3)
			}
			changed := 0
			for j, after := range values(&st) {
				if after != before[j] {
					changed++
				}
			}
			if changed != 1 {
				t.Errorf("%s: %d metrics tell it, want 1", name, changed)
			}
			n++
		}
	}
	if n != len(metrics) {
		t.Errorf("%d metrics for %d figures", len(metrics), n)
	}
}

func values(st *proxy.Stats) (out []float64) {
	for _, m := range metrics {
		out = append(out, m.value(st))
	}
	return out
}

const (
	docsFile  = "../../docs/metrics.md"
	docsBegin = "<!-- begin metrics: written by go test ./proxy/admin -update -->\n"
	docsEnd   = "<!-- end metrics -->\n"
)

func TestDocsListEveryMetric(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), docsBegin)
	table, tail, found2 := strings.Cut(rest, docsEnd)
	if !found || !found2 {
		t.Fatalf("%s has no table between its marks", docsFile)
	}
	want := docsTable(t)
	if *update {
		if err := os.WriteFile(docsFile, []byte(head+docsBegin+want+docsEnd+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != want {
		t.Errorf("the table in %s is not that of the metrics: run go test ./proxy/admin -update", docsFile)
	}
}

// docsTable lists what is exposed, not what the source says.
func docsTable(t *testing.T) string {
	families, err := newRig(t, Options{}).s.registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("\n| metric | type | labels | |\n|---|---|---|---|\n")
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, " "), f.GetHelp())
	}
	return b.String() + "\n"
}
