package gcp

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"skysail/clouds"
)

const (
	// resolution is how often Google measures; a value can be read up to four
	// minutes later (https://docs.cloud.google.com/monitoring/api/metrics_gcp).
	resolution = time.Minute
	// window is how far back we look for the newest value.
	window = 10 * time.Minute
)

// measured are the metrics that are read, each in one call for all instances
// together. aligner and reducer make one value a minute and instance of them.
var measured = []struct{ kind, name, aligner, reducer string }{
	{"compute.googleapis.com/instance/cpu/utilization", clouds.MetricCPU, "ALIGN_MEAN", "REDUCE_MEAN"},
	{"compute.googleapis.com/instance/network/received_bytes_count", clouds.MetricReceive, "ALIGN_RATE", "REDUCE_SUM"},
	{"compute.googleapis.com/instance/network/sent_bytes_count", clouds.MetricTransmit, "ALIGN_RATE", "REDUCE_SUM"},
}

// MetricsCost is one call a metric for all instances, at $0.50 a million series
// (https://cloud.google.com/stackdriver/pricing): asking more often than Google
// measures would pay for the same values again.
func (c *Cloud) MetricsCost(instances []clouds.Measured) clouds.MetricsCost {
	return clouds.MetricsCost{Calls: len(measured), USD: float64(len(instances)*len(measured)) * 0.5 / 1e6, Every: resolution}
}

// Metrics reads the newest values of the instances: CPU, and network traffic.
// Memory and disk are measured only by an agent that we do not install. It
// may be retried; each of its three calls is billed by the series returned.
func (c *Cloud) Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error) {
	if len(instances) == 0 {
		return nil, nil
	}
	api, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer api.close()
	service, err := monitoring.NewService(ctx, option.WithHTTPClient(api.http), option.WithEndpoint(c.api.monitoring))
	if err != nil {
		return nil, err
	}
	var out []clouds.Reading
	for _, m := range measured {
		now := c.now()
		newest := map[string]clouds.Reading{}
		list := service.Projects.TimeSeries.List("projects/" + api.project).
			Filter(fmt.Sprintf(`metric.type = %q AND resource.type = "gce_instance" AND metadata.user_labels.skysail = "true"`, m.kind)).
			IntervalStartTime(now.Add(-window).UTC().Format(time.RFC3339)).
			IntervalEndTime(now.UTC().Format(time.RFC3339)).
			AggregationAlignmentPeriod(fmt.Sprintf("%ds", int(resolution.Seconds()))).
			AggregationPerSeriesAligner(m.aligner).
			AggregationCrossSeriesReducer(m.reducer).
			AggregationGroupByFields("metric.labels.instance_name")
		err := call(ctx, func(ctx context.Context) error {
			return list.Pages(ctx, func(page *monitoring.ListTimeSeriesResponse) error {
				for _, series := range page.TimeSeries {
					keepNewest(newest, series, m.name)
				}
				return nil
			})
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", m.kind, api.explain(err))
		}
		for _, i := range instances {
			if r, ok := newest[i.Name]; ok {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// keepNewest takes the last point of a series.
func keepNewest(newest map[string]clouds.Reading, series *monitoring.TimeSeries, name string) {
	if series.Metric == nil {
		return
	}
	instance := series.Metric.Labels["instance_name"]
	for _, p := range series.Points {
		value, ok := number(p.Value)
		if !ok || p.Interval == nil {
			continue
		}
		at := when(p.Interval.EndTime)
		if at.After(newest[instance].At) {
			newest[instance] = clouds.Reading{Instance: instance, Name: name, Value: value, At: at}
		}
	}
}

func number(v *monitoring.TypedValue) (float64, bool) {
	switch {
	case v == nil:
		return 0, false
	case v.DoubleValue != nil:
		return *v.DoubleValue, true
	case v.Int64Value != nil:
		return float64(*v.Int64Value), true
	default:
		return 0, false
	}
}
