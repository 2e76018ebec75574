package gcp

import (
	"math"
	"testing"
	"time"

	"google.golang.org/api/compute/v1"
	"google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"skysail/sandbox/api"
)

func TestTimeSeries(t *testing.T) {
	c := newCloud(t)
	c.instance("web", func(i *compute.Instance) { i.Labels["skysail"] = "true" })
	c.instance("quiet", func(i *compute.Instance) { i.Labels["skysail"] = "true" })
	c.instance("other")
	now := time.Now().UTC().Truncate(time.Second)
	at := func(seconds int, cpu float64, in, out uint64) api.Usage {
		return api.Usage{At: now.Add(time.Duration(seconds) * time.Second), CPUSeconds: cpu, ReceivedBytes: in, SentBytes: out}
	}
	for _, s := range c.world.State().ServersOf(provider) {
		if s.Name == "quiet" {
			continue
		}
		// Two vCPUs: half of one, then all of both.
		c.seen.usage[s.ID] = []api.Usage{at(-90, 10, 1000, 0), at(-50, 30, 5000, 100), at(-10, 110, 9000, 500), at(30, 999, 1<<40, 0)}
	}
	s, err := monitoring.NewService(t.Context(), c.as(c.token()), option.WithEndpoint(c.url+"/"))
	check(t, err)
	list := func(metric string) *monitoring.ProjectsTimeSeriesListCall {
		return s.Projects.TimeSeries.List("projects/" + Project).
			Filter(`metric.type = "compute.googleapis.com/instance/` + metric + `" AND resource.type = "gce_instance" AND metadata.user_labels.skysail = "true"`).
			IntervalStartTime(now.Add(-10 * time.Minute).Format(time.RFC3339)).IntervalEndTime(now.Format(time.RFC3339))
	}
	raw, err := list("cpu/utilization").Do()
	check(t, err)
	if len(raw.TimeSeries) != 1 {
		t.Fatalf("%d series", len(raw.TimeSeries))
	}
	one := raw.TimeSeries[0]
	if len(one.Points) != 2 || *one.Points[0].Value.DoubleValue != 1 || *one.Points[1].Value.DoubleValue != 0.25 || one.Metric.Labels["instance_name"] != "web" || one.MetricKind != "GAUGE" {
		t.Errorf("cpu: %+v %+v", one.Metric, one.Points)
	}
	if one.Points[0].Interval.EndTime != now.Add(-10*time.Second).Format(time.RFC3339Nano) {
		t.Errorf("newest point at %s", one.Points[0].Interval.EndTime)
	}
	for metric, tc := range map[string]struct {
		aligner, reducer string
		want             float64
	}{
		"cpu/utilization":              {"ALIGN_MEAN", "REDUCE_MEAN", 0.625},
		"network/received_bytes_count": {"ALIGN_RATE", "REDUCE_SUM", 100},
		"network/sent_bytes_count":     {"ALIGN_RATE", "REDUCE_SUM", 6.25},
	} {
		got, err := list(metric).AggregationAlignmentPeriod("60s").AggregationPerSeriesAligner(tc.aligner).
			AggregationCrossSeriesReducer(tc.reducer).AggregationGroupByFields("metric.labels.instance_name").Do()
		check(t, err)
		if len(got.TimeSeries) != 1 || len(got.TimeSeries[0].Points) != 1 || math.Abs(*got.TimeSeries[0].Points[0].Value.DoubleValue-tc.want) > 1e-9 {
			t.Errorf("%s: %+v", metric, got.TimeSeries)
			continue
		}
		if got.TimeSeries[0].Metric.Labels["instance_name"] != "web" {
			t.Errorf("%s: labels %v", metric, got.TimeSeries[0].Metric.Labels)
		}
	}
	bytes, err := list("network/sent_bytes_count").Do()
	check(t, err)
	if p := bytes.TimeSeries[0].Points; len(p) != 2 || *p[0].Value.Int64Value != 400 {
		t.Errorf("sent: %+v", p)
	}
	_, err = list("disk/temperature").Do()
	wantError(t, err, 404, "notFound", "Cannot find metric(s) that match type")
	_, err = list("cpu/utilization").AggregationAlignmentPeriod("60s").AggregationPerSeriesAligner("ALIGN_RATE").Do()
	wantError(t, err, 400, "badRequest", "cannot be applied to metrics with kind GAUGE")
	_, err = list("cpu/utilization").Filter(`resource.type = "gce_instance"`).Do()
	wantError(t, err, 400, "badRequest", "must specify exactly one metric type")
}
