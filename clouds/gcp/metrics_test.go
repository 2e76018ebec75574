package gcp

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

// series is one time series, its points newest first as Google sends them.
func series(instance string, points ...string) string {
	return fmt.Sprintf(`{"metric":{"labels":{"instance_name":%q}},"points":[%s]}`, instance, strings.Join(points, ","))
}

func point(end, value string) string {
	return fmt.Sprintf(`{"interval":{"endTime":%q},"value":{%s}}`, end, value)
}

func TestMetrics(t *testing.T) {
	const path = "GET /v3/projects/" + project + "/timeSeries"
	query := func(kind, aligner, reducer, page string) string {
		q := url.Values{
			"filter":                         {`metric.type = "compute.googleapis.com/instance/` + kind + `" AND resource.type = "gce_instance" AND metadata.user_labels.skysail = "true"`},
			"interval.startTime":             {"2026-11-24T11:50:00Z"},
			"interval.endTime":               {"2026-11-24T12:00:00Z"},
			"aggregation.alignmentPeriod":    {"60s"},
			"aggregation.perSeriesAligner":   {aligner},
			"aggregation.crossSeriesReducer": {reducer},
			"aggregation.groupByFields":      {"metric.labels.instance_name"},
		}
		if page != "" {
			q.Set("pageToken", page)
		}
		return path + "?" + q.Encode()
	}
	f, c := serve(t, map[string][]answer{
		query("cpu/utilization", "ALIGN_MEAN", "REDUCE_MEAN", ""): ok(`{"timeSeries":[` +
			series("skysail-a-0", point("2026-11-24T11:57:00Z", `"doubleValue":0.25`), point("2026-11-24T11:56:00Z", `"doubleValue":0.9`)) + `],"nextPageToken":"two"}`),
		query("cpu/utilization", "ALIGN_MEAN", "REDUCE_MEAN", "two"): ok(`{"timeSeries":[` +
			series("skysail-a-1", point("2026-11-24T11:56:00Z", `"doubleValue":0.5`)) + `,` + series("skysail-b-0", point("2026-11-24T11:56:00Z", `"doubleValue":1`)) + `]}`),
		query("network/received_bytes_count", "ALIGN_RATE", "REDUCE_SUM", ""): ok(`{"timeSeries":[` +
			series("skysail-a-0", point("2026-11-24T11:57:00Z", `"int64Value":"1200"`)) + `,` + series("skysail-a-1", point("2026-11-24T11:57:00Z", `"stringValue":"x"`)) + `]}`),
		query("network/sent_bytes_count", "ALIGN_RATE", "REDUCE_SUM", ""): ok(`{}`),
	})
	c.now = func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	got, err := c.Metrics(t.Context(), []clouds.Measured{{Name: "skysail-a-1"}, {Name: "skysail-a-0"}, {Name: "skysail-new-0"}})
	if err != nil {
		t.Fatal(err)
	}
	minute := func(m int) time.Time { return time.Date(2026, 11, 24, 11, m, 0, 0, time.UTC) }
	want := []clouds.Reading{
		{Instance: "skysail-a-1", Name: clouds.MetricCPU, Value: 0.5, At: minute(56)},
		{Instance: "skysail-a-0", Name: clouds.MetricCPU, Value: 0.25, At: minute(57)},
		{Instance: "skysail-a-0", Name: clouds.MetricReceive, Value: 1200, At: minute(57)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := f.count(path); n != 4 {
		t.Errorf("%d calls for three instances, want one a metric and page", n)
	}
	if c.MetricsCost(nil).Every != time.Minute {
		t.Errorf("asked every %s", c.MetricsCost(nil).Every)
	}
}

func TestMetricsOfNothing(t *testing.T) {
	f, c := serve(t, nil)
	if got, err := c.Metrics(t.Context(), nil); err != nil || len(got) != 0 || f.count("") != 0 {
		t.Errorf("%v, %v after %d calls", got, err, f.count(""))
	}
}

func TestMetricsRefused(t *testing.T) {
	_, c := serve(t, map[string][]answer{"GET /v3/projects/" + project + "/timeSeries": {no(403, "forbidden", "Permission monitoring.timeSeries.list denied (or the resource may not exist).")}})
	if _, err := c.Metrics(t.Context(), []clouds.Measured{{Name: "a"}}); err == nil || !strings.Contains(err.Error(), "may not do this") {
		t.Errorf("the error does not say what to do: %v", err)
	}
}
