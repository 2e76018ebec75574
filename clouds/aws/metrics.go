package aws

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
)

const (
	// period is the resolution of detailed monitoring, which the module turns on:
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html
	period = time.Minute
	// lookBack is how late a reading can be; CloudWatch is minutes late.
	lookBack = 15 * time.Minute
	// maxQueries is how many metrics one GetMetricData takes:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
	maxQueries = 500
	// metricRegions bounds how many regions are asked at once.
	metricRegions = 4
)

// measures are the metrics of EC2 that say something of load from outside;
// memory and disk need an agent inside:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
var measures = []struct {
	name, stat, ours string
	// scale makes the unit ours: percent into a share. A sum is that of a
	// second already.
	scale float64
}{
	{"CPUUtilization", "Average", clouds.MetricCPU, 1.0 / 100},
	{"NetworkIn", "Sum", clouds.MetricReceive, 1},
	{"NetworkOut", "Sum", clouds.MetricTransmit, 1},
}

// MetricsCost is one call for each region and 166 instances, at $0.01 a thousand
// metrics, three an instance (https://aws.amazon.com/cloudwatch/pricing/), as often
// as CloudWatch has something new.
func (c *Cloud) MetricsCost(instances []clouds.Measured) clouds.MetricsCost {
	return clouds.MetricsCost{
		Calls: len(batched(instances)), USD: float64(len(instances)*len(measures)) * 0.01 / 1000, Every: period,
	}
}

// Metrics returns the newest readings, by one call to CloudWatch for each
// region and each 166 instances. It may be retried.
func (c *Cloud) Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error) {
	if len(instances) == 0 {
		return nil, nil
	}
	api, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer api.close()
	batches := batched(instances)
	read := make([][]clouds.Reading, len(batches))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(metricRegions)
	for i, b := range batches {
		g.Go(func() error {
			var err error
			if read[i], err = api.metrics(gctx, b); err != nil {
				return fmt.Errorf("metrics in %s: %w", b[0].Region, api.explain(err))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []clouds.Reading
	for _, r := range read {
		out = append(out, r...)
	}
	return out, nil
}

// batched puts instances of one region together, as many as one call takes.
func batched(instances []clouds.Measured) [][]clouds.Measured {
	most := maxQueries / len(measures)
	var out [][]clouds.Measured
	open := map[string]int{} // by region, where there is room
	for _, m := range instances {
		i, ok := open[m.Region]
		if !ok || len(out[i]) == most {
			i = len(out)
			open[m.Region], out = i, append(out, nil)
		}
		out[i] = append(out[i], m)
	}
	return out
}

// metrics asks for one batch, all of one region.
func (a *client) metrics(ctx context.Context, batch []clouds.Measured) ([]clouds.Reading, error) {
	var queries []types.MetricDataQuery
	for i, m := range batch {
		for k, measure := range measures {
			queries = append(queries, types.MetricDataQuery{
				Id: sdk.String(fmt.Sprintf("q%d_%d", i, k)),
				MetricStat: &types.MetricStat{
					Metric: &types.Metric{
						Namespace: sdk.String("AWS/EC2"), MetricName: sdk.String(measure.name),
						Dimensions: []types.Dimension{{Name: sdk.String("InstanceId"), Value: sdk.String(m.ID)}},
					},
					Period: sdk.Int32(int32(period.Seconds())), Stat: sdk.String(measure.stat),
				},
			})
		}
	}
	now := a.cloud.now().UTC()
	pages := cloudwatch.NewGetMetricDataPaginator(getMetricData(a.cloudwatch(batch[0].Region).GetMetricData), &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: sdk.Time(now.Add(-lookBack).Truncate(period)), EndTime: sdk.Time(now), ScanBy: types.ScanByTimestampDescending,
	})
	// The newest value of a metric is the first that comes.
	newest := map[string]clouds.Reading{}
	for pages.HasMorePages() {
		var page *cloudwatch.GetMetricDataOutput
		if err := call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		}); err != nil {
			return nil, err
		}
		for _, r := range page.MetricDataResults {
			var i, k int
			if _, err := fmt.Sscanf(sdk.ToString(r.Id), "q%d_%d", &i, &k); err != nil || i >= len(batch) || k >= len(measures) {
				continue
			}
			if r.StatusCode == types.StatusCodeForbidden || r.StatusCode == types.StatusCodeInternalError {
				return nil, fmt.Errorf("%s of %s: CloudWatch says %s", measures[k].name, batch[i].ID, r.StatusCode)
			}
			if _, ok := newest[*r.Id]; ok {
				continue
			}
			if v, at, ok := latest(&r, now, measures[k].stat == "Sum"); ok {
				newest[*r.Id] = clouds.Reading{Instance: batch[i].Name, Name: measures[k].ours, Value: v * measures[k].scale, At: at}
			}
		}
	}
	var out []clouds.Reading
	for _, q := range queries {
		if r, ok := newest[*q.Id]; ok {
			out = append(out, r)
		}
	}
	return out, nil
}

// leastSpan is the shortest part of a period under way that says something.
const leastSpan = 5 * time.Second

// latest is the newest value of a result, and the end of the time that it is
// about. A sum is made that of a second: of the period under way only the
// part that has passed counts.
func latest(r *types.MetricDataResult, now time.Time, sum bool) (float64, time.Time, bool) {
	for i := range min(len(r.Values), len(r.Timestamps)) {
		begin := r.Timestamps[i] // of the period
		end := begin.Add(period)
		if end.After(now) {
			end = now
		}
		switch span := end.Sub(begin); {
		case span < leastSpan:
			continue
		case sum:
			return r.Values[i] / span.Seconds(), end, true
		default:
			return r.Values[i], end, true
		}
	}
	return 0, time.Time{}, false
}
