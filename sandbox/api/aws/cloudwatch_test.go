package aws

import (
	"math"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/api"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// metricQuery asks for the ten minutes from noon on.
func metricQuery(id, metric, stat string, period int32) *cloudwatch.GetMetricDataInput {
	return &cloudwatch.GetMetricDataInput{
		StartTime: awssdk.Time(noon), EndTime: awssdk.Time(noon.Add(10 * time.Minute)), ScanBy: cwtypes.ScanByTimestampAscending,
		MetricDataQueries: []cwtypes.MetricDataQuery{{Id: awssdk.String("q"), MetricStat: &cwtypes.MetricStat{
			Metric: &cwtypes.Metric{
				Namespace: awssdk.String("AWS/EC2"), MetricName: &metric,
				Dimensions: []cwtypes.Dimension{{Name: awssdk.String("InstanceId"), Value: &id}},
			},
			Period: &period, Stat: &stat,
		}}},
	}
}

func TestMetrics(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	detailed := c.instance(sg, func(in *ec2.RunInstancesInput) {
		in.Monitoring = &types.RunInstancesMonitoringEnabled{Enabled: awssdk.Bool(true)}
	})
	basic := c.instance(sg)
	// Of two vCPUs one is busy in the first minute and both in the second;
	// then the machine is restarted and idle.
	at := func(sec int, cpu float64, in, out uint64) api.Usage {
		return api.Usage{At: noon.Add(time.Duration(sec) * time.Second), CPUSeconds: cpu, ReceivedBytes: in, SentBytes: out}
	}
	c.fleet.seen = []api.Usage{at(0, 10, 1000, 50), at(30, 40, 1600, 50), at(90, 130, 2800, 80), at(120, 190, 3400, 110), at(150, 1, 0, 0), at(180, 1, 30, 0)}
	cw := cloudwatch.NewFromConfig(c.config)
	values := func(id, metric, stat string, period int32) []float64 {
		t.Helper()
		out, err := cw.GetMetricData(t.Context(), metricQuery(id, metric, stat, period))
		check(t, err)
		r := out.MetricDataResults[0]
		if *r.Id != "q" || r.StatusCode != "Complete" || len(r.Timestamps) != len(r.Values) || (len(r.Timestamps) > 0 && !r.Timestamps[0].Equal(noon)) {
			t.Errorf("%s: %+v", metric, r)
		}
		for i, v := range r.Values {
			r.Values[i] = math.Round(v*100) / 100
		}
		return r.Values
	}
	for _, tc := range []struct {
		id, metric, stat string
		period           int32
		want             []float64
	}{
		// 30 + 45 of 120 seconds, then 45 + 60 of 120, then none of those seen.
		{*detailed.InstanceId, "CPUUtilization", "Average", 60, []float64{62.5, 87.5, 0}},
		{*detailed.InstanceId, "CPUUtilization", "Maximum", 300, []float64{87.5}},
		{*detailed.InstanceId, "NetworkIn", "Sum", 60, []float64{1200, 1200, 30}},
		{*detailed.InstanceId, "NetworkIn", "Sum", 300, []float64{2430}},
		{*detailed.InstanceId, "NetworkIn", "Average", 300, []float64{810}},
		{*detailed.InstanceId, "NetworkIn", "SampleCount", 300, []float64{3}},
		{*detailed.InstanceId, "NetworkOut", "Minimum", 300, []float64{0}},
		// One sample in five minutes: 180 CPU seconds of the 150 seconds seen.
		{*basic.InstanceId, "CPUUtilization", "Average", 60, []float64{60}},
		{*basic.InstanceId, "NetworkOut", "Sum", 300, []float64{60}},
		{*detailed.InstanceId, "DiskReadBytes", "Average", 60, []float64{}},
		{"i-0123456789abcdef0", "CPUUtilization", "Average", 60, []float64{}},
	} {
		if diff := cmp.Diff(tc.want, values(tc.id, tc.metric, tc.stat, tc.period)); diff != "" {
			t.Errorf("%s %s %d (-want +got):\n%s", tc.metric, tc.stat, tc.period, diff)
		}
	}
	q := metricQuery(*detailed.InstanceId, "CPUUtilization", "Average", 60)
	q.ScanBy = cwtypes.ScanByTimestampDescending
	out, err := cw.GetMetricData(t.Context(), q)
	check(t, err)
	if ts := out.MetricDataResults[0].Timestamps; len(ts) != 3 || !ts[0].Equal(noon.Add(2*time.Minute)) {
		t.Errorf("newest first: %v", ts)
	}
	_, err = cw.GetMetricData(t.Context(), metricQuery("i", "CPUUtilization", "Average", 7))
	wantError(t, err, "ValidationError", "Period must be a multiple of 60")
	q.StartTime = q.EndTime
	_, err = cw.GetMetricData(t.Context(), q)
	wantError(t, err, "ValidationError", "EndTime must be greater than StartTime")
	cfg := c.config.Copy()
	cfg.Region = "eu-central-1"
	out, err = cloudwatch.NewFromConfig(cfg).GetMetricData(t.Context(), metricQuery(*detailed.InstanceId, "CPUUtilization", "Average", 60))
	check(t, err)
	if len(out.MetricDataResults[0].Values) != 0 {
		t.Error("another region measures it")
	}
}
