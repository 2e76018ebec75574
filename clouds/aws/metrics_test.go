package aws

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

// results is a GetMetricData answer; CloudWatch speaks CBOR.
func results(token string, list ...cbor.Value) answer {
	m := cbor.Map{"MetricDataResults": cbor.List(list)}
	if token != "" {
		m["NextToken"] = cbor.String(token)
	}
	return answer{status: 200, body: string(cbor.Encode(m)), header: "application/cbor"}
}

func result(id, status string, at time.Time, values ...float64) cbor.Value {
	var v, ts cbor.List
	for i, x := range values {
		v = append(v, cbor.Float64(x))
		ts = append(ts, &cbor.Tag{ID: 1, Value: cbor.Float64(at.Add(-time.Duration(i) * time.Minute).Unix())})
	}
	return cbor.Map{"Id": cbor.String(id), "StatusCode": cbor.String(status), "Values": v, "Timestamps": ts}
}

func TestMetrics(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	f, c := serve(t, map[string][]answer{
		"GetMetricData us-east-1": {
			results("more", result("q0_0", "Complete", at, 42.5, 10), result("q0_1", "PartialData", at, 6000)),
			results("", result("q0_1", "Complete", at.Add(-time.Minute), 1), result("q0_2", "Complete", at, 600)),
		},
		// Not measured yet.
		"GetMetricData eu-west-1": {results("", result("q0_0", "Complete", at))},
	})
	c.now = func() time.Time { return at.Add(3 * time.Minute) }
	got, err := c.Metrics(t.Context(), []clouds.Measured{{Name: "echo-0", ID: "i-1", Region: "us-east-1"}, {Name: "echo-1", ID: "i-2", Region: "eu-west-1"}})
	if err != nil {
		t.Fatal(err)
	}
	end := at.Add(time.Minute)
	if diff := cmp.Diff([]clouds.Reading{
		{Instance: "echo-0", Name: clouds.MetricCPU, Value: 0.425, At: end},
		{Instance: "echo-0", Name: clouds.MetricReceive, Value: 100, At: end},
		{Instance: "echo-0", Name: clouds.MetricTransmit, Value: 10, At: end},
	}, got); diff != "" {
		t.Error(diff)
	}
	if n := f.count("monitoring:GetMetricData"); n != 3 {
		t.Errorf("%d calls", n)
	}
	for _, want := range []string{"CPUUtilization", "NetworkIn", "NetworkOut", "i-1", "TimestampDescending"} {
		if !strings.Contains(f.bodies["GetMetricData"][0]+f.bodies["GetMetricData"][1]+f.bodies["GetMetricData"][2], want) {
			t.Errorf("%s was not asked for", want)
		}
	}
}

func TestMetricsInFewCalls(t *testing.T) {
	f, c := serve(t, map[string][]answer{"GetMetricData": {results("")}})
	var many []clouds.Measured
	for i := range 400 {
		many = append(many, clouds.Measured{Name: fmt.Sprint(i), ID: fmt.Sprint("i-", i), Region: []string{"us-east-1", "us-west-2"}[i%2]})
	}
	if got, err := c.Metrics(t.Context(), many); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if n := f.count("monitoring:GetMetricData"); n != 4 {
		t.Errorf("%d calls for 200 instances in each of two regions, want 4", n)
	}
	if got, err := c.Metrics(t.Context(), nil); err != nil || got != nil || f.count("") != 4 {
		t.Errorf("nothing was asked for: %v, %v", got, err)
	}
}

func TestMetricsRefused(t *testing.T) {
	body := string(cbor.Encode(cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#AccessDeniedException"), "message": cbor.String("User is not authorized to perform: cloudwatch:GetMetricData")}))
	for name, c := range map[string]struct {
		say  answer
		want string
	}{
		"the call": {answer{status: 403, body: body, header: "application/cbor"}, "metrics in us-east-1: the credentials of variable AWS_ACCESS_KEY_ID may not do this"},
		"a metric": {results("", result("q0_0", "Forbidden", time.Now())), "CPUUtilization of i-1: CloudWatch says Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := serve(t, map[string][]answer{"GetMetricData": {c.say}})
			if _, err := cloud.Metrics(t.Context(), []clouds.Measured{{ID: "i-1", Region: "us-east-1"}}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not say %q", err, c.want)
			}
		})
	}
}

// Of a minute that is not over only what has passed counts, and what has only
// begun says nothing.
func TestMetricsUnderWay(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for passed, want := range map[time.Duration]clouds.Reading{
		20 * time.Second: {Name: clouds.MetricReceive, Value: 300, At: at.Add(20 * time.Second)},
		2 * time.Second:  {Name: clouds.MetricReceive, Value: 10, At: at},
	} {
		_, c := serve(t, map[string][]answer{"GetMetricData": {results("", result("q0_1", "Complete", at, 6000, 600))}})
		c.now = func() time.Time { return at.Add(passed) }
		got, err := c.Metrics(t.Context(), []clouds.Measured{{ID: "i-1", Region: "us-east-1"}})
		if diff := cmp.Diff([]clouds.Reading{want}, got); err != nil || diff != "" {
			t.Errorf("after %s: %v %s", passed, err, diff)
		}
	}
}
