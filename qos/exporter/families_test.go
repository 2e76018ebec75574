package exporter

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"skysail/qos"
)

func families(t *testing.T, text string) []*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	all, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var out []*dto.MetricFamily
	for _, f := range all {
		out = append(out, f)
	}
	return out
}

// TestServiceFamilies: what services tell is passed on with their labels,
// types and help, and nothing of it breaks the scrape of the others.
func TestServiceFamilies(t *testing.T) {
	other := remote
	other.Instance = "echo-1"
	r := result()
	r.Samples = append(r.Samples,
		sample(remote, "metrics", "jobs_total", 3, "kind", "a"), // served whole
		sample(remote, "metrics", "skysail_service_series", 6))
	r.Reports = append(r.Reports,
		qos.Report{Target: remote, Source: "metrics", ObservedAt: epoch, Families: families(t, `# HELP jobs_total Jobs, by kind.
# TYPE jobs_total counter
jobs_total{kind="a",instance="theirs",exported_instance="older"} 3
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 7
took_seconds_count 3
# HELP node_load1 As node_exporter tells it.
# TYPE node_load1 counter
node_load1 9
`)},
		qos.Report{Target: other, Source: "metrics", ObservedAt: epoch, Families: families(t, `# HELP jobs_total Jobs in other words.
# TYPE jobs_total counter
jobs_total{kind="b"} 4
# TYPE took_seconds gauge
took_seconds 1
`)})
	e := New(always(r), withClock(at(epoch)))
	e.turn(context.Background())
	want := `# HELP jobs_total Jobs, by kind.
# TYPE jobs_total counter
jobs_total{deployment="echo",exported_exported_instance="theirs",exported_instance="older",instance="echo-0",kind="a",provider="vultr",region="ewr",sandbox="true"} 3
jobs_total{deployment="echo",instance="echo-1",kind="b",provider="vultr",region="ewr",sandbox="true"} 4
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{deployment="echo",instance="echo-0",provider="vultr",region="ewr",sandbox="true",le="1"} 2
took_seconds_bucket{deployment="echo",instance="echo-0",provider="vultr",region="ewr",sandbox="true",le="+Inf"} 3
took_seconds_sum{deployment="echo",instance="echo-0",provider="vultr",region="ewr",sandbox="true"} 7
took_seconds_count{deployment="echo",instance="echo-0",provider="vultr",region="ewr",sandbox="true"} 3
`
	if err := testutil.CollectAndCompare(e, strings.NewReader(want), "jobs_total", "took_seconds"); err != nil {
		t.Error(err)
	}
	if err := testutil.CollectAndCompare(only{e, "home"}, strings.NewReader(""), "jobs_total", "took_seconds"); err != nil {
		t.Errorf("of another deployment: %v", err)
	}
	for _, accept := range []string{"text/plain", "application/openmetrics-text;version=1.0.0"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		req.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, req)
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, `took_seconds_count{deployment="echo"`) || !strings.Contains(body, "# TYPE node_load1 gauge\n") || strings.Contains(body, `} 9`) {
			t.Errorf("%s: %d\n%s", accept, w.Code, body)
		}
	}
}
