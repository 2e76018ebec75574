package logrule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skysail/qos/logrule"
	"skysail/spec"
)

// shown applies rules to lines and lists what came of it, by way of the store's
// form after each line.
func shown(t *testing.T, rules []spec.LogRule, lines ...string) map[string]float64 {
	t.Helper()
	set, err := logrule.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	totals := set.NewTotals(nil)
	for _, l := range lines {
		totals.Line(l, time.Unix(1, 0))
		totals = set.NewTotals(totals.Changed()[:])
		if len(lines) > 0 && len(totals.Metrics()) == 0 {
			totals = set.NewTotals(nil)
		}
	}
	out := map[string]float64{}
	for _, m := range totals.Metrics() {
		out[fmt.Sprint(m.Name, m.Labels)] = m.Value
	}
	return out
}

func TestKinds(t *testing.T) {
	rules := []spec.LogRule{{Name: "requests", JSON: map[string]string{"level": "info"}, Metric: spec.LogHistogram, Value: "req.seconds", Buckets: []float64{1, 2}}}
	got := shown(t, rules, `{"level":"info","req":{"seconds":1}}`, `{"level":"info","req":{"seconds":"1.5"}}`, `{"level":"info","req":{"seconds":9}}`)
	for name, want := range map[string]float64{
		"log_requests_bucketmap[le:1]": 1, "log_requests_bucketmap[le:2]": 2, "log_requests_bucketmap[le:+Inf]": 3,
		"log_requests_summap[]": 11.5, "log_requests_countmap[]": 3,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v in %v", name, got[name], want, got)
		}
	}
	gauge := []spec.LogRule{{Name: "queue", Logfmt: map[string]string{}, Metric: spec.LogGauge, Value: "n"}}
	if got := shown(t, gauge, "msg=\"a b\" n=3", "n=2 msg=x"); got["log_queuemap[]"] != 2 {
		t.Errorf("%v", got)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	set, err := logrule.Compile([]spec.LogRule{{Name: "hits", Regex: `user=(?P<user>\S+)`, Labels: map[string]string{"user": "user"}, MaxSeries: 2}})
	if err != nil {
		t.Fatal(err)
	}
	totals := set.NewTotals(nil)
	for i := range 10 {
		totals.Line(fmt.Sprintf("user=%d%s", i, strings.Repeat("é", 200)), time.Unix(1, 0))
	}
	dropped, series := 0.0, 0
	for _, m := range totals.Metrics() {
		if m.Name == logrule.SeriesDropped {
			dropped = m.Value
		} else if series++; len(m.Labels["user"]) > 128 {
			t.Errorf("a label of %d bytes", len(m.Labels["user"]))
		}
	}
	if dropped != 8 || series != 2 {
		t.Errorf("%d series, %v dropped", series, dropped)
	}
}

func TestValuesThatAreNone(t *testing.T) {
	rules := []spec.LogRule{{Name: "bytes", Regex: `sent (?P<n>\S+)`, Value: "n"}}
	for _, v := range []string{"x", "NaN", "Inf", "-1", "1.5s"} {
		got := shown(t, rules, "sent "+v)
		if len(got) != 1 || got["skysail_log_value_errors_totalmap[rule:bytes]"] != 1 {
			t.Errorf("%s: %v", v, got)
		}
	}
}
