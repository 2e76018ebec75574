package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// client is a service with the real client library and a metric of each type.
func client(t *testing.T) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: `Requests by "code".`}, []string{"code", "instance"})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "How long they took.", Buckets: []float64{0.1, 1}})
	depth := prometheus.NewGauge(prometheus.GaugeOpts{Name: "queue_depth", Help: "Jobs that wait."})
	sizes := prometheus.NewSummary(prometheus.SummaryOpts{Name: "job_bytes", Help: "Sizes.", Objectives: map[float64]float64{0.5: 0.05}})
	reg.MustRegister(requests, seconds, depth, sizes)
	requests.WithLabelValues("200", `a "quoted" \ {b} # {c}`).Add(5)
	requests.WithLabelValues("500", "x").(prometheus.ExemplarAdder).AddWithExemplar(2, prometheus.Labels{"trace_id": "abc"})
	seconds.(prometheus.ExemplarObserver).ObserveWithExemplar(0.05, prometheus.Labels{"trace_id": "def"})
	seconds.Observe(3)
	depth.Set(-1.5)
	return reg
}

func serve(t *testing.T, h http.Handler) Options {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Options{Host: s.Listener.Addr().String(), Path: "/metrics", Limit: 500}
}

func told(res Result) []string {
	var out []string
	for _, m := range Flat(res.Families) {
		labels := ""
		for _, k := range slices.Sorted(func(yield func(string) bool) {
			for k := range m.Labels {
				if !yield(k) {
					return
				}
			}
		}) {
			labels += fmt.Sprintf(" %s=%s", k, m.Labels[k])
		}
		out = append(out, fmt.Sprintf("%s%s %g", m.Name, labels, m.Value))
	}
	return out
}

var whatClientTells = []string{
	"http_request_duration_seconds_bucket le=0.1 1", "http_request_duration_seconds_bucket le=1 1", "http_request_duration_seconds_bucket le=+Inf 2",
	"http_request_duration_seconds_sum 3.05", "http_request_duration_seconds_count 2",
	`http_requests_total code=200 instance=a "quoted" \ {b} # {c} 5`, "http_requests_total code=500 instance=x 2",
	"job_bytes_sum 0", "job_bytes_count 0", "queue_depth -1.5",
}

// TestClient reads the real client library, in both formats.
func TestClient(t *testing.T) {
	reg := client(t)
	plain := promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true, EnableOpenMetricsTextCreatedSamples: true})
	onlyOpen := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
		plain.ServeHTTP(w, r)
	})
	for name, h := range map[string]http.Handler{"text": plain, "OpenMetrics": onlyOpen} {
		t.Run(name, func(t *testing.T) {
			res, err := Scrape(t.Context(), serve(t, h))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(whatClientTells, told(res)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			var kinds []string
			for _, f := range res.Families {
				kinds = append(kinds, f.GetName()+" "+f.GetType().String()+" "+f.GetHelp())
			}
			want := []string{
				"http_request_duration_seconds HISTOGRAM How long they took.", `http_requests_total COUNTER Requests by "code".`,
				"job_bytes SUMMARY Sizes.", "queue_depth GAUGE Jobs that wait.",
			}
			if d := cmp.Diff(want, kinds); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			// A quantile without observations is no number, and still a series.
			if res.Series != len(whatClientTells)+1 || len(res.Dropped) != 0 {
				t.Errorf("%d series, dropped %v", res.Series, res.Dropped)
			}
		})
	}
}

// TestOpenMetricsTypes: what the text format has no type for keeps its values.
func TestOpenMetricsTypes(t *testing.T) {
	body := "# TYPE build info\n# HELP build What runs.\nbuild_info{version=\"1.2\"} 1\n" +
		"# TYPE mode stateset\nmode{mode=\"a\"} 1\nmode{mode=\"b\"} 0 1700000000.5\n" +
		"# TYPE sizes gaugehistogram\n# UNIT sizes bytes\nsizes_bucket{le=\"+Inf\"} 4\nsizes_gcount 4\nsizes_gsum 9\n" +
		"# TYPE thing unknown\nthing 3 # {trace=\"}\"} 1\nuser_created 7\n# EOF\n"
	text, err := toText([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := "# TYPE build_info gauge\n# HELP build_info What runs.\nbuild_info{version=\"1.2\"} 1\n# TYPE mode gauge\nmode{mode=\"a\"} 1\nmode{mode=\"b\"} 0\n" +
		"sizes_bucket{le=\"+Inf\"} 4\nsizes_gcount 4\nsizes_gsum 9\n# TYPE thing untyped\nthing 3\nuser_created 7\n"
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, err := toText([]byte("a 1\n")); !errors.Is(err, errEnd) {
		t.Errorf("an exposition that was cut off: %v", err)
	}
}

// FuzzOpenMetrics: whatever comes, nothing breaks.
func FuzzOpenMetrics(f *testing.F) {
	for _, s := range []string{"# EOF", "a{b=\"c\\\"} 1 # {x=\"y\"} 2\n# EOF\n", "# TYPE a\n# TYPE a counter\na_total 1\na_created{ 5\n# EOF", "{\n{\"\n\"\n# EOF"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		text, err := toText([]byte(s))
		if err != nil {
			return
		}
		p := expfmt.NewTextParser(model.UTF8Validation)
		families, err := p.TextToMetricFamilies(strings.NewReader(string(text)))
		if err == nil {
			Flat(bound(families, Options{Limit: 100}).Families)
		}
	})
}

// TestBounds: what is beyond them is left out and counted, and the rest stands.
func TestBounds(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "many{n=\"%02d\"} %d\n", i, i)
	}
	b.WriteString("# HELP long " + strings.Repeat("é", 1000) + "\nlong 1\n")
	b.WriteString("value{a=\"" + strings.Repeat("x", maxLabelValue+1) + "\"} 1\n")
	b.WriteString(strings.Repeat("n", maxName+1) + " 1\n")
	b.WriteString("{\"dotted.name\"} 1\nlabelled{\"dotted.label\"=\"1\"} 1\nowned{__name=\"x\"} 1\n")
	b.WriteString("skysail_source_up 1\n")
	labels := make([]string, maxLabels+1)
	for i := range labels {
		labels[i] = fmt.Sprintf("l%d=\"1\"", i)
	}
	b.WriteString("wide{" + strings.Join(labels, ",") + "} 1\n")
	o := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, b.String()) }))
	o.Limit, o.Reserved = 30, func(name string) bool { return strings.HasPrefix(name, "skysail_") }
	first, err := Scrape(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{DroppedLimit: 11, DroppedName: 4, DroppedLabels: 2, DroppedReserved: 1}
	if d := cmp.Diff(want, first.Dropped); d != "" || first.Series != 30 {
		t.Errorf("%d series; dropped (-want +got):\n%s", first.Series, d)
	}
	if h := first.Families[0].GetHelp(); len(h) > maxHelp || !strings.HasSuffix(h, "é") {
		t.Errorf("help of %d bytes, %q", len(h), h[len(h)-4:])
	}
	again, err := Scrape(t.Context(), o)
	if d := cmp.Diff(told(first), told(again)); d != "" || err != nil {
		t.Errorf("the next time others are kept: %v %s", err, d)
	}
	o.Allow = []string{"*an*", "long"}
	if first, _ = Scrape(t.Context(), o); first.Dropped[DroppedLimit] != 11 || len(first.Dropped) != 1 {
		t.Errorf("what is not allowed is counted as dropped: %v", first.Dropped)
	}
}

// TestRefused: answers that are no metrics, and why.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		is    error
		words string
	}{
		{"404", http.NotFound, ErrStatus, "404"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, ErrStatus, "not followed"},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<p>hello</p>")
		}, ErrFormat, "text/html"},
		{"protobuf", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited")
		}, ErrFormat, "protobuf"},
		{"no UTF-8", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a{b=\"\xff\"} 1\n") }, ErrFormat, "label value"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "this is not\x00 it\n") }, ErrFormat, ""},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for line := []byte("# " + strings.Repeat("x", 1<<16) + "\n"); ; {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, ErrTooLarge, "10 MiB"},
		{"a bomb", func(w http.ResponseWriter, _ *http.Request) {
			for range maxLines + 1 {
				_, _ = io.WriteString(w, "a 1\n")
			}
		}, ErrTooLarge, "lines"},
		{"a large head", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", maxHeader+1)) }, nil, "header"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", openMetrics)
			_, _ = io.WriteString(w, "a 1\n")
		}, ErrFormat, "# EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Scrape(t.Context(), serve(t, c.serve))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestDeadline: a service that does not answer ends with the deadline.
func TestDeadline(t *testing.T) {
	end := make(chan struct{})
	o := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer close(end)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Scrape(ctx, o); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not answer in time") {
		t.Error(err)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"http_*", "http_requests_total", true},
		{"http_*", "https_total", false},
		{"*", "x", true},
		{"a", "a", true},
		{"a", "ab", false},
		{"*_total", "a_total_total", true},
		{"a*b*c", "a1b2b3c", true},
		{"a*b*c", "a1b2", false},
		{"**", "", true},
		{"", "a", false},
		{strings.Repeat("*a", 60), strings.Repeat("a", 120) + "b", false},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("%q %q: %v", c.pattern, c.name, got)
		}
	}
}
